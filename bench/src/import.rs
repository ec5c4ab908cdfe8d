//! Importing CloudTrail: files as AWS writes them, through the program that people run, beside what this machine takes to
//! do no more than unpack and read them.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::de::IgnoredAny;

use crate::measure::rate_since;
use crate::random::{Random, Zipf};
use crate::table::thousands;

/// Records of one file. AWS writes one each few minutes; a busy account's have some thousands.
const FILE_RECORDS: usize = 20_000;

/// What is imported.
#[derive(Clone, Debug)]
pub struct Import {
    /// Records in all.
    pub records: usize,
    /// Which ones.
    pub seed: u64,
    /// Plain files instead of packed ones.
    pub plain: bool,
    /// The program.
    pub program: PathBuf,
}

const CALLS: [(&str, &str, bool, &str); 12] = [
    ("s3", "GetObject", true, "bucketName"),
    ("s3", "PutObject", false, "bucketName"),
    ("ec2", "DescribeInstances", true, "instanceId"),
    ("sts", "AssumeRole", true, "roleArn"),
    ("kms", "Decrypt", true, "keyId"),
    ("lambda", "Invoke", false, "functionName"),
    ("dynamodb", "PutItem", false, "tableName"),
    ("iam", "ListRoles", true, "roleName"),
    ("logs", "CreateLogStream", false, "logGroupName"),
    ("ec2", "RunInstances", false, "instanceId"),
    ("secretsmanager", "GetSecretValue", true, "secretId"),
    ("iam", "AttachRolePolicy", false, "roleName"),
];

struct Records {
    random: Random,
    calls: Zipf,
    people: Zipf,
    number: u64,
}

impl Records {
    fn new(seed: u64) -> Records {
        let random = Random::new(seed);
        Records { random, calls: Zipf::new(CALLS.len()), people: Zipf::new(2000), number: 0 }
    }

    fn hex(&mut self) -> String {
        format!("{:016x}", self.random.next())
    }

    /// One record of 1 to 2 KB, with the members that AWS writes, in its order.
    fn next(&mut self) -> String {
        self.number += 1;
        let (service, name, read_only, parameter) = CALLS[self.calls.sample(&mut self.random)];
        let who = self.people.sample(&mut self.random);
        let (a, b, c) = (self.hex(), self.hex(), self.hex());
        let second = self.number / 40;
        let (hour, minute, second) = (second / 3600 % 24, second / 60 % 60, second % 60);
        let day = 1 + self.number / 40 / 86_400 % 28;
        let error = match self.random.below(40) {
            0 => {
                r#""errorCode":"AccessDenied","errorMessage":"User is not authorized to perform this action because no identity-based policy allows it","#
            }
            _ => "",
        };
        let (one, two) = (self.random.below(256), self.random.below(256));
        let filters: String = (0..self.random.below(5))
            .map(|i| {
                format!(
                    r#",{{"name":"tag:team","valueSet":{{"items":[{{"value":"team-{i}-{c}"}}]}}}}"#
                )
            })
            .collect();
        format!(
            r#"{{"eventVersion":"1.10","userIdentity":{{"type":"AssumedRole","principalId":"AROA{who:012}:session-{who}","arn":"arn:aws:sts::123456789012:assumed-role/role-{role}/session-{who}","accountId":"123456789012","accessKeyId":"ASIA{who:016}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROA{who:012}","arn":"arn:aws:iam::123456789012:role/role-{role}","accountId":"123456789012","userName":"role-{role}"}},"attributes":{{"creationDate":"2026-01-{day:02}T{hour:02}:00:00Z","mfaAuthenticated":"false"}}}}}},"eventTime":"2026-01-{day:02}T{hour:02}:{minute:02}:{second:02}Z","eventSource":"{service}.amazonaws.com","eventName":"{name}","awsRegion":"eu-central-1","sourceIPAddress":"198.51.{one}.{two}","userAgent":"aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5 md/GOOS#linux md/GOARCH#amd64 api/{service}#1.58.2",{error}"requestParameters":{{"{parameter}":"{service}-{who}-{target}","maxResults":100,"filterSet":{{"items":[{{"name":"vpc-id","valueSet":{{"items":[{{"value":"vpc-{b}"}}]}}}}{filters}]}}}},"responseElements":null,"additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","bytesTransferredOut":{two}}},"requestID":"{a}-{b}","eventID":"{b}-{c}","readOnly":{read_only},"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"123456789012","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{service}.eu-central-1.amazonaws.com"}}}}"#,
            role = who % 60,
            target = self.number % 977,
        )
    }

