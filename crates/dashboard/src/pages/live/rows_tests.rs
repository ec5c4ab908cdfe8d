use super::*;

const EVENT: &str = r#"{"trail":"default","seq":7,"id":"a-1","recorded_at":"2026-01-31T10:00:00.000000Z","action":"x.y","actor":{"id":"<img src=x>\nid: 0\n\n"}}"#;

fn fed(pieces: &[&[u8]]) -> String {
    let mut rows = Rows::default();
    let out: Vec<u8> = pieces.iter().flat_map(|piece| rows.feed(piece).to_vec()).collect();
    String::from_utf8(out).unwrap().strip_prefix(RETRY).unwrap().to_owned()
}

#[test]
fn an_event_becomes_one_line_however_it_is_cut() {
    let text = format!(": here\nid: 0f\n\nid: 10\ndata: {EVENT}\n\n");
    let whole = fed(&[text.as_bytes()]);
    let mut lines = whole.lines();
    for wanted in [": here", "id: 0f", "", "id: 10"] {
        assert_eq!(lines.next(), Some(wanted));
    }
    let data = lines.next().unwrap().strip_prefix("data: ").unwrap();
    let row: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!((row["trail"].as_str(), row["id"].as_str()), (Some("default"), Some("a-1")));
    let html = row["html"].as_str().unwrap();
    assert!(html.starts_with("<li") && !html.contains("<img"), "{html}");
    assert_eq!(lines.collect::<Vec<_>>(), [""], "a value ends neither the line nor the event");
    for at in 0..text.len() {
        let (one, other) = text.as_bytes().split_at(at);
        assert_eq!(fed(&[one, other]), whole, "cut at {at}");
    }
}

#[test]
fn what_the_node_says_goes_through() {
    let said = "event: dropped\ndata: {\"reason\":\"too slow\"}\n\n";
    assert_eq!(fed(&[said.as_bytes()]), said);
    let said = "event: alarm\ndata: {\"seq\":1}\n\n";
    assert_eq!(fed(&[said.as_bytes()]), said);
    assert_eq!(fed(&[b": here\n\n"]), ": here\n\n");
}

#[test]
fn what_cannot_be_shown_is_named_and_its_place_kept() {
    let out = fed(&[b"id: 11\ndata: no json\n\n"]);
    assert!(out.starts_with("id: 11\nevent: unshown\n") && out.ends_with("\n\n"), "{out}");
    let mut rows = Rows::default();
    rows.feed(b"id: 12\ndata: \"");
    for _ in 0..5 {
        rows.feed(&vec![b'a'; 1 << 20]);
        assert!(rows.line.len() <= LIVE_EVENT_BYTES_MAX);
    }
    let out = rows.feed(b"\"\n\n");
    assert!(String::from_utf8_lossy(&out).contains("too large"), "{out:?}");
    let after = rows.feed(format!("id: 13\ndata: {EVENT}\n\n").as_bytes());
    assert!(String::from_utf8_lossy(&after).starts_with("id: 13\ndata: {\"trail\""), "{after:?}");
}
