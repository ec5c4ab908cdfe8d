//! Every rule of the pack fires on its examples, and is silent on its counter-examples.

use std::collections::BTreeSet;
use std::sync::Arc;

use indelible_event::Micros;
use indelible_rules::trial::Trial;
use indelible_rules::{File, Origin, Rule, RuleSet, limits, pack};

const RULES_MIN: usize = 25;

fn rules() -> Arc<RuleSet> {
    let rules = RuleSet::read(&pack::files(), &[], &[]);
    assert_eq!(rules.refused, [], "all of it can be read");
    Arc::new(rules)
}

#[test]
fn every_example_holds() {
    let rules = rules();
    let lateness = Micros(limits::LATENESS_MICROS);
    let mut wrong = Vec::new();
    for file in pack::trials() {
        let trial = Trial::read(&file).unwrap();
        for verdict in trial.run(&rules, lateness).into_iter().filter(|verdict| !verdict.holds()) {
            wrong.push(format!("{}: {}: {:?}", verdict.file, verdict.case, verdict.differs));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_what_people_need() {
    let rules = rules();
    let trials: Vec<Trial> = pack::trials().iter().map(|file| Trial::read(file).unwrap()).collect();
    let alerting: Vec<&Rule> = rules.rules.iter().filter(|rule| rule.alerts).collect();
    assert!(alerting.len() >= RULES_MIN, "{} rules", alerting.len());
    let mut seen = BTreeSet::new();
    for rule in &rules.rules {
        assert!(rule.id.starts_with("indelible-"), "{}", rule.id);
        assert!(seen.insert(rule.id.clone()), "{} is there twice", rule.id);
        assert!(seen.insert(rule.title.clone()), "{:?} is there twice", rule.title);
    }
    for rule in alerting {
        let said = |text: &Option<Arc<str>>| text.as_ref().is_some_and(|text| text.len() > 10);
        assert!(said(&rule.description), "{}: what does it mean?", rule.id);
        assert!(said(&rule.advice), "{}: what is to be done?", rule.id);
        assert!(rule.text.contains("falsepositives:"), "{}: when is it wrong?", rule.id);
        let beside: Vec<_> = trials.iter().filter(|trial| trial.is_beside(&rule.file)).collect();
        let cases = || beside.iter().flat_map(|trial| trial.expects());
        let fires = |called: &str| {
            *rule.id == *called || *rule.title == *called || rule.name.as_deref() == Some(called)
        };
        assert!(
            cases().any(|(_, expected)| expected.iter().any(|called| fires(called))),
            "{}: no example",
            rule.id
        );
        assert!(
            cases().any(|(_, expected)| expected.is_empty()),
            "{}: no counter-example",
            rule.id
        );
    }
}

#[test]
fn nothing_fires_in_an_ordinary_week() {
    let text = include_str!("ordinary-day.yml").into();
    // There are no rules beside it, so it is about all of the pack.
    let file = File { name: "ordinary.test.yml".into(), text, origin: Origin::Pack };
    let trial = Trial::read(&file).unwrap();
    for verdict in trial.run(&rules(), Micros(limits::LATENESS_MICROS)) {
        assert!(verdict.holds(), "{:#?}", verdict.differs);
    }
}

#[test]
fn what_is_switched_off_is_not_there() {
    let off = ["indelible-off-hours-admin".to_owned(), "Disk nearly full".to_owned()];
    let (all, fewer) = (rules(), RuleSet::read(&pack::files(), &[], &off));
    assert_eq!(fewer.rules.len() + off.len(), all.rules.len());
    assert_eq!((fewer.find("indelible-disk-low"), fewer.find(&off[0])), (None, None));
}
