//! Beside the bar: the time, searches that are ready, searches that were kept, the order.

use indelible_event::Micros;
use maud::{Markup, html};

use super::api::Saved;
use super::state::State;
use crate::by::By;
use crate::href::Params;
use crate::visit::Me;
use crate::{limits, text, time};

/// Times back from now, and what they are called.
const BACK: &[(&str, &str)] = &[
    ("-15m", "Last 15 minutes"),
    ("-1h", "Last hour"),
    ("-24h", "Last 24 hours"),
    ("-7d", "Last 7 days"),
    ("-30d", "Last 30 days"),
    ("-90d", "Last 90 days"),
];

/// Searches that many want: name, query, time.
const READY: &[(&str, &str, &str)] = &[
    ("Failed logins, 24 h", "category:login_failed", "-24h"),
    ("Denied, 7 d", "outcome:denied", "-7d"),
    ("Deletions, 7 d", "(category:data_delete OR action:*.delete)", "-7d"),
    ("Admin changes, 30 d", "category:admin_action,config_change,user_created", "-30d"),
];

/// All of them; without a search only that cannot be read, those that lead elsewhere.
pub fn tools(
    state: &State,
    me: &Me,
    saved: Option<&[Saved]>,
    here: &str,
    by_api: Option<Markup>,
) -> Markup {
    html! {
        div #tools.tools {
            (times(state))
            (drop_down("ready", html! { "Ready-made" }, ready(me)))
            @if let Some(saved) = saved { (drop_down("saved", html! { "Saved" }, kept_searches(state, saved, here))) }
            (drop_down("view", html! { (if state.oldest { "Oldest first" } else { "Newest first" }) }, view(state)))
            span.push {}
            @if let Some(by_api) = by_api { (drop_down("by-api", html! { "API" }, by_api)) }
            a #watch href=(state.params().without(&["t", "by", "order", "page_size"]).to("/live")) { "Watch live" }
            @if me.may_audit() { a #export href=(state.params().without(&["page_size"]).to("/export")) { "Export…" } }
        }
    }
}

fn drop_down(id: &str, summary: Markup, body: Markup) -> Markup {
    html! { details.drop id=(id) name="tools" { summary { span { (summary) } } div.sheet { (body) } } }
}

/// A time as people say it; its moments are shown in the viewer's zone.
pub fn time_said(t: &str) -> Markup {
    if let Some((_, said)) = BACK.iter().find(|(back, _)| *back == t) {
        return html! { (said) };
    }
    let end = |text: &str| match moment(text) {
        Some(at) => time::at_short(&at),
        None => text::short(text),
    };
    match (t.split_once(".."), t.strip_prefix(">="), t.strip_prefix("<=")) {
        (Some((from, to)), ..) => html! { (end(from)) " to " (end(to)) },
        (_, Some(from), _) => html! { "From " (end(from)) },
        (.., Some(to)) => html! { "Until " (end(to)) },
        _ => end(t),
    }
}

/// A moment that is written to the minute or the second, as RFC 3339 has it.
fn moment(text: &str) -> Option<String> {
    let plain = text.trim_end_matches('Z');
    let whole = match plain.len() {
        16 => format!("{plain}:00Z"),
        19 => format!("{plain}Z"),
        _ => return None,
    };
    Micros::parse(&whole).ok().map(|_| whole)
}

