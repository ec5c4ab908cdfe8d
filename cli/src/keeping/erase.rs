//! `indelible erase`

use indelible_client::path_segment;
use serde_json::{Value, json};

use super::answers::Asked;
use super::shown::{As, Fact, facts, table};
use super::{list, places, print, secret, session, tell_asked};
use crate::args::{Certificate, Erase, EraseCommand, Global};
use crate::ask::Params;
use crate::ask::source::read;
use crate::failure::Failure;
use crate::files;
use crate::look::clean;
use crate::out::Out;

const PATH: &str = "/api/erasures";

const ERASURE: [Fact; 7] = [
    Fact("/erasure", "ID", As::Text),
    Fact("/begun_at", "WHEN", As::Time),
    Fact("/records", "RECORDS", As::Count),
    Fact("/parts", "PARTS", As::Text),
    Fact("/done", "DONE HERE", As::Flag),
    Fact("/complete", "EVERYWHERE", As::Flag),
    Fact("/authority", "AUTHORITY", As::Text),
];
const TRAIL: [Fact; 4] = [
    Fact("/trail", "TRAIL", As::Text),
    Fact("/records", "RECORDS", As::Count),
    Fact("/first", "FIRST", As::Time),
    Fact("/last", "LAST", As::Time),
];
const PREVIEW: [Fact; 3] = [
    Fact("/records", "records", As::Count),
    Fact("/parts", "parts", As::Text),
    Fact("/mentioned", "only mention it, and stay", As::Count),
];
const LEFT: [Fact; 3] = [
    Fact("/what", "STAYS", As::Text),
    Fact("/records", "RECORDS", As::Count),
    Fact("/why", "WHY", As::Text),
];
const HELD: [Fact; 3] = [
    Fact("/hold", "HELD BY", As::Text),
    Fact("/records", "RECORDS", As::Count),
    Fact("/reason", "WHY", As::Text),
];
const PLACE: [Fact; 6] = [
    Fact("/kind", "COPY", As::Text),
    Fact("/place", "WHERE", As::Text),
    Fact("/item", "WHICH", As::Text),
    Fact("/records", "RECORDS", As::Count),
    Fact("/reach", "REACHED", As::Text),
    Fact("/to_do", "TO DO", As::Text),
];

pub fn run(global: &Global, out: &mut Out, args: &Erase) -> Result<(), Failure> {
    match &args.command {
        Some(EraseCommand::List(args)) => {
            let answer = session(global, &args.at, |session| session.get(PATH, &Params::new()))?;
            list(out, &answer, "erasures", &args.shape, &ERASURE).map(drop)
        }
        Some(EraseCommand::Certificate(args)) => certificate(global, out, args),
        None => erase(global, out, args),
    }
}

fn erase(global: &Global, out: &mut Out, args: &Erase) -> Result<(), Failure> {
    let new = asking(global, args)?;
    let look = args.shape.look(out);
    let (preview, asked) = session(global, &args.at, |session| {
        let preview = session.post(&format!("{PATH}/preview"), &new)?;
        if args.dry_run {
            return Ok((preview, None));
        }
        refuse_held(&read(&preview)?, args)?;
        let asked = session.post(PATH, &new)?;
        Ok((preview, Some(asked)))
    })?;
    if !look.for_people {
        return print(out, asked.as_ref().unwrap_or(&preview));
    }
    let preview: Value = read(&preview)?;
    out.line(if args.dry_run { "this would be erased:" } else { "this is to be erased:" })?;
    facts(out, &look, &preview, &PREVIEW)?;
    for (member, columns) in
        [("trails", &TRAIL[..]), ("left", &LEFT), ("holds", &HELD), ("places", &PLACE)]
    {
        let rows = preview[member].as_array().map(Vec::as_slice).unwrap_or_default();
        if !rows.is_empty() {
            out.line("")?;
            table(out, &look, rows, columns)?;
        }
    }
    out.line("")?;
    match asked {
        Some(asked) => tell_asked(out, &args.at, &read::<Asked>(&asked)?, again(args)),
        None => out.line("nothing has been done: this was a dry run"),
    }
}

/// What is held is not even asked for, unless somebody says that it is meant.
fn refuse_held(preview: &Value, args: &Erase) -> Result<(), Failure> {
    let holds = preview["holds"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(first) = holds.first().filter(|_| !args.despite_hold) else { return Ok(()) };
    let text = |member: &str| clean(first[member].as_str().unwrap_or_default());
    let more =
        if holds.len() > 1 { format!(", and {} more", holds.len() - 1) } else { String::new() };
    Err(Failure::Refused {
        why: format!(
            "hold {} ({}) holds {} of these records{more}",
            text("hold"),
            text("reason"),
            first["records"]
        ),
        hint: Some(
            "--despite-hold erases them all the same, which is recorded; `indelible hold list`"
                .into(),
        ),
    })
}

/// What the second administrator says again.
fn again(args: &Erase) -> &'static str {
    match (&args.subject, &args.resource) {
        (Some(_), _) => " --subject - (the subject on standard input)",
        (None, Some(_)) => " --resource … (once more)",
        (None, None) => " --event … (once more)",
    }
}

fn asking(global: &Global, args: &Erase) -> Result<Value, Failure> {
    let mut new = json!({"authority": args.authority});
    if let Some(trail) = &args.trail {
        new["trail"] = trail.as_str().into();
    }
    if let Some(subject) = &args.subject {
        new["subject"] = secret(subject)?.into();
    }
    if let Some(resource) = &args.resource {
        new["resource"] = secret(resource)?.into();
    }
    if !args.id.is_empty() {
        new["ids"] = args.id.iter().map(ToString::to_string).collect();
    }
    if args.mentions {
        new["mentions"] = true.into();
    }
    if !args.parts.is_empty() {
        new["parts"] = args.parts.iter().map(|part| part.name()).collect();
    }
    if args.despite_hold {
        new["despite_hold"] = true.into();
    }
    if !args.spool.is_empty() {
        new["spools"] = places(&args.spool, &args.at, global)?;
    }
    Ok(new)
}

fn certificate(global: &Global, out: &mut Out, args: &Certificate) -> Result<(), Failure> {
    let path = format!("{PATH}/{}", path_segment(&args.id));
    let people = args.shape.look(out).for_people && args.out.is_none();
    let (answer, text) = session(global, &args.at, |session| {
        let answer = session.get(&path, &Params::new())?;
        let params = vec![("format".into(), "text".into())];
        let text = if people { Some(session.get(&path, &params)?) } else { None };
        Ok((answer, text))
    })?;
    match (&args.out, text) {
        (Some(file), _) => {
            let mut bytes = answer.trim_ascii_end().to_vec();
            bytes.push(b'\n');
            files::replace(file, &bytes).map_err(Failure::io(file.display()))?;
            if out.is_json() {
                out.object(&json!({"file": file.display().to_string()}))?;
            } else {
                out.line(format_args!("the certificate is in {}", file.display()))?;
            }
        }
        (None, Some(text)) => {
            for line in String::from_utf8_lossy(&text).lines() {
                out.line(clean(line))?;
            }
        }
        (None, None) => print(out, &answer)?,
    }
    let certificate: Value = read(&answer)?;
    let to_do = certificate["still_to_do"].as_array().is_some_and(|left| !left.is_empty());
    if to_do { Err(Failure::Told) } else { Ok(()) }
}
