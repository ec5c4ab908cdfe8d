use super::*;

#[test]
fn the_members_of_events_are_those_that_are_checked() {
    for name in OWN_MEMBERS.iter().filter(|name| **name != "action") {
        let json = format!(r#"{{"action":"a","{name}":null}}"#);
        let refusal = indelible_event::check(json.as_bytes()).map(|_| ()).unwrap_err();
        assert_ne!(refusal.reason, indelible_event::RefusalKind::UnknownMember, "{name}");
    }
    let json = br#"{"action":"a","color":null}"#;
    let refusal = indelible_event::check(json).unwrap_err();
    assert_eq!(refusal.reason, indelible_event::RefusalKind::UnknownMember);
}

#[test]
fn an_event_of_ours_keeps_its_own_and_gets_what_it_lacks() {
    let added = |json: &str| {
        let members = Members::read(json.as_bytes()).unwrap();
        let beside = Beside {
            id: Some("i".into()),
            occurred_at: Some("t".into()),
            details: Some(("cloudevent", b"{\"id\":1}")),
        };
        String::from_utf8(own(&members, &[], beside)).unwrap()
    };
    assert_eq!(
        added(r#"{"action":"a"}"#),
        r#"{"id":"i","occurred_at":"t","action":"a","details":{"cloudevent":{"id":1}}}"#
    );
    assert_eq!(
        added(r#"{"id":"x","timestamp":"y","action":"a","metadata":{ "n" : 1.50 }}"#),
        r#"{"id":"x","timestamp":"y","action":"a","metadata":{ "n" : 1.50,"cloudevent":{"id":1}}}"#
    );
    // What is no object is refused later, and a member of that name is its own.
    for details in [r#"7"#, r#"{"cloudevent":1}"#] {
        let whole = format!(r#"{{"id":"x","timestamp":"y","action":"a","details":{details}}}"#);
        assert_eq!(added(&whole), whole);
    }
}
