//! What a bucket is reached with: the variables that every S3 tool reads, or the file of credentials.

use std::sync::Arc;
use std::time::Duration;

use indelible_log::storage::{FileStorage, read_whole};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use crate::limits;
use crate::target::TargetError;

/// Where variables are looked up.
pub type Variables = Arc<dyn Fn() -> Vec<(String, String)> + Send + Sync>;

/// How buckets are reached.
#[derive(Clone)]
pub struct S3Options {
    /// The variables `AWS_*` and `HOME`, asked for again at each operation, so that renewed credentials count.
    pub variables: Variables,
    /// How long to wait before a request is sent again, at first and at most.
    pub backoff: (Duration, Duration),
    /// Bytes of a part of an upload, and of a piece that is read at a time. Services take no less than 5 MiB.
    pub part_bytes: u64,
}

impl S3Options {
    /// With the variables of this process.
    pub fn from_env() -> S3Options {
        let ours = |name: &str| name.starts_with("AWS_") || name == "HOME";
        let variables = move || {
            let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
                Some((name.into_string().ok()?, value.into_string().ok()?))
            };
            std::env::vars_os().filter_map(text).filter(|(name, _)| ours(name)).collect()
        };
        S3Options {
            variables: Arc::new(variables),
            backoff: (Duration::from_millis(200), Duration::from_secs(15)),
            part_bytes: limits::PART_BYTES,
        }
    }
}

/// Everything that a client is made of, so that another one is made only when it differs.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Settings {
    known: Vec<(AmazonS3ConfigKey, String)>,
}

impl Settings {
    /// As they are now.
    pub fn read(variables: &Variables) -> Result<Settings, TargetError> {
        let variables = variables();
        let get = |name: &str| variables.iter().find(|(n, v)| n == name && !v.is_empty());
        let mut known = Vec::new();
        for (name, value) in &variables {
            // Whether a plain connection is allowed is decided here, and the bucket is in the target's name.
            let ours = ["AWS_ALLOW_HTTP", "AWS_BUCKET", "AWS_BUCKET_NAME"].contains(&name.as_str());
            if let Ok(key) = name.to_ascii_lowercase().parse()
                && name.starts_with("AWS_")
                && !ours
                && !value.is_empty()
            {
                known.push((key, value.clone()));
            }
        }
        if get("AWS_ACCESS_KEY_ID").is_none() {
            known.extend(from_file(&|name| get(name).map(|(_, value)| value.clone()))?);
        }
        known.sort_by(|a, b| (a.0.as_ref(), &a.1).cmp(&(b.0.as_ref(), &b.1)));
        Ok(Settings { known })
    }

    /// What must not be in any text.
    pub fn secrets(&self) -> Vec<String> {
        let secret = |key: &AmazonS3ConfigKey| {
            matches!(
                key,
                AmazonS3ConfigKey::AccessKeyId
                    | AmazonS3ConfigKey::SecretAccessKey
                    | AmazonS3ConfigKey::Token
            ) || matches!(key, AmazonS3ConfigKey::Encryption(_))
        };
        self.known.iter().filter(|(key, _)| secret(key)).map(|(_, value)| value.clone()).collect()
    }

    /// The client for a bucket.
    pub fn client(&self, bucket: &str, options: &S3Options) -> Result<AmazonS3, TargetError> {
        let mut builder = AmazonS3Builder::new();
        let mut plain = false;
        for (key, value) in &self.known {
            if matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint) {
                plain |= check_endpoint(value)?;
            }
            builder = builder.with_config(*key, value);
        }
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: options.backoff.0,
                max_backoff: options.backoff.1,
                base: 2.0,
            },
            max_retries: limits::REQUEST_TRIES_MAX,
            retry_timeout: Duration::from_secs(limits::REQUEST_SECONDS_MAX),
        };
        let client = ClientOptions::new()
            .with_allow_http(plain)
            .with_timeout(Duration::from_secs(limits::REQUEST_SECONDS_MAX));
        let built = builder
            .with_bucket_name(bucket)
            .with_client_options(client)
            .with_retry(retry)
            // One request each, which every service understands.
            .with_disable_bulk_delete(true)
            .build();
        built.map_err(|e| {
            TargetError::Bad(format!(
                "s3://{bucket}: {}",
                crate::target::s3::said::hide(&e.to_string(), &self.secrets())
            ))
        })
    }
}

/// Whether an endpoint is spoken to without TLS, which only this machine itself may be.
fn check_endpoint(endpoint: &str) -> Result<bool, TargetError> {
    if endpoint.contains('@') {
        return Err(TargetError::Bad("AWS_ENDPOINT_URL must not hold a user or password".into()));
    }
    let Some(rest) = endpoint.strip_prefix("http://") else { return Ok(false) };
    let host = rest.split(['/', '?']).next().unwrap_or("");
    let host = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if loopback || host == "localhost" {
        return Ok(true);
    }
    let why = format!("AWS_ENDPOINT_URL is http:// and {host} is not this machine: give https://");
    Err(TargetError::Bad(why))
}

/// The credentials of a profile, where there is such a file. Whoever renews them there renews them for a process that
/// runs.
fn from_file(
    get: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(AmazonS3ConfigKey, String)>, TargetError> {
    let given = get("AWS_SHARED_CREDENTIALS_FILE");
    let Some(path) = given.clone().or_else(|| Some(format!("{}/.aws/credentials", get("HOME")?)))
    else {
        return Ok(Vec::new());
    };
    let (dir, name) = path.rsplit_once('/').unwrap_or((".", &path));
    let bad = |why: String| TargetError::Bad(format!("{path}: {why}"));
    let bytes = match read_whole(&FileStorage::new(dir), name, limits::CREDENTIALS_BYTES_MAX) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && given.is_none() => {
            return Ok(Vec::new());
        }
        bytes => bytes.map_err(|e| bad(e.to_string()))?,
    };
    let text = String::from_utf8(bytes).map_err(|_| bad("not UTF-8".into()))?;
    let profile = get("AWS_PROFILE").unwrap_or_else(|| "default".into());
    let found = in_profile(&text, &profile);
    if found.is_empty() && given.is_some() {
        return Err(bad(format!("there is no profile [{profile}] with credentials")));
    }
    Ok(found)
}

fn in_profile(text: &str, profile: &str) -> Vec<(AmazonS3ConfigKey, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = name.trim() == profile;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside) {
            let key = match name.trim() {
                "aws_access_key_id" => AmazonS3ConfigKey::AccessKeyId,
                "aws_secret_access_key" => AmazonS3ConfigKey::SecretAccessKey,
                "aws_session_token" => AmazonS3ConfigKey::Token,
                _ => continue,
            };
            found.push((key, value.trim().to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_connections_stay_on_this_machine() {
        for good in ["http://127.0.0.1:9000", "http://localhost/x", "http://[::1]:9000"] {
            assert!(check_endpoint(good).unwrap(), "{good}");
        }
        assert!(!check_endpoint("https://s3.example.com").unwrap());
        for bad in [
            "http://s3.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost@x.example.com",
        ] {
            assert!(check_endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_profile_is_read_from_the_file_of_credentials() {
        let text = "[default]\naws_access_key_id = A\n[other]\naws_access_key_id=B\naws_session_token = t=1\n";
        let other = in_profile(text, "other");
        assert_eq!(other[0].1, "B");
        assert_eq!(other[1].1, "t=1");
        assert_eq!(in_profile(text, "default").len(), 1);
        assert!(in_profile(text, "none").is_empty());
    }
}
