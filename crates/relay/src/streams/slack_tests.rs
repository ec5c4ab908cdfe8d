use super::*;

fn message() -> Message {
    Message {
        headline: "[high] Password spray: <!channel>".into(),
        summary:
            "@here & <https://evil.example.com|ok> [ok](https://evil.example.com) ada@example.com"
                .into(),
        facts: vec![("context.ip".into(), "<!here>".into())],
        paragraphs: vec![("What to do", "Block <it>.".into())],
        events: Vec::new(),
        url: Some("https://audit.example.com/alerts/1?a=1&b=2".into()),
        alert: Some("1".into()),
    }
}

#[test]
fn nothing_that_others_wrote_is_obeyed() {
    let body = body(&message());
    let shown = body.to_string();
    // Only where nothing is obeyed.
    assert_eq!(shown.matches("<!channel>").count(), 1);
    assert_eq!(body["blocks"][0]["text"]["type"], "plain_text");
    assert!(!shown.contains("<!here>") && !shown.contains("<https://evil"), "{shown}");
    assert!(!shown.contains("@here") && !shown.contains("](https"), "{shown}");
    assert!(shown.contains("ada@example.com"), "{shown}");
    assert!(
        shown.contains("<https://audit.example.com/alerts/1?a=1&amp;b=2|Look at it>"),
        "{shown}"
    );
}

#[test]
fn the_longest_message_is_one_that_slack_takes() {
    use crate::limits::*;
    let of = |chars: usize| "&".repeat(chars);
    let message = Message {
        headline: of(HEADLINE_CHARS_MAX),
        summary: of(PARAGRAPH_CHARS_MAX),
        facts: vec![(of(FACT_CHARS_MAX), of(FACT_CHARS_MAX)); FACTS_MAX],
        paragraphs: vec![("What it means", of(PARAGRAPH_CHARS_MAX)); 2],
        events: Vec::new(),
        url: Some(format!("https://{}", of(LINK_CHARS_MAX - 8))),
        alert: None,
    };
    let body = body(&message);
    let blocks = body["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50);
    for block in blocks {
        let max = if block["type"] == "header" { 150 } else { 3_000 };
        if let Some(text) = block["text"]["text"].as_str() {
            assert!((1..=max).contains(&text.chars().count()), "{block}");
        }
        let fields = block["fields"].as_array().map_or(&[][..], |fields| fields);
        assert!(fields.len() <= 10);
        assert!(
            fields.iter().all(|field| field["text"].as_str().unwrap().chars().count() <= 2_000)
        );
    }
    assert!(body["text"].as_str().unwrap().chars().count() <= 40_000);
}
