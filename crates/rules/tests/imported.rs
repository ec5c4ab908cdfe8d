//! Records of other logs as our importers make events of them, seen by rules about those logs.

use std::sync::Arc;

use indelible_connect::import::Format;
use indelible_event::{Entry, EventId, Micros, Part, view};
use indelible_rules::{File, Matcher, Origin, RuleSet, Scratch, Seen};

/// The JSON that the API shows of a record that was imported.
pub fn event(format: Format, record: &str) -> Vec<u8> {
    let checked = format.event(record.as_bytes(), &mut Vec::new()).unwrap();
    let mut entry = Vec::new();
    let fields = Entry {
        id: checked.id.unwrap_or(EventId([0; 16])),
        recorded_at: Micros::parse("2026-01-31T12:00:00Z").unwrap(),
        occurred_at: checked.occurred_at,
        action: &checked.action,
        category: checked.category.as_deref(),
        outcome: checked.outcome,
        phase: checked.phase,
        reference: checked.reference,
        source: checked.source,
        recorded_by: None,
        parts_hash: [0; 32],
    };
    fields.encode(&mut entry);
    let parts = [Part::Who, Part::Where, Part::What].map(|part| checked.parts.get(part));
    view("others", 1, &entry, parts)
}

/// The titles of the rules that an event matches.
pub fn matching(set: &Arc<RuleSet>, json: &[u8]) -> Vec<usize> {
    let looked = Matcher::new(set).look(&Seen { pos: 1, json }, &mut Scratch::default()).unwrap();
    looked.rules.iter().map(|rule| rule.0 as usize).collect()
}

/// Whether a rule of this selection matches what a record becomes.
fn matches(format: Format, source: &str, selection: &str, record: &str) -> bool {
    let text =
        format!("title: T\nlogsource: {source}\ndetection:\n  s: {selection}\n  condition: s\n");
    let file = File { name: "x.yml".into(), text: text.into(), origin: Origin::Folder };
    let set = Arc::new(RuleSet::read(&[file], &[], &[]));
    assert_eq!(set.refused, [], "{selection}");
    !matching(&set, &event(format, record)).is_empty()
}

#[test]
fn kubernetes() {
    const SOURCE: &str = "{ category: application, product: kubernetes, service: audit }";
    let exec = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/kube-system/pods/web/exec?command=sh","verb":"create","user":{"username":"system:serviceaccount:ci:deploy","groups":["system:serviceaccounts","system:authenticated"]},"impersonatedUser":{"username":"root@example.com"},"sourceIPs":["203.0.113.9"],"userAgent":"kubectl/v1.30","objectRef":{"resource":"pods","namespace":"kube-system","name":"web","apiVersion":"v1","subresource":"exec"},"responseStatus":{"metadata":{},"code":101},"requestReceivedTimestamp":"2026-01-31T10:00:00.000000Z","stageTimestamp":"2026-01-31T10:00:00.010000Z"}"#;
    let pod = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"a2","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/default/pods","verb":"create","user":{"username":"ada","groups":["system:authenticated"]},"sourceIPs":["203.0.113.9"],"userAgent":"kubectl/v1.30","objectRef":{"resource":"pods","namespace":"default","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":201},"requestObject":{"kind":"Pod","spec":{"containers":[{"name":"c","securityContext":{"capabilities":{"add":["SYS_ADMIN"]}}}],"volumes":[{"name":"host","hostPath":{"path":"/"}}]}},"responseObject":{"kind":"Pod","metadata":{"name":"web-1"}},"requestReceivedTimestamp":"2026-01-31T10:00:00.000000Z","stageTimestamp":"2026-01-31T10:00:00.010000Z"}"#;
    let table = [
        (exec, "{ verb: create, objectRef.resource: pods, objectRef.subresource: exec }"),
        (
            exec,
            "{ user.username|startswith: 'system:serviceaccount:', user.groups: system:authenticated }",
        ),
        (exec, "{ impersonatedUser.username: root@example.com, sourceIPs|cidr: 203.0.113.0/24 }"),
        (
            exec,
            "{ userAgent|startswith: kubectl, responseStatus.code: 101, namespace: kube-system }",
        ),
        (exec, "{ responseObject: null, hostPath: null }"),
        (pod, "{ verb: create, objectRef.resource: pods, hostPath: '*' }"),
        (pod, "{ verb: create, resource: pods, capabilities: '*' }"),
        (pod, "{ responseObject.metadata.name: web-1, responseObject|contains: web-1 }"),
        (pod, "{ requestObject|contains: SYS_ADMIN }"),
    ];
    for (record, selection) in table {
        assert!(matches(Format::Kubernetes, SOURCE, selection, record), "{selection}");
    }
    for selection in ["{ hostPath: '*' }", "{ capabilities|contains: '*' }", "{ verb: delete }"] {
        assert!(!matches(Format::Kubernetes, SOURCE, selection, exec), "{selection}");
    }
}

