use proptest::prelude::*;

use super::*;
use crate::{Part, check};

const EVENT: &str = r#"{"action":"a","actor":{"auth":{"method":"m","token_id":"t"},"email":"e@x","name":"N","id":7,"type":"service"},
 "context":{"http":{"path":"/"},"host":"h","service":"s\"1","ip":"::1","user_agent":"ua","trace_id":"t"},
 "targets":[{"name":"n","id":"é\n","type":"file"},{"id":"other"}],"changes":{"before":1}}"#;

fn read(checked: &crate::Checked) -> Facets<'_> {
    let [who, where_, what] = checked.parts.all();
    Facets::read(who, where_, what).unwrap()
}

#[test]
fn all_of_them() {
    let checked = check(EVENT.as_bytes()).unwrap();
    let facets = read(&checked);
    assert_eq!(facets.actor_type.as_deref(), Some("service"));
    assert_eq!(facets.actor_id.as_deref(), Some("7"));
    assert_eq!(facets.actor_email.as_deref(), Some("e@x"));
    assert_eq!(facets.target_type.as_deref(), Some("file"));
    assert_eq!(facets.target_id.as_deref(), Some("é\n"));
    assert_eq!(facets.ip.as_deref(), Some("::1"));
    assert_eq!(facets.service.as_deref(), Some("s\"1"));
}

#[test]
fn none_of_them() {
    let checked = check(br#"{"action":"a","subjects":[{"type":"x","id":"y"}],"details":{"ip":"no"},"actor":{"auth":{"method":"id"}}}"#);
    let checked = checked.unwrap();
    assert_eq!(read(&checked), Facets::default());
    let checked = check(
        br#"{"action":"a","context":{"host":"h","http":{"path":"/"}},"targets":[{"name":"type"}]}"#,
    );
    assert_eq!(read(&checked.unwrap()), Facets::default());
    assert_eq!(Facets::read(None, None, None), Ok(Facets::default()));
}

#[test]
fn broken_bytes_are_an_error() {
    for who in [
        "",
        "{",
        "[]",
        r#"{"actor":{"#,
        r#"{"actor":{"id":"x"#,
        r#"{"actor":{"id":"x\"#,
        r#"{"actor":{"id""#,
    ] {
        assert_eq!(Facets::read(Some(who.as_bytes()), None, None), Err(FacetsError), "{who}");
    }
    assert_eq!(Facets::read(Some(b"{\"actor\":{\"id\":\"\xff\"}}"), None, None), Err(FacetsError));
    assert_eq!(Facets::read(Some(br#"{"actor":{"id":"\x"}}"#), None, None), Err(FacetsError));
}

#[test]
fn cut_anywhere() {
    let checked = check(EVENT.as_bytes()).unwrap();
    let who = checked.parts.get(Part::Who).unwrap();
    for len in 0..who.len() {
        let _ = Facets::read(Some(&who[..len]), None, None);
    }
}

fn columns<'a>(facets: &'a Facets<'_>) -> [Option<&'a [u8]>; Facets::COUNT] {
    let Facets { actor_type, actor_id, actor_email, target_type, target_id, ip, service } = facets;
    [actor_type, actor_id, actor_email, target_type, target_id, ip, service]
        .map(|text| text.as_deref().map(str::as_bytes))
}

#[test]
fn raw_facets_say_the_texts_and_no_others() {
    let checked = check(EVENT.as_bytes()).unwrap();
    let [who, where_, what] = checked.parts.all();
    let raw = RawFacets::read(who, where_, what).unwrap();
    let facets = read(&checked);
    let texts = columns(&facets);
    assert!(raw.say(&texts));
    for column in 0..Facets::COUNT {
        for other in [None, Some(&b""[..]), Some(b"s\\\"1"), Some("\u{e9}\\n".as_bytes())] {
            let mut edited = texts;
            edited[column] = other;
            assert!(!raw.say(&edited), "{column} {other:?}");
        }
    }
    assert!(RawFacets::default().say(&[None; Facets::COUNT]));
    assert!(!RawFacets::default().say(&texts));
}

proptest! {
    /// The comparison without texts must agree with the one of texts.
    #[test]
    fn raw_facets_agree_with_facets(body in "[a\\\\\"nub0é]{0,8}", stored in "[a\\\\\"n\nub0é]{0,4}") {
        let who = format!("{{\"actor\":{{\"id\":\"{body}\"}}}}");
        let who = Some(who.as_bytes());
        let same = |facets: &Facets<'_>| facets.actor_id.as_deref() == Some(&stored)
            && columns(facets).iter().flatten().count() == 1;
        let mut texts = [None; Facets::COUNT];
        texts[1] = Some(stored.as_bytes());
        let said = RawFacets::read(who, None, None).is_ok_and(|raw| raw.say(&texts));
        prop_assert_eq!(said, Facets::read(who, None, None).is_ok_and(|facets| same(&facets)));
    }

    #[test]
    fn never_panics(bytes in any::<Vec<u8>>(), text in "[{}\":,a-c\\\\]{0,30}") {
        for tail in [bytes, text.into_bytes()] {
            for head in ["", "{\"actor\":{", "{\"context\":{", "{\"targets\":[{"] {
                let part = [head.as_bytes(), &tail].concat();
                let _ = Facets::read(Some(&part), Some(&part), Some(&part));
            }
        }
    }
}
