use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const CLOUDTRAIL: &str = r#"{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:maria@example.com","arn":"arn:aws:sts::123456789012:assumed-role/Admin/maria@example.com","accountId":"123456789012","accessKeyId":"ASIAEXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::123456789012:role/Admin","accountId":"123456789012","userName":"Admin"},"attributes":{"creationDate":"2026-01-31T09:00:00Z","mfaAuthenticated":"true"}}},"eventTime":"2026-01-31T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"DeleteBucket","awsRegion":"eu-central-1","sourceIPAddress":"192.0.2.7","userAgent":"aws-cli/2.15","errorCode":"AccessDenied","errorMessage":"Access \"Denied\"","requestParameters":{"bucketName":"backups","Host":"s3.example.com"},"responseElements":null,"requestID":"REQ1","eventID":"5c2f7f1e-0000-4000-8000-000000000001","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"123456789012"}"#;

const KUBERNETES: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"a-1","stage":"ResponseComplete","requestURI":"/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=kubectl","verb":"patch","user":{"username":"maria","uid":"u-1","groups":["dev","system:authenticated"]},"impersonatedUser":{"username":"system:serviceaccount:shop:deployer"},"sourceIPs":["192.0.2.7","10.0.0.1"],"userAgent":"kubectl/v1.30","objectRef":{"resource":"deployments","namespace":"shop","name":"web","apiGroup":"apps","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestObject":{"spec":{"replicas":3}},"responseObject":{"kind":"Deployment","spec":{"replicas":3}},"requestReceivedTimestamp":"2026-01-31T10:00:00.000001Z","stageTimestamp":"2026-01-31T10:00:00.123456Z","annotations":{"authorization.k8s.io/decision":"allow"}}"#;

const GITHUB: &str = r#"{"@timestamp":1769853600123,"_document_id":"doc1","action":"org.add_member","actor":"maria","actor_id":7,"actor_ip":"192.0.2.7","actor_location":{"country_code":"DE"},"business":"example","created_at":1769853600123,"operation_type":"create","org":"example","org_id":1,"user":"ben","user_id":8,"user_agent":"Mozilla/5.0","programmatic_access_type":"OAuth access token","token_id":99}"#;

fn event(format: Format, record: &str) -> Value {
    let mut line = Vec::new();
    format.event(record.as_bytes(), &mut line).unwrap_or_else(|e| panic!("{e:?}: {record}"));
    let mut event: Value = serde_json::from_slice(&line).unwrap();
    event.as_object_mut().unwrap().remove("id").unwrap();
    event
}

fn refused(format: Format, record: &str) -> (String, String) {
    let unmapped = format.event(record.as_bytes(), &mut Vec::new()).unwrap_err();
    (unmapped.field, unmapped.message)
}

#[test]
fn a_record_of_cloudtrail() {
    let want = json!({
        "occurred_at": "2026-01-31T10:00:00Z",
        "action": "s3.delete_bucket",
        "category": "permission_denied",
        "outcome": "denied",
        "actor": {
            "type": "user",
            "id": "arn:aws:sts::123456789012:assumed-role/Admin/maria@example.com",
            "name": "maria@example.com",
            "email": "maria@example.com",
            "auth": {"method": "mfa", "token_id": "ASIAEXAMPLE"},
            "on_behalf_of": {"type": "service", "id": "arn:aws:iam::123456789012:role/Admin", "name": "Admin"},
        },
        "targets": [{"type": "AWS::S3::Bucket", "id": "backups"}],
        "details": {
            "eventVersion": "1.09",
            "userIdentity": {
                "type": "AssumedRole", "principalId": "AROAEXAMPLE:maria@example.com", "accountId": "123456789012",
                "sessionContext": {
                    "sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLE", "accountId": "123456789012"},
                    "attributes": {"creationDate": "2026-01-31T09:00:00Z", "mfaAuthenticated": "true"},
                },
            },
            "eventSource": "s3.amazonaws.com", "eventName": "DeleteBucket", "awsRegion": "eu-central-1",
            "requestParameters": {"bucketName": "backups", "Host": "s3.example.com"}, "responseElements": null,
            "eventID": "5c2f7f1e-0000-4000-8000-000000000001", "readOnly": false, "eventType": "AwsApiCall",
            "managementEvent": true, "recipientAccountId": "123456789012",
        },
        "error": {"code": "AccessDenied", "message": "Access \"Denied\""},
        "context": {"ip": "192.0.2.7", "user_agent": "aws-cli/2.15", "request_id": "REQ1", "service": "s3.amazonaws.com"},
    });
    assert_eq!(event(Format::CloudTrail, CLOUDTRAIL), want);
}

