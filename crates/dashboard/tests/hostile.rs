//! Texts that want to be more than texts, and what no page may have in it.

use serde_json::{Value, json};

/// Texts that want to be more than texts.
pub const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</pre></script><style>*{display:none}</style>",
    "\u{202e}gpj.exe\u{2066}",
    "\u{200b}\u{0}\u{7}\u{feff}",
    "a&lt;b&amp;c",
    "//evil.example.com/\\x",
    "{{7*7}} ${7*7} #{x}",
];

/// An event with this text everywhere where a text may be.
pub fn hostile_event(text: &str) -> Value {
    json!({
        "trail": text, "seq": 3, "id": text, "recorded_at": text, "occurred_at": text, "action": text, "category": text,
        "outcome": text, "phase": text, "ref": text, "source": {"id": text, "seq": 1}, "recorded_by": text,
        "actor": {"type": text, "id": text, "name": text, "email": text, "auth": {"method": text, "token_id": text},
            "on_behalf_of": {"type": text, "id": text, "name": text, "email": text}},
        "subjects": [{"type": text, "id": text}],
        "context": {"ip": text, "user_agent": text, "request_id": text, "correlation_id": text, "session_id": text,
            "trace_id": text, "span_id": text, "service": text, "host": text,
            "http": {"method": text, "path": text, "route": text, "status": 200, "duration_ms": 1.50}},
        "targets": [{"type": text, "id": text, "name": text}, {"id": text}, {"type": text}],
        "changes": {"before": {text: text}, "after": {text: [text, null]}},
        "details": {text: {text: [text, 1.0, true]}, "losses": [{"event_type": text, "cause": text, "count": 1}]},
        "error": {"code": text, "message": text},
    })
}

/// Fails where a page holds anything that our own templates do not: a tag, an attribute that acts, an address that
/// leads elsewhere, a character that no eye would see.
pub fn harmless(html: &str) {
    let unseen = |c: char| {
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
            || c.is_control() && !matches!(c, '\n' | '\t')
    };
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        assert!(
            !rest[..at].contains(unseen),
            "a character that no eye would see: {}",
            cut(&rest[..at])
        );
        let end = rest[at..]
            .find('>')
            .unwrap_or_else(|| panic!("a tag that does not end: {}", cut(&rest[at..])));
        let inner = &rest[at + 1..at + end];
        tag(inner);
        // Some attributes are shown; those that only programs read keep what they say.
        for name in ["title", "aria-label", "alt", "placeholder"] {
            let Some((_, value)) = inner.split_once(&format!(" {name}=\"")) else { continue };
            assert!(!value.split('"').next().unwrap().contains(unseen), "{}", cut(inner));
        }
        rest = &rest[at + end + 1..];
    }
}

fn tag(inner: &str) {
    const TAGS: &[&str] = &[
        "a", "article", "bdi", "body", "br", "button", "circle", "code", "dd", "del", "details",
        "dialog", "div", "dl", "dt", "em", "fieldset", "figure", "form", "g", "h1", "h2", "h3",
        "head", "header", "hr", "html", "input", "ins", "kbd", "label", "legend", "li", "line",
        "link", "main", "meta", "nav", "noscript", "ol", "option", "p", "path", "pre", "progress",
        "rect", "script", "section", "select", "span", "strong", "summary", "svg", "table",
        "tbody", "td", "text", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "ul",
        "!DOCTYPE",
    ];
    let name = inner.trim_start_matches('/').split([' ', '/']).next().unwrap();
    assert!(
        TAGS.contains(&name) || name == "figcaption",
        "a tag that is none of ours: {}",
        cut(inner)
    );
    assert!(
        name != "script" || inner.starts_with('/') || inner.contains("src=\"/assets/"),
        "{}",
        cut(inner)
    );
    // Attributes stand in double quotes, in which no double quote can be.
    for (at, piece) in inner.split('"').enumerate() {
        if at % 2 == 1 {
            continue;
        }
        for attribute in piece.split_whitespace() {
            let attribute = attribute.trim_end_matches('=');
            assert!(
                !attribute.starts_with("on") && attribute != "style" && attribute != "srcdoc",
                "{}",
                cut(inner)
            );
        }
    }
    for name in ["href", "src", "action", "formaction", "hx-get"] {
        let Some((_, value)) = inner.split_once(&format!(" {name}=\"")) else { continue };
        let value = value.split('"').next().unwrap();
        let own = value.starts_with('#')
            || value.starts_with('/') && !value.starts_with("//") && !value.contains('\\');
        assert!(own, "an address that leads elsewhere: {}", cut(value));
    }
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}
