//! Examples beside rules, and whether they hold.
//!
//! `x.test.yml` belongs to the rules of `x.yml`. Each of its cases is a history of its own: a fresh [`Engine`] sees its
//! events as the API would show them, and what fires is compared with what the case says.

use std::collections::BTreeSet;
use std::sync::Arc;

use indelible_event::Micros;
use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use serde_saphyr::options::DuplicateKeyPolicy;

use crate::engine::Engine;
use crate::limits::{
    ALIASES_MAX, DEPTH_MAX, FILE_BYTES_MAX, NODES_MAX, TRIAL_CASES_MAX, TRIAL_EVENTS_MAX,
};
use crate::model::{Firing, Level, RuleNo, Seen};
use crate::set::{File, Refused, RuleSet};

mod history;

use history::Written;

/// What a file of examples ends with.
const ENDINGS: [&str; 2] = [".test.yml", ".test.yaml"];

/// Whether a file of this name holds examples.
pub fn is_trial(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// A file of examples, read.
#[derive(Clone, Debug)]
pub struct Trial {
    file: File,
    cases: Vec<Case>,
}

/// A history, and what should be found in it.
#[derive(Clone, Debug)]
struct Case {
    name: String,
    line: usize,
    events: Vec<Written>,
    /// How long nothing more comes at its end.
    after: Option<Micros>,
    fires: Vec<String>,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    name: String,
    events: Vec<Spanned<Map<String, Value>>>,
    #[serde(default)]
    after: Option<String>,
    fires: Vec<String>,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The file that it is in.
    pub file: Arc<str>,
    /// Its line there, from 1.
    pub line: usize,
    /// Its name.
    pub case: String,
    /// What fired, of all rules.
    pub fired: Vec<Fired>,
    /// What differs from what it says, a sentence each. It holds if nothing does.
    pub differs: Vec<String>,
}

/// A rule that fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// Which.
    pub rule: RuleNo,
    /// Its title.
    pub title: Arc<str>,
    /// How bad that is.
    pub level: Level,
    /// How often, over all groups.
    pub times: u64,
    /// The values that it was about, the first time.
    pub group: Vec<(Arc<str>, Arc<str>)>,
}

impl Verdict {
    /// Whether the case came out as it says.
    pub fn holds(&self) -> bool {
        self.differs.is_empty()
    }
}

impl Trial {
    /// Reads a file of examples.
    pub fn read(file: &File) -> Result<Trial, Refused> {
        let refused = |line, reason| Refused { file: file.name.clone(), line, rule: None, reason };
        let cases = cases(&file.text).map_err(|(line, why)| refused(line, why))?;
        if cases.is_empty() || cases.len() > TRIAL_CASES_MAX {
            let why = format!("1 to {TRIAL_CASES_MAX} cases are a file of examples, in a list");
            return Err(refused(None, why));
        }
        let mut read = Vec::with_capacity(cases.len());
        for Spanned { value: raw, referenced, .. } in cases {
            let line = usize::try_from(referenced.line()).ok();
            let case = case(raw, line.unwrap_or(1)).map_err(|(line, why)| refused(line, why))?;
            read.push(case);
        }
        Ok(Trial { file: file.clone(), cases: read })
    }

    /// The names of its cases, and what each expects to fire.
    pub fn expects(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.cases.iter().map(|case| (&*case.name, &*case.fires))
    }

    /// Whether it is about rules of this file.
    pub fn is_beside(&self, rules: &str) -> bool {
        stem(&self.file.name) == stem(rules)
    }

    /// Runs its cases, each on its own.
    pub fn run(&self, rules: &Arc<RuleSet>, lateness: Micros) -> Vec<Verdict> {
        self.cases.iter().map(|case| self.judge(case, rules, lateness)).collect()
    }

    fn judge(&self, case: &Case, rules: &Arc<RuleSet>, lateness: Micros) -> Verdict {
        let mut firings = Vec::new();
        let mut differs = Vec::new();
        match history::of(&case.events) {
            Ok(history) => play(&history, case.after, rules, lateness, &mut firings),
            Err(why) => differs.push(why),
        }
        let fired = fired(rules, &firings);
        if differs.is_empty() {
            self.compare(case, rules, &fired, &mut differs);
        }
        let (file, case, line) = (self.file.name.clone(), case.name.clone(), case.line);
        Verdict { file, line, case, fired, differs }
    }

    /// What should have fired and did not; what did, of the rules that it is about, and should not have.
    fn compare(&self, case: &Case, rules: &RuleSet, fired: &[Fired], differs: &mut Vec<String>) {
        let mut expected = BTreeSet::new();
        for called in &case.fires {
            let Some(no) = self.find(rules, called) else {
                differs.push(format!("no rule that is loaded is called {called:?}"));
                continue;
            };
            expected.insert(no);
            if fired.iter().any(|fired| fired.rule == no) {
                continue;
            }
            differs.push(match rules.get(no).alerts {
                true => format!("{called:?} should have fired, and did not"),
                false => format!(
                    "{called:?} gives no alerts by itself, as another rule refers to it: name that one"
                ),
            });
        }
        for Fired { rule, title, times, group, .. } in fired {
            if !expected.contains(rule) && self.is_about(rules, *rule) {
                let of = said(group);
                differs.push(format!("{title:?} fired {times} times{of}, and should not have"));
            }
        }
    }

