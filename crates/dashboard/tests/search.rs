//! The search page over an API of our own making: what it asks, and what hostile answers do to it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use indelible_event::Micros;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Texts that want to be more than texts.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</pre></script><style>*{display:none}</style>",
    "\u{202e}gpj.exe\u{2066}",
    "\u{200b}\u{0}\u{7}\u{feff}",
    "//evil.example.com/\\x",
    "x\" style=\"position:fixed\" hx-get=\"/logout",
    "<hx-partial hx-target=\"body\">x</hx-partial>",
];

struct Got {
    status: StatusCode,
    location: Option<String>,
    html: String,
}

struct Node {
    router: Router,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Node {
    fn new(
        role: &'static str,
        answer: impl Fn(&str, &str) -> Value + Clone + Send + Sync + 'static,
    ) -> Node {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let api = Router::new().fallback(move |request: Request| {
            let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
            let answer = match (path, role) {
                ("/api/me", "") => problem(401),
                ("/api/me", _) => json!({"id": "key:1", "kind": "key", "role": role}),
                _ => {
                    let query = decoded(query);
                    seen.lock().unwrap().push(format!("{path} {query}"));
                    answer(path, &query)
                }
            };
            async move { answered(&answer) }
        });
        let now = || Micros::parse("2026-01-31T12:00:00Z").unwrap();
        Node { router: indelible_dashboard::routes(api, |_, _| {}, Box::new(now)), asked }
    }

    async fn get(&self, address: &str) -> Got {
        let request = Request::get(address).header("host", "audit.example.com").body(Body::empty());
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let location = response.headers().get(header::LOCATION);
        let location = location.map(|at| at.to_str().unwrap().to_owned());
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Got { status, location, html: String::from_utf8(bytes.into()).unwrap() }
    }

    /// What was asked at a path, the parameters decoded.
    fn asked(&self, path: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let of = |line: &String| line.strip_prefix(path)?.strip_prefix(' ').map(ToOwned::to_owned);
        asked.iter().filter_map(of).collect()
    }
}

fn decoded(query: &str) -> String {
    let pairs = form_urlencoded::parse(query.as_bytes());
    pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn problem(status: u16) -> Value {
    json!({"title": "No", "detail": "not that", "status": status, "type": "x"})
}

fn answered(answer: &Value) -> Response {
    let status = answer["type"].as_str().and_then(|_| answer["status"].as_u64()).unwrap_or(200);
    let status = StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
    (status, answer.to_string()).into_response()
}

/// An API with this event, these values and these clauses.
fn ordinary(path: &str, query: &str) -> Value {
    match path {
        "/api/audit/query" => explained(query.strip_prefix("q=").unwrap_or_default()),
        "/api/audit/logs" => {
            json!({"events": [event("plain")], "next_cursor": null, "incomplete": null, "alarms": []})
        }
        "/api/audit/stats" => stats("plain"),
        _ => problem(404),
    }
}

/// Clauses by spaces; `wrong` cannot be read.
fn explained(q: &str) -> Value {
    if let Some(at) = q.find("wrong") {
        let column = q[..at].chars().count() + 1;
        let error = json!({"column": column, "length": 5, "message": "<b>this</b> is wrong", "hint": "do", "instead": "<i>right"});
        return json!({"ok": false, "any": false, "clauses": [], "error": error});
    }
    let clause = |text: &str| {
        let negated = text.starts_with('-');
        let (key, value) = text.trim_start_matches('-').split_once(':').unzip();
        json!({"text": text, "key": key, "value": value, "negated": negated, "group": 0, "from": null, "to": null})
    };
    let clauses: Vec<Value> = q.split(' ').filter(|text| !text.is_empty()).map(clause).collect();
    json!({"ok": true, "any": false, "clauses": clauses, "error": null})
}

fn event(text: &str) -> Value {
    json!({
        "trail": text, "seq": 3, "id": text, "recorded_at": "2026-01-31T11:00:00.000000Z", "occurred_at": text,
        "action": text, "category": text, "outcome": text, "phase": text, "ref": text, "recorded_by": text,
        "actor": {"type": text, "id": text, "name": text, "email": text},
        "targets": [{"type": text, "id": text, "name": text}], "details": {text: text},
        "context": {"ip": text, "user_agent": text, "service": text, "host": text, "correlation_id": text},
    })
}

fn stats(text: &str) -> Value {
    let values =
        json!({"values": [{"value": text, "count": 3}], "other": 1, "missing": 0, "exact": true});
    let names =
        ["action", "category", "outcome", "actor", "resource_type", "resource", "ip", "service"];
    let facets: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), values.clone())).collect();
    json!({
        "total": {"value": 10_000, "relation": "at_least"}, "facets": facets,
        "histogram": {"interval_seconds": 60, "time": "recorded_at", "buckets": [
            {"start": "2026-01-31T11:00:00.000000Z", "count": 7, "outcomes": {"success": 4, "denied": 3, text: 1}},
            {"start": text, "count": 1, "outcomes": {}},
        ]},
        "incomplete": {"limit": text, "message": text}, "alarms": [{"trail": text, "seq": 1, "message": text}],
    })
}

