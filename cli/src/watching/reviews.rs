//! `indelible reviews`

use indelible_client::path_segment;
use serde_json::{Value, json};

use super::{count, items, node, number, text};
use crate::args::{Global, ReviewShow, ReviewSign, ReviewsCommand};
use crate::ask::Params;
use crate::ask::source::read;
use crate::failure::Failure;
use crate::keeping::shown::{As, Fact, facts};
use crate::keeping::{list, print};
use crate::look::{Look, Paint, clean};
use crate::out::{self, Out, Table, grouped};

const REVIEWS: &str = "/api/reviews";

const LIST: [Fact; 8] = [
    Fact("/period", "PERIOD", As::Text),
    Fact("/state", "STATE", As::Text),
    Fact("/alerts", "ALERTS", As::Count),
    Fact("/from", "FROM", As::Time),
    Fact("/due_at", "DUE", As::Time),
    Fact("/signed_at", "SIGNED", As::Time),
    Fact("/signed_by", "BY", As::Text),
    Fact("/note", "NOTE", As::Text),
];
const ONE: [Fact; 9] = [
    Fact("/period", "period", As::Text),
    Fact("/state", "state", As::Text),
    Fact("/from", "from", As::Time),
    Fact("/to", "to", As::Time),
    Fact("/due_at", "due", As::Time),
    Fact("/signed_at", "signed", As::Time),
    Fact("/signed_by", "by", As::Text),
    Fact("/note", "note", As::Text),
    Fact("/digest", "digest", As::Text),
];

pub fn run(global: &Global, out: &mut Out, command: &ReviewsCommand) -> Result<(), Failure> {
    match command {
        ReviewsCommand::List(args) => {
            let answer = node(global, &args.at, |node| node.get(REVIEWS, &Params::new()))?;
            list(out, &answer, "reviews", &args.shape, &LIST)?;
            let due = due(&read(&answer)?);
            if args.shape.look(out).for_people && due > 0 {
                let due = count(due, "review waits", "reviews wait");
                out::note(format_args!(
                    "{due} for somebody: `indelible reviews show PERIOD`, then `reviews sign`"
                ));
            }
            Ok(())
        }
        ReviewsCommand::Show(args) => show(global, out, args),
        ReviewsCommand::Sign(args) => sign(global, out, args),
    }
}

/// How many wait to be signed.
fn due(answer: &Value) -> u64 {
    let waits = |review: &&Value| matches!(text(review, "/state"), "due" | "overdue");
    items(answer, "/reviews").iter().filter(waits).count() as u64
}

fn path(period: &str) -> String {
    format!("{REVIEWS}/{}", path_segment(period))
}

fn show(global: &Global, out: &mut Out, args: &ReviewShow) -> Result<(), Failure> {
    let answer = node(global, &args.at, |node| node.get(&path(&args.period), &Params::new()))?;
    let look = args.shape.look(out);
    if !look.for_people {
        return print(out, &answer);
    }
    let review: Value = read(&answer)?;
    facts(out, &look, &review, &ONE)?;
    for section in items(&review, "/sections") {
        tell_section(out, &look, section, args.events)?;
    }
    let (period, digest) = (clean(text(&review, "/period")), clean(text(&review, "/digest")));
    if matches!(text(&review, "/state"), "due" | "overdue") {
        out.line(format_args!(
            "\nnext: indelible reviews sign {period} --note '…' --digest {digest}"
        ))?;
    }
    out.flush()
}

fn tell_section(
    out: &mut Out,
    look: &Look,
    section: &Value,
    with_events: bool,
) -> Result<(), Failure> {
    let title = look.paint(Paint::Strong, &clean(text(section, "/title")));
    out.line(format_args!("\n{title}: {}", grouped(number(section, "/count"))))?;
    let mut table = Table::new(&[], &[0]);
    for top in items(section, "/top") {
        let value = top["value"].as_str().map_or_else(|| top["value"].to_string(), str::to_owned);
        table.row(vec![format!("  {}", grouped(number(top, "/count"))), clean(&value)]);
    }
    table.print(out)?;
    if with_events {
        let mut table = Table::new(&[], &[]);
        for event in items(section, "/events") {
            let at = match text(event, "/occurred_at") {
                "" => text(event, "/recorded_at"),
                at => at,
            };
            table.row(vec![
                format!("  {}", look.time(at)),
                clean(text(event, "/action")),
                clean(text(event, "/outcome")),
                clean(text(event, "/actor/id")),
                format!("{}/{}", clean(text(event, "/trail")), number(event, "/seq")),
            ]);
        }
        table.print(out)?;
    }
    let query = text(section, "/query");
    if number(section, "/count") > 0 && !query.is_empty() {
        let query = clean(query).replace('\'', "'\\''");
        out.line(format_args!("  all of it: indelible search '{query}'"))?;
    }
    Ok(())
}

fn sign(global: &Global, out: &mut Out, args: &ReviewSign) -> Result<(), Failure> {
    let path = path(&args.period);
    let answer = node(global, &args.at, |node| {
        let digest = match &args.digest {
            Some(digest) => digest.clone(),
            None => {
                let shown: Value = read(&node.get(&path, &Params::new())?)?;
                text(&shown, "/digest").to_owned()
            }
        };
        node.post(&format!("{path}/sign"), &json!({ "note": args.note, "digest": digest }))
    })?;
    if out.is_json() {
        return print(out, &answer);
    }
    let review: Value = read(&answer)?;
    let by = clean(text(&review, "/signed_by"));
    let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
    out.line(format_args!("the review of {} is signed{by}", clean(&args.period)))?;
    out.flush()
}