    /// Writes files of them; the bytes of all records.
    fn write(&mut self, dir: &Path, how: &Import) -> Result<u64> {
        let mut bytes = 0;
        let mut left = how.records;
        let mut file = 0;
        while left > 0 {
            let count = left.min(FILE_RECORDS);
            let mut text = String::from("{\"Records\":[");
            for i in 0..count {
                text.push_str(if i == 0 { "" } else { "," });
                text.push_str(&self.next());
            }
            text.push_str("]}");
            bytes += text.len() as u64;
            let ending = if how.plain { "json" } else { "json.gz" };
            let mut to = File::create(dir.join(format!("trail-{file:05}.{ending}")))?;
            match how.plain {
                true => to.write_all(text.as_bytes())?,
                false => {
                    let mut packed = GzEncoder::new(to, Compression::default());
                    packed.write_all(text.as_bytes())?;
                    packed.finish()?;
                }
            }
            left -= count;
            file += 1;
        }
        Ok(bytes)
    }
}

/// Makes the files below `parent`, imports them, and prints the rates.
pub fn run(parent: &Path, how: &Import) -> Result<()> {
    let dir = tempfile::Builder::new().prefix("import-").tempdir_in(parent)?;
    let logs = dir.path().join("logs");
    std::fs::create_dir(&logs)?;
    let bytes = Records::new(how.seed).write(&logs, how)?;
    let count = thousands(how.records as u64);
    println!(
        "{count} records of CloudTrail, {} bytes each, {}",
        bytes / how.records.max(1) as u64,
        if how.plain { "plain" } else { "gzip" }
    );
    let begun = Instant::now();
    ensure!(read_only(&logs, how)? == how.records, "records went missing");
    println!(
        "unpacked and parsed, one thread: {} records/s",
        thousands(rate_since(begun, how.records) as u64)
    );
    let begun = Instant::now();
    written(&dir.path().join("written"), bytes)?;
    println!(
        "as many bytes written and synced: {} records/s",
        thousands(rate_since(begun, how.records) as u64)
    );
    let data = dir.path().join("data");
    let run = |args: &[&str]| -> Result<bool> {
        let mut command = Command::new(&how.program);
        command.arg("--data").arg(&data).args(args).stdout(Stdio::null());
        command
            .env("XDG_STATE_HOME", dir.path())
            .env_remove("INDELIBLE_URL")
            .env_remove("INDELIBLE_GUARD");
        Ok(command.status().with_context(|| how.program.display().to_string())?.success())
    };
    ensure!(run(&["init", "--origin", "bench.example.com"])?, "no log could be made");
    let begun = Instant::now();
    let logs = logs.to_str().context("the directory's name is not UTF-8")?;
    ensure!(
        run(&["import", "--format", "cloudtrail", "--trail", "aws", logs])?,
        "the import failed"
    );
    println!(
        "imported, durable, indexed and signed: {} records/s",
        thousands(rate_since(begun, how.records) as u64)
    );
    Ok(())
}

/// Unpacks and parses all files, and counts the records.
fn read_only(logs: &Path, how: &Import) -> Result<usize> {
    #[derive(serde::Deserialize)]
    struct Whole {
        #[serde(rename = "Records")]
        records: Vec<IgnoredAny>,
    }
    let mut count = 0;
    for entry in std::fs::read_dir(logs)? {
        let from = BufReader::new(File::open(entry?.path())?);
        let mut text = Vec::new();
        match how.plain {
            true => BufReader::new(from).read_to_end(&mut text)?,
            false => MultiGzDecoder::new(from).read_to_end(&mut text)?,
        };
        count += serde_json::from_slice::<Whole>(&text)?.records.len();
    }
    Ok(count)
}

/// Writes as many bytes and syncs them.
fn written(path: &Path, bytes: u64) -> Result<()> {
    let mut file = File::create(path)?;
    let chunk = vec![0x5a; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        let len = left.min(chunk.len() as u64) as usize;
        file.write_all(&chunk[..len])?;
        left -= len as u64;
    }
    file.sync_all()?;
    Ok(())
}
