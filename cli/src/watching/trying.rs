//! `indelible rules check` and `rules test`: a folder, looked at without a node.

use std::path::Path;
use std::sync::Arc;

use indelible_rules::trial::{Trial, Verdict};
use indelible_rules::{File, Origin, Refused, RuleSet, pack};
use indelible_watch::Folder;
use serde_json::{Value, json};

use super::count;
use crate::args::{RulesCheck, RulesTest};
use crate::failure::Failure;
use crate::look::clean;
use crate::out::{self, Out};

/// Reads a folder. One that is not there cannot be looked at; one whose settings make no sense is refused.
pub fn folder(dir: Option<&Path>) -> Result<Folder, Failure> {
    let there = dir.is_none_or(Path::is_dir);
    Folder::read(dir).map_err(|e| match there {
        true => Failure::Refused {
            why: e.to_string(),
            hint: Some("docs/watch.md describes the file".into()),
        },
        false => Failure::Cannot {
            why: e.to_string(),
            hint: Some("a folder with rules/ in it, as docs/watch.md describes it".into()),
        },
    })
}

pub fn check(out: &mut Out, args: &RulesCheck) -> Result<(), Failure> {
    let folder = folder(args.dir.as_deref())?;
    let mut set = folder.rule_set();
    set.refused.extend(folder.tests.iter().filter_map(|file| Trial::read(file).err()));
    if out.is_json() {
        let rule = |rule: &indelible_rules::Rule| {
            json!({
                "id": rule.id, "name": rule.name, "title": rule.title, "level": rule.level,
                "kind": rule.kind.name(), "file": rule.file, "line": rule.line,
                "from": rule.origin, "alerts": rule.alerts,
            })
        };
        let rules: Vec<Value> = set.rules.iter().map(rule).collect();
        out.object(&json!({"loaded": rules.len(), "refused": set.refused, "rules": rules}))?;
    } else {
        set.refused.iter().try_for_each(|refused| out.line(said(refused)))?;
        out.line(summary(&set))?;
    }
    out.flush()?;
    if set.refused.is_empty() { Ok(()) } else { Err(Failure::Told) }
}

/// File, line, rule and reason.
pub fn said(refused: &Refused) -> String {
    let Refused { file, line, rule, reason } = refused;
    let line = line.map_or(String::new(), |line| format!(":{line}"));
    let rule = rule.as_deref().map_or(String::new(), |rule| format!("{}: ", clean(rule)));
    format!("{}{line}: {rule}{}", clean(file), clean(reason))
}

fn summary(set: &RuleSet) -> String {
    let of = |origin| set.rules.iter().filter(|rule| rule.origin == origin).count();
    let loaded = count(set.rules.len() as u64, "rule is loaded", "rules are loaded");
    let (pack, own) = (of(Origin::Pack), of(Origin::Folder));
    let refused = match set.refused.len() as u64 {
        0 => "nothing is refused".into(),
        refused => count(refused, "is refused", "are refused"),
    };
    format!("{loaded} ({pack} of the pack, {own} of the folder), {refused}")
}

pub fn test(out: &mut Out, args: &RulesTest) -> Result<(), Failure> {
    let folder = folder(args.dir.as_deref())?;
    let set = Arc::new(folder.rule_set());
    let files = if args.dir.is_some() { folder.tests.clone() } else { pack::trials() };
    let (mut held, mut failed) = (0, 0);
    for refused in set.refused.iter().filter(|_| !out.is_json()) {
        out::note(format_args!("refused: {}", said(refused)));
    }
    for file in &files {
        let trial = match Trial::read(file) {
            Ok(trial) => trial,
            Err(refused) => {
                failed += 1;
                tell_unread(out, &refused)?;
                continue;
            }
        };
        let beside = set.rules.iter().any(|rule| trial.is_beside(&rule.file));
        for verdict in trial.run(&set, folder.settings.lateness.0.0) {
            if verdict.holds() {
                held += 1
            } else {
                failed += 1
            }
            tell(out, &set, &verdict, args.all)?;
        }
        if !beside && !out.is_json() {
            let name = clean(&file.name);
            out::note(format_args!(
                "{name}: there are no rules beside it; it is about all of the folder"
            ));
        }
    }
    tell_end(out, &files, held, failed)?;
    if failed == 0 { Ok(()) } else { Err(Failure::Told) }
}

fn tell_unread(out: &mut Out, refused: &Refused) -> Result<(), Failure> {
    match out.is_json() {
        true => out.object(&json!({"holds": false, "refused": refused})),
        false => out.line(said(refused)),
    }
}

fn tell(out: &mut Out, set: &RuleSet, verdict: &Verdict, all: bool) -> Result<(), Failure> {
    let Verdict { file, line, case, fired, differs } = verdict;
    if out.is_json() {
        let fired = fired.iter().map(|fired| {
            let group = fired.group.iter().map(|(name, value)| (name.to_string(), json!(value)));
            json!({
                "id": set.get(fired.rule).id, "title": fired.title, "level": fired.level,
                "times": fired.times, "group": group.collect::<serde_json::Map<_, _>>(),
            })
        });
        let (fired, holds) = (fired.collect::<Vec<_>>(), verdict.holds());
        return out.object(&json!({
            "file": file, "line": line, "case": case, "holds": holds, "fired": fired,
            "differs": differs,
        }));
    }
    let (file, case) = (clean(file), clean(case));
    for why in differs {
        out.line(format_args!("{file}:{line}: {case}: {}", clean(why)))?;
    }
    if all && verdict.holds() {
        let titles: Vec<String> = fired.iter().map(|fired| clean(&fired.title)).collect();
        let fired = if titles.is_empty() { "nothing".into() } else { titles.join(", ") };
        out.line(format_args!("{file}:{line}: {case}: holds; fired: {fired}"))?;
    }
    Ok(())
}

fn tell_end(out: &mut Out, files: &[File], held: u64, failed: u64) -> Result<(), Failure> {
    if out.is_json() {
        return out.flush();
    }
    if files.is_empty() {
        out::note(format_args!("there are no examples: rules/x.test.yml beside rules/x.yml"));
    }
    let held = count(held, "example holds", "examples hold");
    match failed {
        0 => out.line(held)?,
        failed => out.line(format_args!("{held}, {}", count(failed, "does not", "do not")))?,
    }
    out.flush()
}
