//! `indelible alerts`

use indelible_client::path_segment;
use serde_json::{Value, json};

use super::{group, items, level, node, number, text};
use crate::args::{AlertOne, AlertShow, AlertsCommand, AlertsList, At, Global};
use crate::ask::Params;
use crate::ask::source::read;
use crate::failure::Failure;
use crate::keeping::shown::{As, Fact, facts};
use crate::keeping::{Session, list, print};
use crate::look::{Look, Paint, clean};
use crate::out::{self, Out, Table, grouped};

const ALERTS: &str = "/api/alerts";
/// Alerts that are looked through for one whose id begins so.
const LOOKED_THROUGH: &str = "1000";
/// Characters of a whole id.
const ID_CHARS: usize = 36;

const LIST: [Fact; 7] = [
    Fact("/id", "ALERT", As::Text),
    Fact("/state", "STATE", As::Text),
    Fact("/rule/level", "LEVEL", As::Text),
    Fact("/count", "TIMES", As::Count),
    Fact("/last_at", "LAST", As::Time),
    Fact("/assignee", "WITH", As::Text),
    Fact("/summary", "WHAT", As::Text),
];
const ONE: [Fact; 14] = [
    Fact("/id", "alert", As::Text),
    Fact("/state", "state", As::Text),
    Fact("/rule/title", "rule", As::Text),
    Fact("/rule/level", "level", As::Text),
    Fact("/count", "times", As::Count),
    Fact("/first_at", "first", As::Time),
    Fact("/last_at", "last", As::Time),
    Fact("/opened_at", "opened", As::Time),
    Fact("/assignee", "with", As::Text),
    Fact("/acknowledged_by", "acknowledged by", As::Text),
    Fact("/acknowledged_at", "acknowledged", As::Time),
    Fact("/escalated_at", "escalated", As::Time),
    Fact("/closed_by", "closed by", As::Text),
    Fact("/closed_at", "closed", As::Time),
];

pub fn run(global: &Global, out: &mut Out, command: &AlertsCommand) -> Result<(), Failure> {
    match command {
        AlertsCommand::List(args) => list_alerts(global, out, args),
        AlertsCommand::Show(args) => show(global, out, args),
        AlertsCommand::Ack(args) => {
            let said = args.note.as_ref().map_or_else(|| json!({}), |note| json!({ "note": note }));
            change(global, out, &args.one, "acknowledge", said)
        }
        AlertsCommand::Assign(args) => {
            change(global, out, &args.one, "assign", json!({ "to": args.to }))
        }
        AlertsCommand::Comment(args) => {
            change(global, out, &args.one, "comment", json!({ "note": args.note }))
        }
        AlertsCommand::Close(args) => {
            change(global, out, &args.one, "close", json!({ "note": args.note }))
        }
        AlertsCommand::Test(args) => test(global, out, &args.at, &args.channel),
    }
}

fn list_alerts(global: &Global, out: &mut Out, args: &AlertsList) -> Result<(), Failure> {
    let mut params: Params = vec![("limit".into(), args.limit.to_string())];
    let mut only = |name: &str, value: Option<String>| {
        params.extend(value.map(|value| (name.to_owned(), value)));
    };
    only("state", args.state.map(|state| state.name().to_owned()));
    only("rule", args.rule.clone());
    only("level", args.level.clone());
    only("assignee", args.assignee.clone());
    let answer = node(global, &args.at, |node| node.get(ALERTS, &params))?;
    let shown = list(out, &answer, "alerts", &args.shape, &LIST)?;
    let answer: Value = read(&answer)?;
    if !args.shape.look(out).for_people {
        return Ok(());
    }
    let (open, taken) = (number(&answer, "/open"), number(&answer, "/acknowledged"));
    if shown == 0 {
        out::note(format_args!("there are no such alerts"));
    }
    if !answer["next"].is_null() {
        out::note(format_args!("there are more: -n shows up to 1000, --state and --level fewer"));
    }
    let (open, taken) = (grouped(open), grouped(taken));
    out::note(format_args!(
        "{open} open, {taken} acknowledged; `indelible alerts show ALERT` says what one means and what to do"
    ));
    Ok(())
}

/// The whole id of the alert whose id begins so.
fn id(node: &Session, begins: &str) -> Result<String, Failure> {
    if begins.chars().count() >= ID_CHARS {
        return Ok(begins.to_owned());
    }
    let params = vec![("limit".to_owned(), LOOKED_THROUGH.to_owned())];
    let answer: Value = read(&node.get(ALERTS, &params)?)?;
    let ids = items(&answer, "/alerts").iter().map(|alert| text(alert, "/id"));
    let mut found = ids.filter(|id| id.starts_with(&begins.to_ascii_lowercase()));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.to_owned()),
        (None, _) => Err(Failure::Cannot {
            why: format!("no alert's id begins with {begins:?}"),
            hint: Some("`indelible alerts list` has them".into()),
        }),
        (Some(_), Some(_)) => Err(Failure::Usage(format!(
            "several alerts' ids begin with {begins:?}; say more of it"
        ))),
    }
}