#[test]
fn what_cloudtrail_says_in_its_own_ways() {
    let of = |changes: Value| {
        let mut record = json!({"eventID": "1", "eventTime": "2026-01-31T10:00:00Z", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin"});
        record.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        event(Format::CloudTrail, &record.to_string())
    };
    let login = of(json!({"responseElements": {"ConsoleLogin": "Success"}}));
    assert_eq!((&login["category"], &login["outcome"]), (&json!("login"), &json!("success")));
    assert_eq!(login["action"], "signin.console_login");
    let failed = of(
        json!({"responseElements": {"ConsoleLogin": "Failure"}, "userIdentity": {"type": "Root", "accountId": "1"}}),
    );
    assert_eq!(
        (&failed["category"], &failed["outcome"]),
        (&json!("login_failed"), &json!("failure"))
    );
    assert_eq!(failed["actor"], json!({"type": "user", "id": "1", "name": "root"}));
    let service =
        of(json!({"eventSource": "kms.amazonaws.com", "eventName": "Decrypt", "readOnly": true,
        "userIdentity": {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
        "resources": [{"ARN": "arn:aws:kms:key/1", "accountId": "1", "type": "AWS::KMS::Key"}]}));
    assert_eq!(service["actor"], json!({"type": "service", "id": "ec2.amazonaws.com"}));
    assert_eq!(
        (&service["category"], &service["action"]),
        (&json!("data_access"), &json!("kms.decrypt"))
    );
    assert_eq!(service["targets"], json!([{"type": "AWS::KMS::Key", "id": "arn:aws:kms:key/1"}]));
    let zoned = of(json!({"eventTime": "2026-01-31T10:00:00+02:00"}));
    assert_eq!(zoned["details"]["eventTime"], "2026-01-31T10:00:00+02:00");
    assert_eq!(refused(Format::CloudTrail, r#"{"eventName":"A"}"#).0, "eventTime");
    assert_eq!(
        refused(Format::CloudTrail, r#"{"eventName":"A","eventTime":"now"}"#).0,
        "eventTime"
    );
    assert_eq!(refused(Format::CloudTrail, "{}").0, "eventName");
    assert!(refused(Format::CloudTrail, "[]").1.contains("not a JSON object"));
}

#[test]
fn an_event_of_kubernetes() {
    let want = json!({
        "occurred_at": "2026-01-31T10:00:00.123456Z",
        "action": "deployments.patch",
        "category": "data_modify",
        "outcome": "success",
        "actor": {"type": "user", "id": "maria", "on_behalf_of": {"type": "service", "id": "system:serviceaccount:shop:deployer"}},
        "targets": [{"type": "deployments", "id": "shop/web", "name": "web"}, {"type": "namespace", "id": "shop"}],
        "changes": {"after": {"kind": "Deployment", "spec": {"replicas": 3}}},
        "details": {
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "stage": "ResponseComplete",
            "requestURI": "/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=kubectl", "verb": "patch",
            "user": {"uid": "u-1", "groups": ["dev", "system:authenticated"]}, "sourceIPs": ["192.0.2.7", "10.0.0.1"],
            "objectRef": {"resource": "deployments", "namespace": "shop", "name": "web", "apiGroup": "apps", "apiVersion": "v1"},
            "responseStatus": {"metadata": {}, "code": 200}, "requestObject": {"spec": {"replicas": 3}},
            "requestReceivedTimestamp": "2026-01-31T10:00:00.000001Z",
            "annotations": {"authorization.k8s.io/decision": "allow"},
        },
        "context": {
            "ip": "192.0.2.7", "user_agent": "kubectl/v1.30", "request_id": "a-1",
            "http": {"path": "/apis/apps/v1/namespaces/shop/deployments/web", "status": 200},
        },
    });
    assert_eq!(event(Format::Kubernetes, KUBERNETES), want);
    let denied = KUBERNETES
        .replace(r#""code":200"#, r#""code":403,"reason":"Forbidden","message":"no""#)
        .replace("patch", "delete");
    let denied = event(Format::Kubernetes, &denied);
    assert_eq!(
        (&denied["outcome"], &denied["category"]),
        (&json!("denied"), &json!("permission_denied"))
    );
    assert_eq!(denied["error"], json!({"code": "Forbidden", "message": "no"}));
    assert_eq!(denied["details"]["responseObject"]["kind"], "Deployment");
    let received = KUBERNETES.replace("ResponseComplete", "RequestReceived");
    let ids = [KUBERNETES, &received]
        .map(|record| Format::Kubernetes.map(record).unwrap().id.unwrap().into_owned());
    assert_ne!(ids[0], ids[1], "each stage is an event");
    assert_eq!(event(Format::Kubernetes, &received)["outcome"], "pending");
    assert_eq!(refused(Format::Kubernetes, "{}").0, "auditID");
}

#[test]
fn an_event_of_github() {
    let want = json!({
        "occurred_at": "2026-01-31T10:00:00.123000Z",
        "action": "org.add_member",
        "category": "admin_action",
        "outcome": "success",
        "actor": {"type": "user", "id": "maria", "auth": {"method": "OAuth access token", "token_id": "99"}},
        "targets": [{"type": "user", "id": "ben"}, {"type": "organization", "id": "example"}, {"type": "enterprise", "id": "example"}],
        "details": {
            "_document_id": "doc1", "action": "org.add_member", "actor_id": 7, "actor_location": {"country_code": "DE"},
            "business": "example", "operation_type": "create", "org": "example", "org_id": 1, "user": "ben", "user_id": 8,
            "programmatic_access_type": "OAuth access token",
        },
        "context": {"ip": "192.0.2.7", "user_agent": "Mozilla/5.0"},
    });
    assert_eq!(event(Format::GitHub, GITHUB), want);
    let other = event(Format::GitHub, &GITHUB.replacen("1769853600123", "1769853600999", 1));
    assert_eq!(other["details"]["@timestamp"], 1_769_853_600_999_u64);
    assert_eq!(other["occurred_at"], "2026-01-31T10:00:00.123000Z");
    assert_eq!(refused(Format::GitHub, r#"{"action":"a","created_at":"?"}"#).0, "created_at");
}

/// Every scalar of a record, as its JSON.
fn scalars(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| scalars(value, out)),
        Value::Array(elements) => elements.iter().for_each(|value| scalars(value, out)),
        Value::String(text) => out.push(serde_json::to_string(text).unwrap()),
        Value::Number(number) => out.push(number.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}

#[test]
fn nothing_of_a_record_is_lost() {
    for (format, record) in [
        (Format::CloudTrail, CLOUDTRAIL),
        (Format::Kubernetes, KUBERNETES),
        (Format::GitHub, GITHUB),
    ] {
        let mut line = Vec::new();
        format.event(record.as_bytes(), &mut line).unwrap();
        let line = String::from_utf8(line).unwrap();
        let mut values = Vec::new();
        scalars(&serde_json::from_str(record).unwrap(), &mut values);
        for value in values {
            let is_time = matches!(&*value, "1769853600123");
            assert!(
                is_time || line.contains(&value) || line.contains(&format!("\"{value}\"")),
                "{value} in {line}"
            );
        }
    }
}

#[test]
fn what_no_event_may_hold_is_kept_as_text() {
    let many: String = (0..2000).map(|i| format!("\"k{i}\":1,")).collect();
    for odd in [
        format!("{{{many}\"z\":1}}"),
        r#"{"a":1,"a":2}"#.into(),
        r#""\ud800""#.into(),
        "[".repeat(40) + &"]".repeat(40),
    ] {
        let record =
            CLOUDTRAIL.replace(r#"{"bucketName":"backups","Host":"s3.example.com"}"#, &odd);
        let event = event(Format::CloudTrail, &record);
        assert_eq!(event["details"]["original"], json!(record));
        assert_eq!(
            (&event["action"], &event["outcome"]),
            (&json!("s3.delete_bucket"), &json!("denied"))
        );
    }
    let long = CLOUDTRAIL.replace("backups", &"x".repeat(300_000));
    assert!(refused(Format::CloudTrail, &long).1.contains("longer than"));
}

fn records(
    lists: &'static [&'static str],
    bytes: &[u8],
    piece: usize,
) -> Vec<Result<String, Lost>> {
    let mut found = Vec::new();
    let mut split = Split::new(lists);
    let mut keep = |number: u64, record: Result<&[u8], Lost>| {
        found.push(record.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
        assert_eq!(number, found.len() as u64);
    };
    bytes.chunks(piece).for_each(|chunk| split.feed(chunk, &mut keep));
    split.finish(&mut keep);
    found
}

#[test]
fn records_are_found_in_every_wrapping() {
    let ok = |texts: &[&str]| texts.iter().map(|text| Ok((*text).to_owned())).collect::<Vec<_>>();
    let lists: &'static [&'static str] = &["Records"];
    for (text, want) in [
        ("{\"a\":1}\n{\"b\":2}\n", ok(&["{\"a\":1}", "{\"b\":2}"])),
        ("\u{feff}{\"a\":\"}\\\"{\"} {\"b\":[{}]}", ok(&["{\"a\":\"}\\\"{\"}", "{\"b\":[{}]}"])),
        ("[{\"a\":1},\r\n{\"b\":2}]", ok(&["{\"a\":1}", "{\"b\":2}"])),
        (
            "{\"Records\":[{\"a\":1},{\"Records\":[{}]}],\"more\":{\"]\":\"}\\\\\"}}\n{\"Records\" : [ ]}{\"c\":3}",
            ok(&["{\"a\":1}", "{\"Records\":[{}]}", "{\"c\":3}"]),
        ),
        ("{\"kind\":\"L\",\"Records\":[{\"a\":1}]}", ok(&["{\"a\":1}"])),
        ("{\"x\":\"Records\",\"y\":[{}]}", ok(&["{\"x\":\"Records\",\"y\":[{}]}"])),
        ("{\"x\":{\"Records\":[{}]}}", ok(&["{\"x\":{\"Records\":[{}]}}"])),
        ("", Vec::new()),
        ("hello\n{\"a\":1}", vec![Err(Lost::NotJson), Ok("{\"a\":1}".into())]),
        ("{\"a\":1", vec![Err(Lost::Truncated)]),
        ("{\"Records\":[{\"a\":1},", vec![Ok("{\"a\":1}".into()), Err(Lost::Truncated)]),
    ] {
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(records(lists, text.as_bytes(), piece), want, "{text} by {piece}");
        }
    }
    let long = format!("{{\"a\":\"{}\"}}{{\"b\":1}}", "x".repeat(crate::limits::RECORD_BYTES_MAX));
    assert_eq!(
        records(&[], long.as_bytes(), 4096),
        vec![Err(Lost::TooLong), Ok("{\"b\":1}".into())]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_record_is_an_event_or_refused(
        which in 0..3usize,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..4usize, any::<u8>(), any::<prop::sample::Index>()), 1..5),
    ) {
        const PIECES: [&str; 12] = ["null", "[]", "{}", "\"", "\\", "\"\\ud800\"", "1e999", "-", ",", "{\"a\":", "}", "true"];
        let (format, record) =
            [(Format::CloudTrail, CLOUDTRAIL), (Format::Kubernetes, KUBERNETES), (Format::GitHub, GITHUB)][which];
        let mut bytes = record.as_bytes().to_vec();
        for (at, how, byte, piece) in edits {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                2 => {
                    // A value becomes another one.
                    let text: String = bytes.iter().map(|byte| char::from(byte & 127)).collect();
                    if let Some(colon) = text.get(at..).and_then(|rest| rest.find(':')).map(|i| i + at + 1) {
                        let end = text[colon..].find([',', '}']).map_or(text.len(), |i| i + colon);
                        bytes.splice(colon..end, PIECES[piece.index(PIECES.len())].bytes());
                    }
                }
                _ => drop(bytes.splice(at..at, PIECES[piece.index(PIECES.len())].bytes())),
            }
            if bytes.is_empty() {
                bytes.push(b'{');
            }
        }
        let mut found = Vec::new();
        let mut split = Split::new(format.list());
        let mut keep = |_: u64, record: Result<&[u8], Lost>| found.push(record.map(<[u8]>::to_vec));
        split.feed(&bytes, &mut keep);
        split.finish(&mut keep);
        let mut line = Vec::new();
        for record in found.into_iter().flatten().chain([bytes.clone()]) {
            match format.event(&record, &mut line) {
                Ok(checked) => prop_assert!(!checked.action.is_empty()),
                Err(unmapped) => prop_assert!(!unmapped.message.is_empty()),
            }
        }
        // The same bytes as an object of anybody.
        if let Ok(text) = std::str::from_utf8(&bytes)
            && let Ok(members) = crate::rows::object(text)
        {
            let columns: Vec<_> = members.iter().take(5).map(|(name, _)| crate::rows::Column::named(name.clone())).collect();
            let map = crate::rows::guess("t", &columns);
            let arranged = map.arrange(members);
            let row = crate::rows::row(1, &arranged);
            if let Ok(draft) = map.event(&row) {
                let checked = finish(draft, text, &mut line);
                prop_assert!(checked.is_ok() || checked.is_err_and(|e| !e.message.is_empty()));
            }
        }
    }
}
