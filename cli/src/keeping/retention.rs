//! `indelible retention`

use serde::Serialize;
use serde_json::{Value, json};

use super::answers::Asked;
use super::shown::{As, Fact, facts, table};
use super::{Session, list, print, session, tell_asked};
use crate::args::{
    At, AtOnly, Bounds, Global, Retention, RetentionCommand, RetentionPreview, RetentionSet, Shape,
    ShapeAt,
};
use crate::ask::Params;
use crate::ask::source::read;
use crate::failure::Failure;
use crate::look::{Look, clean, size};
use crate::out::{self, Out, grouped};

const PATH: &str = "/api/retention";
const PREVIEW: &str = "/api/retention/preview";
const PRESETS: &str = "/api/retention/presets";
/// Bytes of a megabyte, as --max-size-mb counts them.
const MB: u64 = 1_000_000;

/// A policy that is asked about.
#[derive(Serialize)]
struct Asking {
    rules: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor_days: Option<u32>,
    #[serde(skip_serializing_if = "is_false")]
    existing: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

const POLICY: [Fact; 7] = [
    Fact("/number", "policy", As::Text),
    Fact("/rules", "says", As::Text),
    Fact("/bytes_max", "at most", As::Bytes),
    Fact("/floor_days", "but nothing younger than", As::Days),
    Fact("/existing", "also for what was there before", As::Flag),
    Fact("/set_at", "since", As::Time),
    Fact("/set_by/id", "set by", As::Text),
];
const EARLIER: [Fact; 5] = [
    Fact("/number", "BEFORE", As::Text),
    Fact("/rules", "POLICY", As::Text),
    Fact("/bytes_max", "AT MOST", As::Bytes),
    Fact("/set_at", "SINCE", As::Time),
    Fact("/set_by/id", "BY", As::Text),
];
const PRESET: [Fact; 4] = [
    Fact("/name", "NAME", As::Text),
    Fact("/title", "WHAT FOR", As::Text),
    Fact("/rules", "POLICY", As::Text),
    Fact("/why", "WHY", As::Text),
];
/// Days that go alike are one row.
const GOING: [Fact; 8] = [
    Fact("/class", "CLASS", As::Text),
    Fact("/from", "FROM", As::Text),
    Fact("/day", "TO", As::Text),
    Fact("/records", "EVENTS", As::Count),
    Fact("/bytes", "SIZE", As::Bytes),
    Fact("/reason", "WHY", As::Text),
    Fact("/stay", "HELD", As::Count),
    Fact("/promised", "PROMISED LONGER", As::Count),
];
const HELD: [Fact; 4] = [
    Fact("/name", "HELD BY", As::Text),
    Fact("/query", "HOLDS", As::Text),
    Fact("/owner", "OWNER", As::Text),
    Fact("/records", "EVENTS", As::Count),
];
const NEXT: [Fact; 5] = [
    Fact("/at", "WHEN", As::Time),
    Fact("/class", "CLASS", As::Text),
    Fact("/from", "FROM", As::Text),
    Fact("/day", "TO", As::Text),
    Fact("/records", "EVENTS", As::Count),
];
/// Rows of what goes next: the first of them are what somebody wants to know.
const NEXT_ROWS: usize = 10;

pub fn run(global: &Global, out: &mut Out, args: &Retention) -> Result<(), Failure> {
    match &args.command {
        None => show(global, out, &args.shape, &args.at),
        Some(RetentionCommand::Show(args)) => show(global, out, &args.shape, &args.at),
        Some(RetentionCommand::Set(args)) => set(global, out, args),
        Some(RetentionCommand::Presets(args)) => presets(global, out, args),
        Some(RetentionCommand::Preview(args)) => preview(global, out, args),
        Some(RetentionCommand::Run(args)) => expire(global, out, args),
        Some(RetentionCommand::ConfirmClock(args)) => confirm_clock(global, out, args),
    }
}

fn show(global: &Global, out: &mut Out, shape: &Shape, at: &At) -> Result<(), Failure> {
    let answer = session(global, at, |session| session.get(PATH, &Params::new()))?;
    let look = shape.look(out);
    if !look.for_people {
        return print(out, &answer);
    }
    let answer: Value = read(&answer)?;
    facts(out, &look, &answer["current"], &POLICY)?;
    if let Some([earlier @ .., _]) = rows(&answer["policies"]).filter(|all| all.len() > 1) {
        out.line("")?;
        table(out, &look, earlier, &EARLIER)?;
    }
    next(out, &look, &answer["next"])?;
    out.flush()?;
    tell_stopped(&answer["clock"]["stopped"]);
    Ok(())
}

fn rows(value: &Value) -> Option<&[Value]> {
    value.as_array().map(Vec::as_slice)
}

/// What goes next, days that go alike in one row.
fn next(out: &mut Out, look: &Look, next: &Value) -> Result<(), Failure> {
    let next = together(rows(next).unwrap_or_default(), &["at", "class", "policy"]);
    if next.is_empty() {
        return Ok(());
    }
    out.line("\nnext:")?;
    table(out, look, &next[..next.len().min(NEXT_ROWS)], &NEXT)
}

/// Rows that agree in these members as one, from the first of their days to the last.
fn together(rows: &[Value], alike: &[&str]) -> Vec<Value> {
    let mut joined: Vec<Value> = Vec::new();
    for row in rows {
        let held: u64 =
            row["held"].as_object().map_or(0, |held| held.values().filter_map(Value::as_u64).sum());
        let same = |other: &&mut Value| alike.iter().all(|member| other[member] == row[member]);
        match joined.iter_mut().find(same) {
            Some(other) => {
                for member in ["records", "bytes", "promised"] {
                    add(other, member, row[member].as_u64().unwrap_or(0));
                }
                add(other, "stay", held);
                let (from, to) = (other["from"].as_str(), other["day"].as_str());
                let day = row["day"].as_str();
                // Days are written so that they sort as text.
                let (from, to) = (from.min(day).map(str::to_owned), to.max(day).map(str::to_owned));
                (other["from"], other["day"]) = (from.into(), to.into());
            }
            None => {
                let mut first = row.clone();
                first["from"] = row["day"].clone();
                add(&mut first, "stay", held);
                joined.push(first);
            }
        }
    }
    joined
}

/// Adds to a number that may not be there yet; nothing is nothing.
fn add(to: &mut Value, member: &str, more: u64) {
    let sum = to[member].as_u64().unwrap_or(0) + more;
    to[member] = if sum > 0 { sum.into() } else { Value::Null };
}

fn tell_stopped(why: &Value) {
    if let Some(why) = why.as_str() {
        out::note(format_args!("{}\nhint: `indelible retention confirm-clock`", clean(why)));
    }
}

fn set(global: &Global, out: &mut Out, args: &RetentionSet) -> Result<(), Failure> {
    let answer = session(global, &args.at, |session| {
        let asking = asking(
            session,
            args.policy.as_deref(),
            args.preset.as_deref(),
            &args.bounds,
            args.existing,
        )?;
        session.put(PATH, &asking)
    })?;
    if out.is_json() {
        return print(out, &answer);
    }
    if let Ok(asked) = read::<Asked>(&answer) {
        return tell_asked(out, &args.at, &asked, "");
    }
    let policy: Value = read(&answer)?;
    out.line(format_args!("policy #{} is in force", policy["number"]))?;
    out.flush()?;
    if !args.existing {
        out::note(format_args!(
            "what is sealed already keeps what it was promised, where that is longer; --existing shortens that, too"
        ));
    }
    Ok(())
}

/// What is asked for, with the text of a ready-made policy in its place.
fn asking(
    session: &Session,
    policy: Option<&str>,
    preset: Option<&str>,
    bounds: &Bounds,
    existing: bool,
) -> Result<Option<Asking>, Failure> {
    let rules = match (policy, preset) {
        (_, Some(name)) => preset_text(session, name)?,
        (Some(policy), None) => policy.to_owned(),
        // Only its size is asked about.
        (None, None) if existing || bounds.max_size_mb.is_some() => current_text(session)?,
        (None, None) => return Ok(None),
    };
    let bytes_max = bounds.max_size_mb.map(|mb| mb.saturating_mul(MB));
    Ok(Some(Asking { rules, bytes_max, floor_days: bounds.floor, existing }))
}

fn current_text(session: &Session) -> Result<String, Failure> {
    let answer: Value = session.ask(PATH)?;
    Ok(answer["current"]["rules"].as_str().unwrap_or_default().to_owned())
}

fn preset_text(session: &Session, name: &str) -> Result<String, Failure> {
    let answer: Value = session.ask(PRESETS)?;
    let presets = answer["presets"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text =
        |preset: &Value, member: &str| preset[member].as_str().unwrap_or_default().to_owned();
    match presets.iter().find(|preset| text(preset, "name") == name) {
        Some(preset) => Ok(text(preset, "rules")),
        None => {
            let names: Vec<String> = presets.iter().map(|preset| text(preset, "name")).collect();
            Err(Failure::Usage(format!(
                "no preset is called {name:?}; there are {}",
                clean(&names.join(", "))
            )))
        }
    }
}

fn presets(global: &Global, out: &mut Out, args: &ShapeAt) -> Result<(), Failure> {
    let answer = session(global, &args.at, |session| session.get(PRESETS, &Params::new()))?;
    list(out, &answer, "presets", &args.shape, &PRESET).map(drop)
}

fn preview(global: &Global, out: &mut Out, args: &RetentionPreview) -> Result<(), Failure> {
    let answer = session(global, &args.at, |session| {
        let asking = asking(
            session,
            args.policy.as_deref(),
            args.preset.as_deref(),
            &args.bounds,
            args.existing,
        )?;
        match asking {
            Some(asking) => session.post(PREVIEW, &asking),
            None => session.post(PREVIEW, &json!({})),
        }
    })?;
    let look = args.shape.look(out);
    if !look.for_people {
        return print(out, &answer);
    }
    let preview: Value = read(&answer)?;
    let going =
        together(rows(&preview["going"]).unwrap_or_default(), &["class", "policy", "reason"]);
    if going.is_empty() {
        out.line("nothing would go now")?;
    } else {
        table(out, &look, &going, &GOING)?;
        let number = |member: &str| preview[member].as_u64().unwrap_or(0);
        let (records, bytes) = (grouped(number("records")), size(number("bytes")));
        out.line(format_args!(
            "\nnow {records} events would go, about {bytes} of {}",
            size(number("bytes_all"))
        ))?;
    }
    let held = rows(&preview["held"]).unwrap_or_default();
    if !held.is_empty() {
        out.line("")?;
        table(out, &look, held, &HELD)?;
    }
    next(out, &look, &preview["next"])?;
    out.flush()?;
    tell_stopped(&preview["stopped"]);
    Ok(())
}

fn expire(global: &Global, out: &mut Out, args: &AtOnly) -> Result<(), Failure> {
    let run = session(global, &args.at, |session| session.post("/api/retention/run", &json!({})));
    let answer = run.map_err(|failure| match failure {
        // All that stands against it is the clock.
        Failure::Refused { why, .. } => {
            Failure::Refused { why, hint: Some("`indelible retention confirm-clock`".into()) }
        }
        other => other,
    })?;
    if out.is_json() {
        return print(out, &answer);
    }
    tell_run(out, &read(&answer)?)
}

/// What went.
pub fn tell_run(out: &mut Out, run: &Value) -> Result<(), Failure> {
    let gone = together(rows(&run["gone"]).unwrap_or_default(), &["class", "policy", "reason"]);
    if !gone.is_empty() {
        table(out, &Look::new(false, true, false), &gone, &GOING)?;
    }
    let number = |member: &str| run[member].as_u64().unwrap_or(0);
    let (expired, pruned) = (grouped(number("expired")), grouped(number("pruned")));
    let (before, after) = (size(number("bytes_before")), size(number("bytes_after")));
    match number("expired") + number("pruned") {
        0 => out.line("nothing was due"),
        _ => out.line(format_args!(
            "{expired} events expired, {pruned} have no stub any more: {before} became {after}"
        )),
    }
}

fn confirm_clock(global: &Global, out: &mut Out, args: &AtOnly) -> Result<(), Failure> {
    let answer =
        session(global, &args.at, |session| session.post("/api/retention/clock", &json!({})))?;
    if out.is_json() {
        return print(out, &answer);
    }
    out.line("the clock is confirmed: what is due expires again")
}