    /// The rule that is meant: one of the file that it is beside, else of the same folder, else any.
    fn find(&self, rules: &RuleSet, called: &str) -> Option<RuleNo> {
        let is_called = |rule: &crate::model::Rule| {
            *rule.id == *called || rule.name.as_deref() == Some(called) || *rule.title == *called
        };
        let nearness = |no: &RuleNo| {
            let rule = rules.get(*no);
            (self.is_beside(&rule.file), rule.origin == self.file.origin)
        };
        let all = (0..).map(RuleNo).zip(&rules.rules);
        // `max_by_key` would take the last of several.
        let called = all.filter(|(_, rule)| is_called(rule)).map(|(no, _)| no);
        called.min_by_key(|no| std::cmp::Reverse(nearness(no)))
    }

    /// Whether a rule has to stay silent where it is not named: those beside it; all of its folder, if there are none.
    fn is_about(&self, rules: &RuleSet, no: RuleNo) -> bool {
        let rule = rules.get(no);
        if rules.rules.iter().any(|rule| self.is_beside(&rule.file)) {
            return self.is_beside(&rule.file);
        }
        rule.origin == self.file.origin
    }
}

/// Shows a history to an engine that has seen nothing.
fn play(
    history: &[history::Record],
    after: Option<Micros>,
    rules: &Arc<RuleSet>,
    lateness: Micros,
    firings: &mut Vec<Firing>,
) {
    let mut engine = Engine::new(rules, lateness);
    for record in history {
        engine.see(&Seen { pos: record.pos, json: &record.json }, firings);
    }
    if let (Some(after), Some(last)) = (after, history.last()) {
        engine.tick(Micros(last.recorded_at.0.saturating_add(after.0)), firings);
    }
}

/// What fired, each rule once, in the order of the first times.
fn fired(rules: &RuleSet, firings: &[Firing]) -> Vec<Fired> {
    let mut fired: Vec<Fired> = Vec::new();
    for firing in firings {
        let rule = rules.get(firing.rule);
        if !rule.alerts {
            continue;
        }
        match fired.iter_mut().find(|fired| fired.rule == firing.rule) {
            Some(fired) => fired.times += 1,
            None => fired.push(Fired {
                rule: firing.rule,
                title: rule.title.clone(),
                level: rule.level,
                times: 1,
                group: firing.group.clone(),
            }),
        }
    }
    fired
}

fn said(group: &[(Arc<str>, Arc<str>)]) -> String {
    let values: Vec<String> = group.iter().map(|(name, value)| format!("{name} {value}")).collect();
    if values.is_empty() { String::new() } else { format!(" (first of {})", values.join(", ")) }
}

/// A file's name without what it ends with.
fn stem(name: &str) -> &str {
    let endings = ENDINGS.iter().copied().chain([".yml", ".yaml"]);
    endings.into_iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// The cases of a file. An error has its line.
fn cases(text: &str) -> Result<Vec<Spanned<RawCase>>, (Option<usize>, String)> {
    if text.len() > FILE_BYTES_MAX {
        return Err((None, format!("longer than {FILE_BYTES_MAX} bytes")));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: 2 * NODES_MAX,
            max_anchors: ALIASES_MAX,
            max_aliases: ALIASES_MAX,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: NODES_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let read: Result<Option<_>, _> = serde_saphyr::from_str_with_options(text, options);
    read.map(Option::unwrap_or_default).map_err(|error| {
        let line = error.location().and_then(|at| usize::try_from(at.line()).ok());
        let said = error.without_snippet().to_string();
        (line, said.split(" at line ").next().unwrap_or_default().to_owned())
    })
}

fn case(raw: RawCase, line: usize) -> Result<Case, (Option<usize>, String)> {
    let RawCase { name, events, after, fires } = raw;
    let after = after.as_deref().map(history::span).transpose();
    let after = after.map_err(|why| (Some(line), format!("after: {why}")))?;
    if events.is_empty() {
        return Err((Some(line), format!("{name:?} has no events")));
    }
    let mut written = Vec::with_capacity(events.len());
    let mut count = 0;
    for Spanned { value, referenced, .. } in events {
        let at = usize::try_from(referenced.line()).unwrap_or(line);
        let event = Written::read(value, at).map_err(|why| (Some(at), why))?;
        count += event.times;
        if count > TRIAL_EVENTS_MAX {
            let why = format!("{name:?} has more than {TRIAL_EVENTS_MAX} events");
            return Err((Some(at), why));
        }
        written.push(event);
    }
    Ok(Case { name, line, events: written, after, fires })
}

#[cfg(test)]
#[path = "trial_tests.rs"]
mod tests;
