use super::*;

#[test]
fn an_index_is_named_by_day_and_trail() {
    let index = |text: &str| Index::try_from(text.to_owned());
    let at = Micros(1_769_853_600_000_000);
    assert_eq!(Index::default().fill("t", at), "audit-2026.01");
    let named = index("a-{trail}-{yyyy}.{mm}.{dd}").unwrap();
    assert_eq!(named.fill("Acme/EU", at), "a-acme_eu-2026.01.31");
    for bad in ["", "Audit", "-a", "_a", "a b", "a*", "a-{day}", "a,b", "a#"] {
        assert!(index(bad).is_err(), "{bad}");
    }
}