/// Fails where a page holds a tag, an attribute or an address that our own templates have none of.
fn harmless(html: &str) {
    const TAGS: &[&str] = &[
        "!DOCTYPE",
        "a",
        "aside",
        "bdi",
        "body",
        "br",
        "button",
        "code",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "em",
        "fieldset",
        "figcaption",
        "figure",
        "form",
        "h1",
        "h2",
        "h3",
        "head",
        "header",
        "html",
        "input",
        "kbd",
        "label",
        "legend",
        "li",
        "line",
        "link",
        "main",
        "meta",
        "nav",
        "noscript",
        "ol",
        "p",
        "path",
        "pre",
        "rect",
        "script",
        "section",
        "span",
        "strong",
        "summary",
        "svg",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "time",
        "title",
        "tr",
        "ul",
    ];
    let unseen = |c: char| {
        matches!(c, '\u{200b}' | '\u{202e}' | '\u{2066}' | '\u{feff}' | '\u{0}' | '\u{7}')
    };
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains(unseen), "a character that no eye would see");
        let tag = &rest[at + 1..];
        // A quoted value may hold the end of a tag.
        let mut quoted = false;
        let end = tag.find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let tag = &tag[..end.unwrap()];
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        assert!(TAGS.contains(&name), "a tag that is none of ours: <{tag}>");
        let acts = name == "script" && !tag.starts_with('/') && !tag.contains(" src=\"/assets/");
        assert!(!acts, "<{tag}>");
        for (at, piece) in tag.split('"').enumerate().filter(|(at, _)| at % 2 == 0) {
            for attribute in piece.split([' ', '=']) {
                assert!(
                    !attribute.starts_with("on") && attribute != "style" && attribute != "srcdoc",
                    "{at}: <{tag}>"
                );
            }
        }
        for name in ["href", "src", "action", "hx-get"] {
            let Some((_, value)) = tag.split_once(&format!(" {name}=\"")) else { continue };
            let own = value.starts_with('#') || value.starts_with('/') && !value.starts_with("//");
            assert!(own, "an address that leads elsewhere: <{tag}>");
        }
        rest = &rest[at + 1 + end.unwrap()..];
    }
}

