use super::*;

fn subject(text: &str) -> Result<Subject, String> {
    Subject::try_from(text.to_owned())
}

#[test]
fn subjects_are_filled_with_legal_tokens() {
    let head = Head { action: Some("file.read".into()), ..Head::default() };
    assert_eq!(Subject::default().fill("acme", &head), "audit.acme.file.read");
    assert_eq!(Subject::default().all(), "audit.*.>");
    let odd = Head { action: Some(".a b..*>.".into()), category: Some("x".into()), outcome: None };
    assert_eq!(Subject::default().fill("a.b c", &odd), "audit.a_b_c._a_b.___._");
    let other = subject("log.{category}.{outcome}-{trail}").unwrap();
    assert_eq!(other.fill("t", &odd), "log.x._-t");
    assert_eq!(other.all(), "log.*.*");
    assert_eq!(subject("audit.{action}.x").unwrap().all(), "audit.>");
    for bad in ["", "a..b", "a.{who}", "a.{trail", "a b", "a.*", "a.>", "$JS.API", ".a"] {
        assert!(subject(bad).is_err(), "{bad}");
    }
}
