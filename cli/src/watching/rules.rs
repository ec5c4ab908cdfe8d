//! `indelible rules`

use indelible_client::path_segment;
use serde_json::Value;

use super::{backtest, items, node, number, text, trying};
use crate::args::{Global, RulesCommand, RulesList, RulesShow};
use crate::ask::Params;
use crate::ask::source::read;
use crate::failure::Failure;
use crate::keeping::shown::{As, Fact, facts};
use crate::keeping::{list, print};
use crate::look::{Look, clean, cut};
use crate::out::{self, Out, Table, grouped};

const RULES: &str = "/api/rules";
/// Columns of a title in a table.
const TITLE_WIDTH_MAX: usize = 44;

const ONE: [Fact; 12] = [
    Fact("/title", "title", As::Text),
    Fact("/id", "id", As::Text),
    Fact("/level", "level", As::Text),
    Fact("/kind", "kind", As::Text),
    Fact("/file", "file", As::Text),
    Fact("/from", "from", As::Text),
    Fact("/tags", "tags", As::Text),
    Fact("/matched", "matched", As::Count),
    Fact("/fired", "fired", As::Count),
    Fact("/last_fired_at", "last fired", As::Time),
    Fact("/groups", "groups kept", As::Count),
    Fact("/groups_dropped", "groups forgotten", As::Count),
];

pub fn run(global: &Global, out: &mut Out, command: &RulesCommand) -> Result<(), Failure> {
    match command {
        RulesCommand::Check(args) => trying::check(out, args),
        RulesCommand::Test(args) => trying::test(out, args),
        RulesCommand::Backtest(args) => backtest::run(global, out, args),
        RulesCommand::List(args) => list_rules(global, out, args),
        RulesCommand::Show(args) => show(global, out, args),
    }
}

fn list_rules(global: &Global, out: &mut Out, args: &RulesList) -> Result<(), Failure> {
    let answer = node(global, &args.at, |node| node.get(RULES, &Params::new()))?;
    let look = args.shape.look(out);
    if !look.for_people {
        list(out, &answer, "rules", &args.shape, &[])?;
    }
    let answer: Value = read(&answer)?;
    if look.for_people {
        let shown = |rule: &&Value| args.all || rule["alerts"] != Value::Bool(false);
        let rules: Vec<&Value> = items(&answer, "/rules").iter().filter(shown).collect();
        table(&look, &rules).print(out)?;
        out.flush()?;
    }
    tell_state(&answer, &look);
    Ok(())
}

fn table(look: &Look, rules: &[&Value]) -> Table {
    let headings = ["RULE", "LEVEL", "KIND", "FROM", "MATCHED", "FIRED", "LAST FIRED", "COST"];
    let mut table = Table::new(&headings, &[4, 5, 7]);
    for rule in rules {
        let last = text(rule, "/last_fired_at");
        table.row(vec![
            cut(&clean(text(rule, "/title")), TITLE_WIDTH_MAX),
            clean(text(rule, "/level")),
            clean(text(rule, "/kind")),
            clean(text(rule, "/from")),
            grouped(number(rule, "/matched")),
            grouped(number(rule, "/fired")),
            if last.is_empty() { "-".into() } else { look.time(last) },
            format!("{} ns", grouped(number(rule, "/nanos"))),
        ]);
        let dropped = number(rule, "/groups_dropped");
        if dropped > 0 {
            table.below(format!(
                "{} groups were forgotten: it has more than it may keep",
                grouped(dropped)
            ));
        }
    }
    table
}

/// What else there is to know of what is loaded. It goes to standard error, as it is no rule.
fn tell_state(answer: &Value, look: &Look) {
    for refused in items(answer, "/refused") {
        if !look.for_people {
            out::note_json(&serde_json::json!({ "refused": refused }));
            continue;
        }
        let line = refused["line"].as_u64().map_or(String::new(), |line| format!(":{line}"));
        let rule = match text(refused, "/rule") {
            "" => String::new(),
            rule => format!("{}: ", clean(rule)),
        };
        let (file, why) = (clean(text(refused, "/file")), clean(text(refused, "/reason")));
        out::note(format_args!("refused: {file}{line}: {rule}{why}"));
    }
    if !look.for_people {
        return;
    }
    let (late, behind) = (number(answer, "/late"), number(answer, "/behind"));
    if late > 0 {
        out::note(format_args!(
            "{} events came too late for windows; `lateness` of watch.yaml says how late they may",
            grouped(late)
        ));
    }
    if behind > 0 {
        out::note(format_args!("{} records are still to be looked at", grouped(behind)));
    }
    if answer["folder"].is_null() {
        out::note(format_args!(
            "these are the rules that come with the node: `indelible serve --rules DIR` adds yours"
        ));
    }
}

fn show(global: &Global, out: &mut Out, args: &RulesShow) -> Result<(), Failure> {
    let answer = node(global, &args.at, |node| {
        let id = match read::<Value>(&node.get(RULES, &Params::new())?) {
            Ok(all) => called(&all, &args.rule),
            Err(failure) => return Err(failure),
        };
        let id = id.unwrap_or_else(|| args.rule.clone());
        node.get(&format!("{RULES}/{}", path_segment(&id)), &Params::new())
    })?;
    let look = args.shape.look(out);
    if !look.for_people {
        return print(out, &answer);
    }
    let rule: Value = read(&answer)?;
    facts(out, &look, &rule, &ONE)?;
    for (what, at) in [("what it means", "/description"), ("what to do", "/advice")] {
        if !text(&rule, at).is_empty() {
            out.line(format_args!("\n{what}: {}", clean(text(&rule, at))))?;
        }
    }
    if rule["alerts"] == Value::Bool(false) {
        out.line("\nIt gives no alerts by itself: other rules refer to it.")?;
    }
    out.line("")?;
    text(&rule, "/text").trim_end().lines().try_for_each(|line| out.line(clean(line)))?;
    out.flush()
}

/// The id of the rule that is called so.
fn called(all: &Value, name: &str) -> Option<String> {
    let is = |rule: &&Value| ["/id", "/name", "/title"].iter().any(|at| text(rule, at) == name);
    let found = items(all, "/rules").iter().find(is)?;
    Some(text(found, "/id").to_owned())
}
