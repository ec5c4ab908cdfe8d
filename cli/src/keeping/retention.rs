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
use crate::look::clean;
use crate::out::{self, Out};

const PATH: &str = "/api/retention";
const PRESETS: &str = "/api/retention/presets";
/// Bytes of a megabyte, as --max-size-mb counts them.
const MB: u64 = 1_000_000;

/// A policy that is asked about.
#[derive(Default, Serialize)]
struct Asking {
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
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

const POLICY: [Fact; 8] = [
    Fact("/number", "policy", As::Text),
    Fact("/text", "says", As::Text),
    Fact("/bytes_max", "at most", As::Bytes),
    Fact("/floor_days", "never younger than, days", As::Count),
    Fact("/existing", "also what was there before", As::Flag),
    Fact("/set_at", "since", As::Time),
    Fact("/set_by", "set by", As::Text),
    Fact("/confirmed_by", "confirmed by", As::Text),
];
const PRESET: [Fact; 3] = [
    Fact("/name", "NAME", As::Text),
    Fact("/policy", "POLICY", As::Text),
    Fact("/why", "WHAT FOR", As::Text),
];
const DUE: [Fact; 8] = [
    Fact("/class", "CLASS", As::Text),
    Fact("/from_day", "FROM", As::Text),
    Fact("/to_day", "TO", As::Text),
    Fact("/records", "EVENTS", As::Count),
    Fact("/bytes", "SIZE", As::Bytes),
    Fact("/held", "HELD", As::Count),
    Fact("/reason", "WHY", As::Text),
    Fact("/due_at", "WHEN", As::Time),
];

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
    facts(out, &look, &answer["policy"], &POLICY)?;
    out.flush()
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
        return tell_asked(out, &args.at, &asked, false);
    }
    let set: Value = read(&answer)?;
    let policy = set.get("policy").filter(|policy| policy.is_object()).unwrap_or(&set);
    out.line(format_args!("policy #{} is in force", policy["number"]))?;
    out.flush()?;
    if !args.existing {
        out::note(format_args!(
            "what was recorded before keeps what it was promised, where that is longer; --existing is for that, too"
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
) -> Result<Asking, Failure> {
    let policy = match preset {
        Some(name) => Some(preset_text(session, name)?),
        None => policy.map(str::to_owned),
    };
    let bytes_max = bounds.max_size_mb.map(|mb| mb.saturating_mul(MB));
    Ok(Asking { policy, bytes_max, floor_days: bounds.floor, existing })
}

fn preset_text(session: &Session, name: &str) -> Result<String, Failure> {
    let answer: Value = session.ask(PRESETS)?;
    let presets = answer["presets"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |preset: &Value, member: &str| preset[member].as_str().unwrap_or_default().to_owned();
    match presets.iter().find(|preset| text(preset, "name") == name) {
        Some(preset) => Ok(text(preset, "policy")),
        None => {
            let names: Vec<String> = presets.iter().map(|preset| text(preset, "name")).collect();
            Err(Failure::Usage(format!("no preset is called {name:?}; there are {}", clean(&names.join(", ")))))
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
        session.post("/api/retention/preview", &asking)
    })?;
    let look = args.shape.look(out);
    if !look.for_people {
        return print(out, &answer);
    }
    let preview: Value = read(&answer)?;
    let due = preview["due"].as_array().map(Vec::as_slice).unwrap_or_default();
    if due.is_empty() {
        return out.line("nothing would go");
    }
    table(out, &look, due, &DUE)
}

fn expire(global: &Global, out: &mut Out, args: &AtOnly) -> Result<(), Failure> {
    let answer =
        session(global, &args.at, |session| session.post("/api/retention/run", &json!({})))?;
    if out.is_json() {
        return print(out, &answer);
    }
    Ok(())
}

fn confirm_clock(global: &Global, out: &mut Out, args: &AtOnly) -> Result<(), Failure> {
    let answer =
        session(global, &args.at, |session| session.post("/api/retention/clock", &json!({})))?;
    if out.is_json() {
        return print(out, &answer);
    }
    out.line("the clock is confirmed: what is due expires again")
}
