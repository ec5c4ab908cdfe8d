//! Every member of an event, in groups that answer who, what, where and how it was recorded.

use indelible_connect::{Actor, Event, Target};
use maud::{Markup, html};

use crate::{href, limits, text, time};

/// A member and its value.
struct Line<'a> {
    label: &'a str,
    /// The type of the resource, beside the label.
    kind: &'a str,
    value: &'a str,
    /// Where in the event it is from; the badge compares it there.
    pointer: Option<String>,
    /// The search for it.
    search: Option<String>,
    /// Another page about it, and what that is called.
    page: Option<(&'static str, String)>,
    /// Whether it is something to copy.
    id: bool,
}

impl<'a> Line<'a> {
    fn new(label: &'a str, value: &'a str, pointer: impl Into<String>) -> Line<'a> {
        let pointer = Some(pointer.into());
        Line { label, kind: "", value, pointer, search: None, page: None, id: false }
    }

    fn key(mut self, key: &str) -> Line<'a> {
        self.search = Some(href::search_for(key, self.value));
        self
    }

    fn page(mut self, word: &'static str, address: String) -> Line<'a> {
        self.page = Some((word, address));
        self
    }

    fn id(mut self) -> Line<'a> {
        self.id = true;
        self
    }
}

fn line(line: Line<'_>) -> Markup {
    let short = line.value.chars().count() <= limits::OPEN_CHARS_MAX;
    let name = line.pointer.as_ref().map(|pointer| format!("f{}", pointer.replace('/', "-")));
    let id = name.as_ref().filter(|_| line.id && short);
    let shown = html! {
        span.shown id=[id] data-pointer=[line.pointer.as_ref().filter(|_| short)] { (text::whole(line.value)) }
    };
    html! {
        div.field {
            dt { (line.label) @if !line.kind.is_empty() { " " span.kind { (text::short(line.kind)) } } }
            dd {
                @match line.search.filter(|_| short) {
                    Some(search) => a.value-link href=(search) title="Search for this" { (shown) },
                    None => (shown),
                }
                @if let Some((word, address)) = line.page { " " a.more-link href=(address) { (word) } }
                @if let Some(id) = id {
                    " " button.copy type="button" data-copy={"#" (id)} aria-label={"Copy " (line.label)} { "Copy" }
                }
            }
        }
    }
}

/// The lines of those that are there.
struct Lines(Vec<Markup>);

impl Lines {
    fn push<'a>(&mut self, value: Option<&'a str>, make: impl FnOnce(&'a str) -> Line<'a>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.0.push(line(make(value)));
        }
    }
}

fn group(id: &str, title: &str, lines: &Lines) -> Markup {
    html! {
        @if !lines.0.is_empty() {
            section.panel id=(id) { h2 { (title) } dl.fields { @for line in &lines.0 { (line) } } }
        }
    }
}

pub fn groups(event: &Event, leaf: &str, published: bool) -> Markup {
    html! {
        div.event-groups {
            (group("who", "Who", &who(event)))
            (group("what", "What", &what(event)))
            (group("where", "Where", &place(event)))
            (recorded(event, leaf, published))
        }
    }
}

fn who(event: &Event) -> Lines {
    let mut lines = Lines(Vec::new());
    let mut next = event.actor.as_ref();
    let mut pointer = "/actor".to_owned();
    let mut depth = 0;
    while let Some(actor) = next {
        one_actor(&mut lines, actor, &pointer, depth);
        next = actor.on_behalf_of.as_deref();
        pointer.push_str("/on_behalf_of");
        depth += 1;
    }
    for (at, subject) in event.subjects.iter().enumerate() {
        of_target(&mut lines, "Data of", subject, &format!("/subjects/{at}"), "subject");
    }
    lines
}

fn one_actor(lines: &mut Lines, actor: &Actor, pointer: &str, depth: usize) {
    let label = match (depth, actor.kind.as_deref()) {
        (0, Some("user")) => "User",
        (0, Some("service")) => "Service account",
        (0, Some("system")) => "System",
        (0, Some("agent")) => "Agent",
        (0, Some("anonymous")) => "Anonymous",
        (0, _) => "Actor",
        _ => "On behalf of",
    };
    let at = |member: &str| format!("{pointer}/{member}");
    lines.push(actor.id.as_deref(), |id| {
        let key = if depth == 0 { "actor" } else { "on_behalf_of" };
        Line::new(label, id, at("id")).key(key).page("Report", href::person(id)).id()
    });
    lines.push(actor.name.as_deref(), |name| Line::new("Name", name, at("name")).key("name"));
    lines.push(actor.email.as_deref(), |mail| Line::new("Email", mail, at("email")).key("email"));
    if depth > 0 {
        lines.push(actor.kind.as_deref(), |kind| Line::new("Kind", kind, at("type")));
    } else {
        lines.push(actor.kind.as_deref(), |kind| {
            Line::new("Kind", kind, at("type")).key("actor_type")
        });
    }
    if let Some(auth) = &actor.auth {
        // The paths of the query language begin with the first actor.
        let key = |member: &str| format!("actor.{}auth.{member}", "on_behalf_of.".repeat(depth));
        lines.push(auth.method.as_deref(), |method| {
            Line::new("Signed in by", method, at("auth/method")).key(&key("method"))
        });
        lines.push(auth.token_id.as_deref(), |token| {
            Line::new("Token", token, at("auth/token_id")).key(&key("token_id")).id()
        });
    }
}