fn times(state: &State) -> Markup {
    let summary = match state.t.is_empty() {
        true => html! { "All time" },
        false => time_said(&state.t),
    };
    let [from, to] = ends(&state.t);
    let body = html! {
        ul.list {
            @for (back, said) in BACK { li { a href=(state.with_t(*back).address()) aria-current=[(state.t == *back).then_some("true")] { (said) } } }
            li { a href=(state.with_t("").address()) aria-current=[state.t.is_empty().then_some("true")] { "All time" } }
        }
        form #times action="/" {
            (kept(state, &["t", "by"]))
            p { label for="t-from" { "From" } input #t-from type="datetime-local" step="1" name="t.from" value=(from); }
            p { label for="t-to" { "Until" } input #t-to type="datetime-local" step="1" name="t.to" value=(to); }
            p.quiet { "One alone means after, or before. Times are in " span #t-zone { "UTC" } "." }
            fieldset {
                legend { "The time when it" }
                label { input type="radio" name="by" value="" checked[state.by == By::Recorded]; " was recorded" } " "
                label { input type="radio" name="by" value="happened" checked[state.by == By::Happened]; " happened" }
            }
            button { "Apply" }
        }
    };
    drop_down("time", summary, body)
}

/// The ends of a time that has whole moments for them, as a field for them takes it.
fn ends(t: &str) -> [String; 2] {
    let field = |text: &str| {
        let text = text.trim_end_matches('Z');
        match text.len() {
            10 => format!("{text}T00:00"),
            16 | 19 => text.to_owned(),
            _ => String::new(),
        }
    };
    let none = String::new;
    let dated = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    match t.split_once("..") {
        Some((from, to)) => [from, to].map(|end| if dated(end) { field(end) } else { none() }),
        None => match (t.strip_prefix(">="), t.strip_prefix("<=")) {
            (Some(from), _) if dated(from) => [field(from), none()],
            (_, Some(to)) if dated(to) => [none(), field(to)],
            _ => [none(), none()],
        },
    }
}

fn ready(me: &Me) -> Markup {
    let link = |q: &str, t: &str| Params::new().with("q", q).with("t", t).to("/");
    let everything = |id: &str, said: &str, name: &str, example: &str| {
        html! {
            form.inline action="/" {
                label for=(id) { (said) }
                input #(id) name=(name) required placeholder=(example) autocomplete="off" spellcheck="false";
                button.plain { "Find" }
            }
        }
    };
    html! {
        ul.list {
            @for (name, q, t) in READY { li { a href=(link(q, t)) { (name) } } }
            li { a href="/search/unfinished" { "Unfinished intents" } }
            @if me.may_audit() { li { a href=(link("trail:_system", "")) { "What the audit system itself did" } } }
        }
        (everything("everything-by", "Everything by", "f.actor", "maria"))
        (everything("everything-on", "Everything on", "f.target", "backup/db-0417"))
    }
}

fn kept_searches(state: &State, saved: &[Saved], here: &str) -> Markup {
    let link = |saved: &Saved| {
        let time = saved.time.as_deref().unwrap_or_default();
        Params::new().with("q", saved.query.as_str()).with("t", time).to("/")
    };
    html! {
        @if saved.is_empty() { p.quiet { "No search is saved yet." } }
        ul.list { @for saved in saved { li { a href=(link(saved)) title=(saved.query) { (text::short_to(&saved.name, 60)) } } } }
        form #save.inline action="/settings/searches" method="post" {
            label for="save-name" { "Save this search as" }
            input #save-name name="name" required maxlength=(limits::NAME_CHARS_MAX) autocomplete="off";
            input type="hidden" name="q" value=(state.q);
            input type="hidden" name="t" value=(state.t);
            input type="hidden" name="back" value=(here);
            button.plain { "Save" }
        }
    }
}

fn view(state: &State) -> Markup {
    let order = |oldest: bool| State { oldest, ..state.clone() };
    let size = |page_size: u64| State { page_size, ..state.clone() };
    html! {
        ul.list {
            @for (oldest, said) in [(false, "Newest first"), (true, "Oldest first")] {
                li { a href=(order(oldest).address()) aria-current=[(state.oldest == oldest).then_some("true")] { (said) } }
            }
        }
        p.quiet { "At a time" }
        ul.list.across {
            @for page_size in limits::PAGE_SIZES {
                li { a href=(size(page_size).address()) aria-current=[(state.page_size == page_size).then_some("true")] { (page_size) } }
            }
        }
    }
}

/// What a form sends along of a search, but for these.
pub fn kept(state: &State, but: &[&str]) -> Markup {
    let params = state.params().without(but);
    html! { @for (name, value) in params.pairs() { input type="hidden" name=(name) value=(value); } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_stands_in_the_fields_it_came_from() {
        assert_eq!(
            ends("2026-01-01..2026-01-31T10:00:00Z"),
            ["2026-01-01T00:00", "2026-01-31T10:00:00"]
        );
        assert_eq!(ends(">=2026-01-01T10:00"), ["2026-01-01T10:00", ""]);
        assert_eq!(ends("<=2026-01-01"), ["", "2026-01-01T00:00"]);
        assert_eq!(ends("-48h..-24h"), ["", ""]);
        assert_eq!(ends("today"), ["", ""]);
    }

    #[test]
    fn a_time_is_said_as_people_say_it() {
        assert_eq!(time_said("-24h").into_string(), "Last 24 hours");
        let said = time_said("2026-01-31T10:00Z..2026-01-31T11:00:59Z").into_string();
        assert!(said.contains("datetime=\"2026-01-31T10:00:00Z\""), "{said}");
        assert!(said.contains("2026-01-31 11:00:59</time>"), "{said}");
        assert_eq!(time_said(">=2026-01-31").into_string(), "From <bdi>2026-01-31</bdi>");
        assert_eq!(time_said("<b>\u{e9}").into_string(), "<bdi>&lt;b&gt;é</bdi>");
    }

    #[test]
    fn a_form_keeps_the_rest_of_the_search() {
        let state = State::of(&Params::parse("q=%22x%22&t=-1h&order=asc"));
        let shown = kept(&state, &["t"]).into_string();
        assert!(shown.contains("name=\"q\" value=\"&quot;x&quot;\""), "{shown}");
        assert!(shown.contains("name=\"order\"") && !shown.contains("name=\"t\""), "{shown}");
    }
}
