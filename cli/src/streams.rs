//! `indelible stream`

use indelible_client::path_segment;
use indelible_server::check_connections;
use indelible_tables::Kind;
use serde_json::{Value, json};

use crate::args::{At, Database, Global, StreamCheck, StreamCommand, StreamReplay, StreamSchema};
use crate::ask::Params;
use crate::ask::source::read;
use crate::ask::when::{End, moment};
use crate::failure::Failure;
use crate::keeping::shown::{As, Fact, facts};
use crate::keeping::{Session, list, print, session};
use crate::look::{Look, clean};
use crate::out::{self, Out};
use crate::serve::described;

const STREAMS: &str = "/api/streams";

const STREAM: [Fact; 8] = [
    Fact("/name", "NAME", As::Text),
    Fact("/state", "STATE", As::Text),
    Fact("/kind", "KIND", As::Text),
    Fact("/to", "TO", As::Text),
    Fact("/lag", "BEHIND", As::Count),
    Fact("/sent", "SENT", As::Count),
    Fact("/set_aside", "SET ASIDE", As::Count),
    Fact("/trouble/message", "TROUBLE", As::Text),
];
const INPUT: [Fact; 9] = [
    Fact("/name", "NAME", As::Text),
    Fact("/state", "STATE", As::Text),
    Fact("/kind", "KIND", As::Text),
    Fact("/from", "FROM", As::Text),
    Fact("/kept", "NEW", As::Count),
    Fact("/known", "KNOWN", As::Count),
    Fact("/refused", "REFUSED", As::Count),
    Fact("/last_at", "LAST", As::Time),
    Fact("/trouble/message", "TROUBLE", As::Text),
];
const ONE: [Fact; 14] = [
    Fact("/name", "name", As::Text),
    Fact("/state", "state", As::Text),
    Fact("/kind", "kind", As::Text),
    Fact("/to", "to", As::Text),
    Fact("/query", "query", As::Text),
    Fact("/next", "next place in the log", As::Count),
    Fact("/lag", "records behind", As::Count),
    Fact("/oldest_unsent_at", "oldest not sent", As::Time),
    Fact("/sent", "sent since the start", As::Count),
    Fact("/last_at", "last sent", As::Time),
    Fact("/set_aside", "set aside, ever", As::Count),
    Fact("/trouble/message", "trouble", As::Text),
    Fact("/trouble/since", "since", As::Time),
    Fact("/trouble/hint", "what to do", As::Text),
];

pub fn run(global: &Global, out: &mut Out, command: &StreamCommand) -> Result<(), Failure> {
    match command {
        StreamCommand::List(args) => {
            let answer = node(global, &args.at, |node| node.get(STREAMS, &Params::new()))?;
            let count = list(out, &answer, "streams", &args.shape, &STREAM)?;
            tell_none(
                out,
                count,
                "there are no streams: `indelible serve --connections` describes them",
            );
            Ok(())
        }
        StreamCommand::Inputs(args) => {
            let answer = node(global, &args.at, |node| node.get("/api/inputs", &Params::new()))?;
            let count = list(out, &answer, "inputs", &args.shape, &INPUT)?;
            tell_none(
                out,
                count,
                "there are no inputs: `indelible serve --connections` describes them",
            );
            Ok(())
        }
        StreamCommand::Show(args) => {
            let path = format!("{STREAMS}/{}", path_segment(&args.name));
            let answer = node(global, &args.at, |node| node.get(&path, &Params::new()))?;
            tell(out, &answer)
        }
        StreamCommand::Pause(args) => change(global, out, &args.at, (&args.name, "pause"), None),
        StreamCommand::Resume(args) => change(global, out, &args.at, (&args.name, "resume"), None),
        StreamCommand::Replay(StreamReplay { name, from, at }) => {
            let place = matches!(&**from, "beginning" | "now") || from.contains('/');
            let from = if place { from.clone() } else { since(from)? };
            let from = json!({ "from": from });
            change(global, out, at, (name, "replay"), Some(from))
        }
        StreamCommand::Check(args) => check(global, out, args),
        StreamCommand::Schema(args) => schema(out, args),
    }
}

/// A time, as it may be said everywhere.
fn since(text: &str) -> Result<String, Failure> {
    let (now, zone) = (jiff::Timestamp::now(), jiff::tz::TimeZone::system());
    moment(text, End::Since, now, &zone).map_err(Failure::Usage)
}

fn schema(out: &mut Out, args: &StreamSchema) -> Result<(), Failure> {
    let kind = match args.database {
        Database::Postgres => Kind::Postgres,
        Database::Sqlite => Kind::Sqlite,
    };
    let sql = indelible_tables::schema(kind, &args.table);
    if out.is_json() {
        return out.object(&json!({"table": args.table.to_string(), "sql": sql}));
    }
    out.line(sql.trim_end())?;
    out.flush()
}

/// Asks a node: nothing flows where none serves.
fn node<T>(
    global: &Global,
    at: &At,
    work: impl FnOnce(&Session) -> Result<T, Failure>,
) -> Result<T, Failure> {
    if at.client(global)?.is_none() {
        return Err(Failure::Usage(
            "streams run in a node that serves: --url says where it is, --key who asks".into(),
        ));
    }
    session(global, at, work)
}

fn change(
    global: &Global,
    out: &mut Out,
    at: &At,
    (name, what): (&str, &str),
    body: Option<Value>,
) -> Result<(), Failure> {
    let path = format!("{STREAMS}/{}/{what}", path_segment(name));
    let body = body.unwrap_or_else(|| json!({}));
    tell(out, &node(global, at, |node| node.post(&path, &body))?)
}

fn tell(out: &mut Out, answer: &[u8]) -> Result<(), Failure> {
    if out.is_json() {
        return print(out, answer);
    }
    facts(out, &Look::new(false, true, false), &read(answer)?, &ONE)?;
    out.flush()
}

fn tell_none(out: &Out, count: usize, text: &str) {
    if count == 0 && !out.is_json() {
        out::note(format_args!("{text}"));
    }
}

fn check(global: &Global, out: &mut Out, args: &StreamCheck) -> Result<(), Failure> {
    let connections = described(&args.file)?;
    let found = check_connections(&connections, &global.seams(), args.connect);
    let found = found.map_err(Failure::cannot)?;
    for finding in &found {
        if out.is_json() {
            out.object(finding)?;
            continue;
        }
        let (what, name, kind) = (finding.what, &finding.name, finding.kind);
        let place = clean(&finding.place);
        match &finding.wrong {
            None => out.line(format_args!("{what} {name}: {kind} {place}: good"))?,
            Some(wrong) => {
                out.line(format_args!("{what} {name}: {kind} {place}: {}", clean(wrong)))?;
                if let Some(hint) = &finding.hint {
                    out.line(format_args!("  what to do: {}", clean(hint)))?;
                }
            }
        }
    }
    out.flush()?;
    if found.is_empty() {
        tell_none(out, 0, "the file describes nothing");
    }
    match found.iter().any(|finding| finding.wrong.is_some()) {
        true => Err(Failure::Told),
        false => Ok(()),
    }
}