#[tokio::test]
async fn nothing_that_is_found_acts() {
    for text in HOSTILE {
        let node = Node::new("admin", move |path, query| match path {
            "/api/audit/query" if query.contains("created") => explained(""),
            "/api/audit/query" => {
                let clause = json!({"text": text, "key": text, "value": text, "negated": false, "group": 0, "from": text, "to": text});
                json!({"ok": true, "any": false, "clauses": [clause, clause], "error": null})
            }
            "/api/audit/logs" => json!({
                "events": [event(text), event(text)], "next_cursor": text,
                "incomplete": {"limit": text, "message": text}, "alarms": [{"trail": text, "seq": 1, "message": text}],
            }),
            "/api/audit/stats" => stats(text),
            "/api/saved-searches" => {
                json!({"searches": [{"id": text, "name": text, "query": text, "time": text, "created_at": text}]})
            }
            "/api/audit/reports/unfinished" => {
                json!({"unfinished": [{"event": event(text)}], "abandoned": [{"event": event(text)}], "next_cursor": text})
            }
            _ => problem(404),
        });
        let q: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for address in [
            "/".to_owned(),
            format!("/?q={q}&t=-1h&order=asc&by=happened&summary=1&cursor={q}"),
            format!("/?q={q}&t={q}"),
            format!("/search/rows?q={q}&cursor={q}"),
            format!("/search/summary?q={q}"),
            format!("/search/unfinished?cursor={q}"),
        ] {
            let got = node.get(&address).await;
            assert_eq!(got.status, 200, "{address}");
            harmless(&got.html);
        }
        let folded = node
            .get(&format!("/?q=x&f.actor={q}&a.ip={q}&x.service={q}&a.{q}={q}&t.from={q}"))
            .await;
        let location = folded.location.unwrap();
        assert_eq!(folded.status, 303);
        assert!(location.starts_with("/?") && location.is_ascii(), "{location}");
    }
}

#[tokio::test]
async fn hostile_errors_and_empty_results_are_harmless_too() {
    for text in HOSTILE {
        let node = Node::new("reader", move |path, query| match path {
            "/api/audit/query" if query.contains("wrong") => json!({"ok": false, "error": {
                "column": 3, "length": 99, "message": text, "hint": text, "instead": text,
            }}),
            "/api/audit/query" => explained(text),
            "/api/audit/logs" => json!({"events": [], "next_cursor": null}),
            "/api/audit/stats" => {
                json!({"type": "x", "status": 500, "title": text, "detail": text})
            }
            _ => problem(404),
        });
        let q: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for address in [
            format!("/?q=wrong{q}"),
            format!("/?q={q}"),
            "/".to_owned(),
            format!("/search/summary?q={q}"),
        ] {
            let got = node.get(&address).await;
            assert_eq!(got.status, 200, "{address}");
            harmless(&got.html);
        }
    }
}

#[tokio::test]
async fn a_search_asks_for_what_its_address_says() {
    let node = Node::new("reader", ordinary);
    node.get("/?q=actor:maria&t=-24h&order=asc&page_size=100&cursor=c").await;
    let wanted = "q=actor:maria created:-24h&order=asc&page_size=100&cursor=c";
    assert_eq!(node.asked("/api/audit/logs"), [wanted]);
    assert!(node.asked("/api/audit/stats").is_empty(), "counting waits for the rows");

    let node = Node::new("reader", ordinary);
    node.get("/search/summary?q=x&t=2026-01-31&by=happened").await;
    let stats = node.asked("/api/audit/stats").concat();
    assert!(
        stats.starts_with("q=x occurred:2026-01-31&") && stats.contains("time=occurred_at"),
        "{stats}"
    );
}

#[tokio::test]
async fn the_audit_system_itself_is_left_out_and_said_to_be() {
    let node = Node::new("auditor", ordinary);
    let got = node.get("/").await;
    assert_eq!(node.asked("/api/audit/logs"), ["q=-trail:_system&page_size=50"]);
    assert!(got.html.contains("data-chip=\"system\"") && got.html.contains("href=\"/?system=1\""));
    node.get("/?system=1").await;
    node.get("/?q=trail:_system").await;
    let asked = node.asked("/api/audit/logs");
    assert_eq!(asked[1..], ["page_size=50", "q=trail:_system&page_size=50"]);

    let node = Node::new("reader", ordinary);
    let got = node.get("/").await;
    assert_eq!(node.asked("/api/audit/logs"), ["page_size=50"]);
    assert!(!got.html.contains("data-chip") && !got.html.contains("id=\"export\""));
}

