use super::*;

#[test]
fn names_and_back() {
    assert!(Outcome::ALL.into_iter().all(|word| Outcome::from_name(word.name()) == Some(word)));
    assert!(Phase::ALL.into_iter().all(|word| Phase::from_name(word.name()) == Some(word)));
    assert!(
        Part::ALL
            .into_iter()
            .enumerate()
            .all(|(i, word)| { Part::from_name(word.name()) == Some(word) && word as usize == i })
    );
    assert_eq!(Outcome::from_name("Success"), None);
}

#[test]
fn trail_names() {
    let longest = "a".repeat(limits::TRAIL_NAME_BYTES_MAX);
    for name in ["a", "0", "acme", "Acme.eu_1@x:y-z", &longest] {
        assert_eq!(TrailName::parse(name).unwrap().as_str(), name);
    }
    let longer = format!("{longest}a");
    for name in ["", "-a", ".a", "a b", "a/b", "é", "a\0", "a\n", &longer] {
        assert_eq!(TrailName::parse(name), Err(TrailNameError::Form), "{name:?}");
    }
    assert_eq!(TrailName::parse("_system"), Err(TrailNameError::Reserved));
    assert_eq!(TrailName::system().to_string(), "_system");
}

#[test]
fn actions_categories_and_writers() {
    assert!(is_action(b"backup.delete") && is_action(b"a") && is_action(&[b'a'; 128]));
    for text in ["", ".", "a.", ".a", "a..b", "A.b", "a-b", "a b", "é"] {
        assert!(!is_action(text.as_bytes()), "{text}");
    }
    assert!(!is_action(&[b'a'; 129]));
    assert!(is_category(b"data_access") && is_category(&[b'a'; 64]));
    assert!(!is_category(&[b'a'; 65]) && !is_category(b"a.b") && !is_category(b""));
    assert!(is_recorded_by(b"Key:1.a-b_c") && is_recorded_by(&[b'a'; 64]));
    assert!(!is_recorded_by(&[b'a'; 65]) && !is_recorded_by(b"") && !is_recorded_by(b"a b"));
}
