use super::*;

const TEXT: &str = "0190b1a0-7c3e-7d10-8a4b-1f2e3d4c5b6a";

#[test]
fn either_case_in_lower_case_out() {
    let id = EventId::parse(TEXT).unwrap();
    assert_eq!(EventId::parse(&TEXT.to_uppercase()), Ok(id));
    assert_eq!(id.to_string(), TEXT);
    assert_eq!(id.0[..3], [0x01, 0x90, 0xb1]);
}

#[test]
fn other_forms_are_refused() {
    let braced = format!("{{{TEXT}}}");
    let urn = format!("urn:uuid:{TEXT}");
    let bare = TEXT.replace('-', "");
    let shifted = "0190b1a07-c3e-7d10-8a4b-1f2e3d4c5b6a";
    let letter = TEXT.replace('a', "g");
    for text in [
        "",
        "42",
        &braced,
        &urn,
        &bare,
        shifted,
        &letter,
        &TEXT[1..],
        "0190b1a0-7c3e-7d10-8a4b-1f2e3d4c5b6é",
    ] {
        assert_eq!(EventId::parse(text), Err(IdError), "{text}");
    }
}

#[test]
fn made_ids() {
    // From Python's hashlib.
    assert_eq!(
        EventId::foreign("github", "evt-1").to_string(),
        "8797b71a-a71a-8213-b6d5-7f81ccd94457"
    );
    assert_eq!(EventId::derived("key-1", 3).to_string(), "99e1606a-a21c-82c6-b8fe-1f510ae55997");
    // The time of RFC 9562's example of a UUIDv7.
    let v7 = EventId::v7(0x017f_22e2_79b0, [0xff; 10]);
    assert_eq!(v7.to_string(), "017f22e2-79b0-7fff-bfff-ffffffffffff");
    assert_eq!(
        EventId::v7(0x017f_22e2_79b0, [0; 10]).to_string(),
        "017f22e2-79b0-7000-8000-000000000000"
    );
}
