//! `indelible rules backtest`

use std::path::Path;

use indelible_rules::{File, Origin};
use serde_json::{Value, json};

use super::{count, group, items, node, number, text, trying};
use crate::args::{Global, RulesBacktest};
use crate::ask::now;
use crate::ask::source::read;
use crate::ask::when::{End, moment};
use crate::failure::Failure;
use crate::keeping::print;
use crate::look::{Look, clean, cut, spark};
use crate::out::{self, Out, Table, grouped};

/// Columns of a title in a table.
const TITLE_WIDTH_MAX: usize = 44;
/// Days that a line shows.
const DAYS_MAX: usize = 60;

pub fn run(global: &Global, out: &mut Out, args: &RulesBacktest) -> Result<(), Failure> {
    let body = body(args)?;
    let answer = node(global, &args.at, |node| node.post("/api/rules/backtest", &body))?;
    let look = args.shape.look(out);
    if !look.for_people {
        return print(out, &answer);
    }
    let answer: Value = read(&answer)?;
    for refused in items(&answer, "/refused") {
        let (file, why) = (clean(text(refused, "/file")), clean(text(refused, "/reason")));
        let line = refused["line"].as_u64().map_or(String::new(), |line| format!(":{line}"));
        out::note(format_args!("refused: {file}{line}: {why}"));
    }
    tell(out, &look, &answer)
}

fn body(args: &RulesBacktest) -> Result<Value, Failure> {
    let zone = jiff::tz::TimeZone::system();
    let at = |text: &str, end| moment(text, end, now(), &zone).map_err(Failure::Usage);
    let mut body = json!({ "since": at(&args.since, End::Since)? });
    if let Some(until) = &args.until {
        body["until"] = at(until, End::Until)?.into();
    }
    let mut rules = args.rules.clone();
    if let Some(dir) = &args.dir {
        tried(dir, &mut body, &mut rules)?;
    }
    if !rules.is_empty() {
        body["rules"] = rules.into();
    }
    Ok(body)
}

/// The rules of a folder. Those of the pack go with them, as rules of the folder may refer to them; asked for are the
/// folder's own, where none is named.
fn tried(dir: &Path, body: &mut Value, rules: &mut Vec<String>) -> Result<(), Failure> {
    let folder = trying::folder(Some(dir))?;
    let set = folder.rule_set();
    for refused in &set.refused {
        out::note(format_args!("refused: {}", trying::said(refused)));
    }
    if rules.is_empty() {
        let own = set.rules.iter().filter(|rule| rule.origin == Origin::Folder && rule.alerts);
        rules.extend(own.map(|rule| rule.id.to_string()));
    }
    if rules.is_empty() {
        let dir = dir.display();
        return Err(Failure::Usage(format!("{dir}: there is no rule in it that could be tried")));
    }
    let sent = |file: &File| json!({"name": file.name, "text": file.text});
    body["files"] = folder.rules.iter().map(sent).collect();
    body["mappings"] = folder.mappings.iter().map(sent).collect();
    Ok(())
}

fn tell(out: &mut Out, look: &Look, answer: &Value) -> Result<(), Failure> {
    let mut rules: Vec<&Value> = items(answer, "/rules").iter().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse((number(rule, "/alerts"), number(rule, "/fired"))));
    let headings = ["RULE", "LEVEL", "MATCHED", "FIRED", "ALERTS", "DAY BY DAY"];
    let mut table = Table::new(&headings, &[2, 3, 4]);
    for rule in &rules {
        table.row(vec![
            cut(&clean(text(rule, "/title")), TITLE_WIDTH_MAX),
            clean(text(rule, "/level")),
            grouped(number(rule, "/matched")),
            grouped(number(rule, "/fired")),
            grouped(number(rule, "/alerts")),
            days(rule),
        ]);
    }
    table.print(out)?;
    for rule in rules.iter().filter(|rule| !items(rule, "/examples").is_empty()) {
        out.line(format_args!("\n{}:", clean(text(rule, "/title"))))?;
        items(rule, "/examples").iter().try_for_each(|found| example(out, look, found))?;
    }
    let events = count(number(answer, "/events"), "event", "events");
    let (from, to) = (look.time(text(answer, "/from")), look.time(text(answer, "/to")));
    let seconds = number(answer, "/millis") as f64 / 1000.0;
    out.line(format_args!("\n{events} from {from} to {to}, looked at in {seconds:.1} s"))?;
    let late = number(answer, "/late");
    if late > 0 {
        out.line(format_args!("{} of them came too late for windows", grouped(late)))?;
    }
    out.flush()
}

/// How often it fired, day by day, the newest at the right.
fn days(rule: &Value) -> String {
    let days = items(rule, "/per_day");
    let last = &days[days.len().saturating_sub(DAYS_MAX)..];
    let counts: Vec<u64> = last.iter().map(|day| number(day, "/fired")).collect();
    if counts.iter().all(|count| *count == 0) { String::new() } else { spark(&counts) }
}

fn example(out: &mut Out, look: &Look, found: &Value) -> Result<(), Failure> {
    let at = look.time(text(found, "/at"));
    let events = count(number(found, "/count"), "event", "events");
    let group = match group(&found["group"]) {
        group if group.is_empty() => String::new(),
        group => format!(", {group}"),
    };
    out.line(format_args!("  {at}  {events}{group}"))?;
    if let Some(event) = items(found, "/events").last() {
        let (trail, id) = (clean(text(event, "/trail")), clean(text(event, "/id")));
        out.line(format_args!("    indelible show {id} --trail {trail}"))?;
    }
    Ok(())
}