#[test]
fn github() {
    const SOURCE: &str = "{ product: github, service: audit }";
    let added = r#"{"@timestamp":1769853600000,"_document_id":"d1","action":"org.add_member","actor":"ada","actor_ip":"203.0.113.9","actor_location":{"country_code":"DE"},"business":"example","created_at":1769853600000,"operation_type":"create","org":"example","user":"grace","user_agent":"Mozilla/5.0","token_id":7}"#;
    let table = [
        "{ action: org.add_member, actor: ada, user: grace, org: example }",
        "{ actor_ip|cidr: 203.0.113.0/24, user_agent|contains: mozilla, token_id: 7 }",
        "{ actor_location.country_code: DE, operation_type: create, created_at|year: 2026 }",
        "{ action: [ org.remove_member, org.add_member ] }",
    ];
    for selection in table {
        assert!(matches(Format::GitHub, SOURCE, selection, added), "{selection}");
    }
    assert!(!matches(Format::GitHub, SOURCE, "{ action: org.remove_member }", added));
    // What is of another log is not looked at.
    assert!(!matches(
        Format::GitHub,
        "{ product: aws, service: cloudtrail }",
        "{ action: org.add_member }",
        added
    ));
}

#[test]
fn cloudtrail_fields_that_moved() {
    const SOURCE: &str = "{ product: aws, service: cloudtrail }";
    let assumed = r#"{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","principalId":"AROAX:s","arn":"arn:aws:sts::123456789012:assumed-role/Admin/s","accountId":"123456789012","accessKeyId":"ASIAX","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::123456789012:role/Admin","userName":"Admin"}}},"eventTime":"2026-01-31T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"DeleteBucket","awsRegion":"eu-central-1","sourceIPAddress":"AWS Internal","userAgent":"aws-cli","errorCode":"AccessDenied","errorMessage":"no","requestParameters":{"bucketName":"b"},"responseElements":null,"requestID":"r1","eventID":"e1"}"#;
    let table = [
        "{ userIdentity.type: AssumedRole, userIdentity.arn|endswith: ':assumed-role/Admin/s' }",
        "{ userIdentity.accessKeyId: ASIAX, userIdentity.sessionContext.sessionIssuer.userName: admin }",
        "{ userIdentity.sessionContext.sessionIssuer.arn|contains: role/Admin, userIdentity.sessionContext.sessionIssuer.type: Role }",
        "{ sourceIPAddress: AWS Internal, userAgent: aws-cli, errorCode: AccessDenied, errorMessage: 'no' }",
        "{ requestID: r1, eventID: e1, eventTime|hour: 10, awsRegion|startswith: eu- }",
        "{ requestParameters.bucketName: b, requestParameters|contains: '\"bucketName\":\"b\"', responseElements: null }",
        "{ status: denied, requestParameters.nothing: null }",
    ];
    for selection in table {
        assert!(matches(Format::CloudTrail, SOURCE, selection, assumed), "{selection}");
    }
    for selection in
        ["{ errorCode: null }", "{ errorCode: Success }", "{ responseElements|contains: '*' }"]
    {
        assert!(!matches(Format::CloudTrail, SOURCE, selection, assumed), "{selection}");
    }
}