#[tokio::test]
async fn what_is_wrong_is_shown_and_nothing_is_asked() {
    let node = Node::new("reader", ordinary);
    let got = node.get("/?q=%C3%A9+wrong:x&t=-1h").await;
    assert_eq!(got.status, 200);
    assert!(got.html.contains("é wrong:x\n  <span class=\"mark\">^^^^^</span>"), "{}", got.html);
    assert!(got.html.contains("href=\"/?q=%C3%A9+%3Ci%3Eright%3Ax&amp;t=-1h\""), "{}", got.html);
    let got = node.get("/?t=-1h+OR+x").await;
    assert!(got.html.contains("The time cannot be read"), "{}", got.html);
    assert!(node.asked("/api/audit/logs").is_empty());
}

#[tokio::test]
async fn forms_lead_to_the_one_address() {
    let node = Node::new("reader", ordinary);
    for (form, wanted) in [
        (
            "/?q=word&f.actor=maria&f.outcome=&f.outcome=denied&f.ip=",
            "/?q=word+actor%3Amaria+outcome%3Adenied",
        ),
        ("/?q=actor:maria&t=-1h&cursor=x&x.actor=maria", "/?q=-actor%3Amaria&t=-1h"),
        ("/?q=word&t.from=2026-01-01T10:00Z&t.to=", "/?q=word&t=%3E%3D2026-01-01T10%3A00Z"),
        ("/?q=wrong&f.actor=x", "/?q=wrong"),
    ] {
        let got = node.get(form).await;
        assert_eq!(
            (got.status, got.location.as_deref()),
            (StatusCode::SEE_OTHER, Some(wanted)),
            "{form}"
        );
    }
}

#[tokio::test]
async fn pages_lead_on_and_say_what_they_lack() {
    let node = Node::new("reader", |path, query| match path {
        "/api/audit/logs" if query.contains("cursor=two") => json!({
            "events": [event("plain")], "next_cursor": "three", "incomplete": {"limit": "time", "message": "the time was over"},
            "alarms": [{"trail": "shop", "seq": 7, "message": "another hash"}],
        }),
        "/api/audit/logs" => json!({"events": [event("plain")], "next_cursor": "two"}),
        _ => ordinary(path, query),
    });
    let got = node.get("/?q=x&t=-1h").await;
    assert!(got.html.contains("href=\"/?q=x&amp;t=-1h&amp;cursor=two\""), "{}", got.html);
    assert!(
        got.html.contains("hx-get=\"/search/rows?q=x&amp;t=-1h&amp;cursor=two\""),
        "{}",
        got.html
    );
    let got = node.get("/search/rows?q=x&t=-1h&cursor=two").await;
    assert!(got.html.starts_with("<li"), "{}", got.html);
    for part in ["cursor=three", "the time was over", "another hash", "data-row"] {
        assert!(got.html.contains(part), "{part}: {}", got.html);
    }
    assert!(!got.html.contains("<html"), "{}", got.html);
}

#[tokio::test]
async fn nothing_recorded_is_not_nothing_found() {
    let none = |path: &str, query: &str| match path {
        "/api/audit/logs" => json!({"events": [], "next_cursor": null}),
        _ => ordinary(path, query),
    };
    let node = Node::new("admin", none);
    let got = node.get("/").await;
    assert!(got.html.contains("Nothing is recorded yet"), "{}", got.html);
    assert!(got.html.contains("https://audit.example.com</span>/api/audit/logs"), "{}", got.html);
    let got = node.get("/?q=a+b&t=-1h").await;
    assert!(got.html.contains("Nothing matches"), "{}", got.html);
    for link in ["/?q=a+b", "/?q=b&amp;t=-1h", "/?q=a&amp;t=-1h", "/?t=-1h"] {
        assert!(got.html.contains(&format!("<a href=\"{link}\">")), "{link}: {}", got.html);
    }
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    let got = Node::new("", |_, _| problem(401)).get("/?q=x").await;
    assert_eq!(
        (got.status, got.location.as_deref()),
        (StatusCode::SEE_OTHER, Some("/login?next=%2F%3Fq%3Dx"))
    );
    let got = Node::new("writer", |_, _| problem(403)).get("/").await;
    assert_eq!(got.status, 403);
}