fn change(
    global: &Global,
    out: &mut Out,
    one: &AlertOne,
    what: &str,
    body: Value,
) -> Result<(), Failure> {
    let answer = node(global, &one.at, |node| {
        let id = id(node, &one.alert)?;
        node.post(&format!("{ALERTS}/{}/{what}", path_segment(&id)), &body)
    })?;
    if out.is_json() {
        return print(out, &answer);
    }
    let alert: Value = read(&answer)?;
    let (id, state) = (clean(text(&alert, "/id")), clean(text(&alert, "/state")));
    let with = match text(&alert, "/assignee") {
        "" => String::new(),
        name => format!(", with {}", clean(name)),
    };
    out.line(format_args!("{id} is {state}{with}: {}", clean(text(&alert, "/summary"))))?;
    out.flush()?;
    if what == "acknowledge" {
        out::note(format_args!("when it is over: indelible alerts close {id} --note '…'"));
    }
    Ok(())
}

fn show(global: &Global, out: &mut Out, args: &AlertShow) -> Result<(), Failure> {
    let answer = node(global, &args.at, |node| {
        let id = id(node, &args.alert)?;
        node.get(&format!("{ALERTS}/{}", path_segment(&id)), &Params::new())
    })?;
    let look = args.shape.look(out);
    if !look.for_people {
        return print(out, &answer);
    }
    let alert: Value = read(&answer)?;
    let what = look.paint(Paint::Strong, &clean(text(&alert, "/summary")));
    out.line(format_args!("{} {what}\n", level(&look, text(&alert, "/rule/level"))))?;
    facts(out, &look, &alert, &ONE)?;
    let about = group(&alert["group"]);
    if !about.is_empty() {
        out.line(format_args!("about {about}"))?;
    }
    for (what, at) in [("what it means", "/description"), ("what to do", "/advice")] {
        if !text(&alert, at).is_empty() {
            out.line(format_args!("\n{what}: {}", clean(text(&alert, at))))?;
        }
    }
    tell_events(out, &look, &alert)?;
    tell_history(out, &look, &alert)?;
    if !text(&alert, "/query").is_empty() {
        let query = clean(text(&alert, "/query")).replace('\'', "'\\''");
        out.line(format_args!("\nall of it: indelible search '{query}'"))?;
    }
    tell_next(out, &alert)?;
    out.flush()
}

fn tell_events(out: &mut Out, look: &Look, alert: &Value) -> Result<(), Failure> {
    let events = items(alert, "/events");
    if events.is_empty() {
        return Ok(());
    }
    out.line("\nevents:")?;
    let mut table = Table::new(&[], &[]);
    for event in events {
        let actor = match &event["actor"] {
            Value::String(actor) => clean(actor),
            actor => clean(text(actor, "/id")),
        };
        let place = format!("{}/{}", clean(text(event, "/trail")), number(event, "/seq"));
        let (at, action) = (look.time(text(event, "/at")), clean(text(event, "/action")));
        table.row(vec![format!("  {at}"), action, actor, place, clean(text(event, "/id"))]);
    }
    table.print(out)
}

fn tell_history(out: &mut Out, look: &Look, alert: &Value) -> Result<(), Failure> {
    let steps = items(alert, "/history");
    if steps.is_empty() {
        return Ok(());
    }
    out.line("\nwhat became of it:")?;
    let mut table = Table::new(&[], &[]);
    for step in steps {
        let who = match &step["by"] {
            Value::String(who) => clean(who),
            who => clean(text(who, "/id")),
        };
        let (at, action) = (look.time(text(step, "/at")), clean(text(step, "/action")));
        table.row(vec![format!("  {at}"), action, who, clean(text(step, "/note"))]);
    }
    table.print(out)
}

fn tell_next(out: &mut Out, alert: &Value) -> Result<(), Failure> {
    let id = clean(text(alert, "/id"));
    match text(alert, "/state") {
        "open" => out.line(format_args!("next: indelible alerts ack {id}")),
        "acknowledged" => out.line(format_args!("next: indelible alerts close {id} --note '…'")),
        _ => Ok(()),
    }
}

fn test(global: &Global, out: &mut Out, at: &At, channel: &str) -> Result<(), Failure> {
    let path = format!("{ALERTS}/test");
    let answer = node(global, at, |node| node.post(&path, &json!({ "channel": channel })))?;
    if out.is_json() {
        return print(out, &answer);
    }
    let channel = clean(channel);
    out.line(format_args!("a test goes out through {channel}"))?;
    out.flush()?;
    out::note(format_args!(
        "`indelible stream show alerts-{channel}` says whether the receiver took it"
    ));
    Ok(())
}
