use super::*;

#[test]
fn any_text_becomes_an_action() {
    for (text, wanted) in [
        ("CreateUser", "create_user"),
        ("s3.amazonaws.com:DeleteBucket", "s3.amazonaws.com.delete_bucket"),
        ("DeleteMFADevice", "delete_mfa_device"),
        ("GetObjectV2", "get_object_v2"),
        ("user login  failed", "user_login_failed"),
        ("/config/router-7//snapshot/", "config.router_7.snapshot"),
        ("..a..", "a"),
        ("__", ""),
        ("ünï", "n"),
        ("", ""),
    ] {
        assert_eq!(action(text), wanted, "{text}");
    }
    let long = action(&"Ab.".repeat(200));
    assert!(long.len() <= ACTION_BYTES_MAX);
    let json = format!("{{\"action\":\"{long}\"}}");
    indelible_event::check(json.as_bytes()).unwrap();
}

#[test]
fn a_full_draft_is_an_event_and_an_empty_member_is_none() {
    let who = Who {
        kind: Some("user".into()),
        id: Some("maria\n\"x\"".into()),
        auth_method: Some("password".into()),
        on_behalf_of: Some(Box::new(Who { id: Some("eva".into()), ..Who::default() })),
        ..Who::default()
    };
    let thing = Thing { kind: Some("bucket".into()), id: Some("b-1".into()), name: None };
    let draft = Draft {
        id: Some(foreign_id("cloudtrail", "e-1").into()),
        action: "bucket.delete".into(),
        outcome: Some("denied".into()),
        actor: Some(who),
        targets: vec![thing.clone(), thing],
        before: Some("{\"size\":1.0}".into()),
        details: Some("{\"n\":1e400}".into()),
        error_message: Some("no".into()),
        context: Place { ip: Some("192.0.2.7".into()), http_status: Some(403), ..Place::default() },
        ..Draft::default()
    };
    let json = draft.to_json();
    let checked = indelible_event::check(&json).unwrap();
    assert_eq!(checked.id.unwrap().to_string(), foreign_id("cloudtrail", "e-1"));
    let text = String::from_utf8(json).unwrap();
    assert!(text.contains(r#""changes":{"before":{"size":1.0}}"#), "{text}");
    assert!(text.contains(r#""context":{"ip":"192.0.2.7","http":{"status":403}}"#), "{text}");
    let bare = Draft { action: "a".into(), ..Draft::default() };
    assert_eq!(bare.to_json(), br#"{"action":"a"}"#);
}