/// A target or subject: `type/id`, and its name.
fn of_target(lines: &mut Lines, label: &str, target: &Target, pointer: &str, key: &str) {
    let (kind, id) = (target.kind.as_deref().unwrap_or_default(), target.id.as_deref());
    let at = |member: &str| format!("{pointer}/{member}");
    lines.push(id, |id| {
        let whole = if kind.is_empty() { id.to_owned() } else { format!("{kind}/{id}") };
        // A timeline is of what something was done to, not of whose data it was.
        let timeline = (key == "target").then(|| ("Timeline", href::resource_timeline(kind, id)));
        let search = Some(href::search_for(key, &whole));
        Line { kind, search, page: timeline, ..Line::new(label, id, at("id")).id() }
    });
    if id.is_none() {
        lines.push(target.kind.as_deref(), |kind| {
            Line::new("Type", kind, at("type")).key("resource_type")
        });
    }
    lines.push(target.name.as_deref(), |name| Line::new("Name", name, at("name")).key("name"));
}

fn what(event: &Event) -> Lines {
    let mut lines = Lines(Vec::new());
    lines.push(Some(&event.action), |action| Line::new("Action", action, "/action").key("action"));
    lines.push(event.category.as_deref(), |of| {
        Line::new("Category", of, "/category").key("category")
    });
    lines.push(event.outcome.as_deref(), |of| Line::new("Outcome", of, "/outcome").key("outcome"));
    for (at, target) in event.targets.iter().enumerate().take(limits::TARGETS_SHOWN_MAX) {
        let label = if at == 0 { "Resource" } else { "And" };
        of_target(&mut lines, label, target, &format!("/targets/{at}"), "target");
    }
    if let Some(error) = &event.error {
        lines.push(error.code.as_deref(), |code| {
            Line::new("Error", code, "/error/code").key("error_code")
        });
        lines.push(error.message.as_deref(), |message| {
            Line::new("Message", message, "/error/message")
        });
    }
    lines.push(event.phase.as_deref(), |phase| Line::new("Phase", phase, "/phase").key("phase"));
    lines.push(event.reference.as_deref(), |of| {
        let own = href::event(&event.trail, of);
        Line::new("Belongs to", of, "/ref").key("ref").page("The event", own).id()
    });
    lines
}

fn place(event: &Event) -> Lines {
    let mut lines = Lines(Vec::new());
    let Some(context) = &event.context else { return lines };
    let mut one = |label, value: &Option<String>, member: &str, key: Option<&str>, id: bool| {
        lines.push(value.as_deref(), |value| {
            let line = Line { id, ..Line::new(label, value, format!("/context/{member}")) };
            let line = if let Some(key) = key { line.key(key) } else { line };
            match member {
                "correlation_id" => line.page("Timeline", href::correlation_timeline(value)),
                _ => line,
            }
        });
    };
    one("Address", &context.ip, "ip", Some("ip"), true);
    one("Service", &context.service, "service", Some("service"), false);
    one("Host", &context.host, "host", Some("host"), false);
    one("Client", &context.user_agent, "user_agent", Some("user_agent"), false);
    one("Correlation", &context.correlation_id, "correlation_id", Some("correlation"), true);
    one("Request", &context.request_id, "request_id", Some("request"), true);
    one("Session", &context.session_id, "session_id", Some("session"), true);
    one("Trace", &context.trace_id, "trace_id", Some("trace"), true);
    one("Span", &context.span_id, "span_id", None, true);
    if let Some(http) = &context.http {
        let mut one = |label, value: &Option<String>, member: &str| {
            lines.push(value.as_deref(), |value| {
                Line::new(label, value, format!("/context/http/{member}"))
                    .key(&format!("context.http.{member}"))
            });
        };
        one("Method", &http.method, "method");
        one("Path", &http.path, "path");
        one("Route", &http.route, "route");
        let status = http.status.map(|status| status.to_string());
        one("Status", &status, "status");
        if let Some(duration) = &http.duration_ms {
            lines.0.push(plain("Duration", html! { (text::short(duration.get())) " ms" }));
        }
    }
    lines
}

fn plain(label: &str, value: Markup) -> Markup {
    html! { div.field { dt { (label) } dd { (value) } } }
}

fn recorded(event: &Event, leaf: &str, published: bool) -> Markup {
    let mut lines = Lines(Vec::new());
    lines.push(Some(&event.id), |id| Line::new("Event", id, "/id").key("id").id());
    lines.push(Some(&event.trail), |trail| Line::new("Trail", trail, "/trail").key("trail"));
    let seq = event.seq.to_string();
    lines.push(Some(&seq), |seq| Line::new("Place in the trail", seq, "/seq"));
    if let Some(happened) = &event.occurred_at {
        lines.0.push(plain(
            "Happened",
            html! { (time::at(happened)) " " code.micros data-pointer="/occurred_at" { (text::short(happened)) } },
        ));
    }
    let at = &event.recorded_at;
    lines.0.push(plain(
        "Recorded",
        html! { (time::at(at)) " " code.micros data-pointer="/recorded_at" { (text::short(at)) } },
    ));
    lines.push(event.recorded_by.as_deref(), |by| {
        Line::new("By credential", by, "/recorded_by").key("key").id()
    });
    if let Some(source) = &event.source {
        lines.push(source.id.as_deref(), |id| {
            Line::new("Recorder", id, "/source/id").key("source").id()
        });
        if let Some(seq) = source.seq {
            lines.0.push(plain("Its count", html! { (seq) }));
        }
    }
    lines.0.push(html! {
        div.field { dt { "Leaf hash" } dd { code #leaf { (text::short(leaf)) } " " button.copy type="button" data-copy="#leaf" aria-label="Copy Leaf hash" { "Copy" } } }
    });
    lines.0.push(plain(
        "Published",
        html! { (if published { "yes, a signed checkpoint covers it" } else { "not yet" }) },
    ));
    group("recorded", "Recorded", &lines)
}
