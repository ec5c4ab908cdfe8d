use indelible_event::{EventId, Micros};

use super::*;

fn event(trail: &str, json: String) -> Outgoing {
    Outgoing {
        pos: 4,
        trail: trail.into(),
        seq: 4,
        id: EventId::derived("e", 4),
        leaf: [7; 32],
        recorded_at: Micros(1_700_000_000_000_000),
        json: json.into(),
    }
}

fn notify(trail: &str, details: serde_json::Value) -> Outgoing {
    let json = serde_json::json!({"trail": trail, "seq": 4, "id": EventId::derived("e", 4).to_string(),
        "recorded_at": "2026-01-01T12:00:00.000000Z", "action": "alert.notify", "outcome": "success", "details": details});
    event(trail, json.to_string())
}

#[test]
fn an_alert_says_what_happened_and_what_to_do() {
    let details = serde_json::json!({
        "alert": "0192aa", "channel": "c", "reason": "open", "title": "Password spray", "level": "high",
        "summary": "ten people failed from 203.0.113.9", "group": {"context.ip": "203.0.113.9"}, "count": 10,
        "first_at": "2026-01-01T12:00:00.000000Z", "last_at": "2026-01-01T12:09:00.000000Z",
        "events": [{"trail": "shop", "seq": 7, "id": "x"}], "description": "Guessing.", "advice": "Block it.",
        "url": "https://audit.example.com/alerts/0192aa",
    });
    let message = Message::of(&notify("_system", details.clone()));
    assert_eq!(message.headline, "[high] Password spray: 203.0.113.9");
    assert_eq!(message.summary, "ten people failed from 203.0.113.9");
    assert_eq!(message.facts[0], ("context.ip".into(), "203.0.113.9".into()));
    assert_eq!(message.facts[1], ("Times".into(), "10".into()));
    assert_eq!(
        message.paragraphs,
        [("What it means", "Guessing.".into()), ("What to do", "Block it.".into())]
    );
    assert_eq!(message.events, ["shop/7 x"]);
    assert_eq!(message.alert.as_deref(), Some("0192aa"));
    assert!(message.url.is_some());
    // Whoever may write to a trail tells nobody of alerts.
    let forged = Message::of(&notify("shop", details));
    assert_eq!((forged.alert, forged.url), (None, None));
}

#[test]
fn what_others_wrote_stays_on_its_line_and_short() {
    let long = "x".repeat(100_000);
    let bad = "a\r\nBcc: eve@example.com\u{202e}\u{0}";
    let group: BTreeMap<String, String> =
        (0..50).map(|n| (format!("{n}{bad}{long}"), format!("{bad}{long}"))).collect();
    let details = serde_json::json!({
        "title": bad, "level": bad, "reason": "repeat", "summary": format!("{bad}{long}"), "group": group,
        "events": (0..40).map(|seq| serde_json::json!({"trail": bad, "seq": seq, "id": long})).collect::<Vec<_>>(),
        "description": long, "url": "https://evil.example.com/|<!channel>", "alert": bad,
    });
    let message = Message::of(&notify("_system", details));
    assert!(message.headline.contains("Again: a Bcc"), "{}", message.headline);
    assert_eq!(message.url, None);
    assert_eq!((message.facts.len(), message.events.len()), (FACTS_MAX - 3, EVENTS_NAMED_MAX));
    assert!(message.events[9].contains("/39 "), "the newest: {:?}", message.events);
    let shown = format!("{message:?}");
    assert!(shown.len() < 20_000, "{}", shown.len());
    let harmful = |text: &str| text.chars().any(|c| c.is_control() || c == '\u{202e}');
    let texts =
        message.facts.iter().flat_map(|(a, b)| [a, b]).chain([&message.headline, &message.summary]);
    assert!(!texts.chain(&message.events).chain(&message.alert).any(|text| harmful(text)));
}

#[test]
fn other_events_are_told_as_sentences_whatever_they_are() {
    let json = r#"{"trail":"shop","seq":4,"id":"x","recorded_at":"2026-01-01T12:00:00.000000Z","action":"backup.delete","actor":{"type":"user","id":"ada"},"targets":[{"type":"backup","id":"b1"}]}"#;
    let message = Message::of(&event("shop", json.into()));
    assert_eq!(message.headline, "ada deleted backup b1");
    assert_eq!(message.facts[0], ("Trail".into(), "shop".into()));
    assert_eq!(message.facts[2].1, "2026-01-01T12:00:00.000000Z");
    for broken in ["", "{}", "[1]", r#"{"action":"alert.notify","trail":"_system","details":7}"#] {
        let message = Message::of(&event("_system", broken.into()));
        assert!(!message.headline.is_empty(), "{broken}");
    }
}
