use proptest::prelude::*;

use super::*;

const TYPES: [&str; 3] = ["wal_operation", "backend_operation", ""];

fn verdict(
    policy: &Policy,
    event_type: &str,
    instrumented: bool,
    id: Option<&str>,
    own: u64,
) -> Verdict {
    policy.verdict("file.read", event_type, Outcome::Success, None, instrumented, id, own)
}

#[test]
fn only_instrumentation_is_muted() {
    let policy = Policy::default().event_types(["backend_operation"]);
    for (event_type, instrumented, expected) in [
        ("backend_operation", true, Verdict::Keep),
        ("backend_operation", false, Verdict::Keep),
        ("wal_operation", true, Verdict::Muted),
        ("wal_operation", false, Verdict::Keep),
        ("", true, Verdict::Muted),
        ("", false, Verdict::Keep),
    ] {
        assert_eq!(verdict(&policy, event_type, instrumented, Some("c"), 0), expected);
        assert_eq!(
            verdict(&Policy::default(), event_type, instrumented, Some("c"), 0),
            Verdict::Keep
        );
    }
    let nothing = Policy::default().event_types::<String>([]);
    assert_eq!(verdict(&nothing, "wal_operation", true, None, 0), Verdict::Muted);
}

#[test]
fn each_row_keeps_what_it_names() {
    let policy = Policy::default().event_types::<String>([]);
    let policy = TYPES.into_iter().fold(policy, |policy, name| policy.sampling(name, 0.0));
    for rule in NEVER_LEFT_OUT {
        let actions = match rule.action {
            Some(pattern) if pattern.starts_with("*.") => {
                let rest = pattern[2..].replace('*', "thing");
                vec![rest.clone(), format!("file.{rest}"), format!("a.b.{rest}")]
            }
            Some(pattern) => vec![pattern.replace('*', "thing")],
            None => vec!["file.read".to_owned()],
        };
        for action in actions {
            let category = rule.category.unwrap_or("wal_operation");
            let outcome = rule.outcome.unwrap_or(Outcome::Success);
            assert!(rule.applies(&action, category, outcome, rule.phase), "{rule:?} {action}");
            assert!(is_never_left_out(&action, category, outcome, rule.phase), "{rule:?} {action}");
            for instrumented in [true, false] {
                let kept =
                    policy.verdict(&action, category, outcome, rule.phase, instrumented, None, 7);
                assert_eq!(kept, Verdict::Keep, "{rule:?} {action}");
            }
        }
    }
}

#[test]
fn ordinary_work_may_be_left_out() {
    for action in [
        "file.read",
        "wal.append",
        "pin.create",
        "pin.list",
        "undelete",
        "file.undelete",
        "deleted.list",
        "delete.list_all",
        "logins.count",
        "keys.list",
        "roles",
        "user.update",
        "audit",
        "file.removed",
        "exporter.start",
        "",
        ".",
        "a.login.b",
    ] {
        for outcome in [Outcome::Success, Outcome::Pending, Outcome::Unknown] {
            assert!(!is_never_left_out(action, "wal_operation", outcome, None), "{action}");
        }
    }
}

#[test]
fn the_documented_table_is_the_table() {
    let source = include_str!("policy/never.rs");
    let documented: Vec<_> = source.lines().filter(|line| line.starts_with("/// |")).collect();
    let documented = documented.join("\n");
    let named: Vec<_> = documented.split('`').skip(1).step_by(2).collect();
    let mut rows: Vec<_> =
        NEVER_LEFT_OUT.iter().filter_map(|rule| rule.action.or(rule.category)).collect();
    let mut said = named.clone();
    rows.sort_unstable();
    said.sort_unstable();
    assert_eq!(said, rows);
    for rule in NEVER_LEFT_OUT {
        let word = rule.outcome.map(Outcome::name).or(rule.phase.map(Phase::name));
        assert!(word.is_none_or(|word| documented.contains(word)), "{rule:?}");
    }
}

/// Computed apart, with `printf 'indelible/sample/v1\0c-1' | sha256sum`.
#[test]
fn the_formula_is_the_documented_one() {
    let first = 0xac17c251be1a77f7_u64;
    assert_eq!(fraction(Some("c-1"), 5), (first >> 11) as f64 / 9_007_199_254_740_992.0);
    assert_eq!(fraction(Some(""), 5), fraction(None, 5));
    assert_ne!(fraction(None, 5), fraction(None, 6));
}

#[test]
fn rates_beyond_are_the_nearest() {
    for (rate, expected) in [
        (0.0, Verdict::Sampled),
        (-1.0, Verdict::Sampled),
        (1.0, Verdict::Keep),
        (7.0, Verdict::Keep),
        (f64::NAN, Verdict::Keep),
        (f64::INFINITY, Verdict::Keep),
    ] {
        let policy = Policy::default().sampling("wal_operation", rate);
        for own in 0..200 {
            assert_eq!(verdict(&policy, "wal_operation", own % 2 == 0, None, own), expected);
            assert_eq!(verdict(&policy, "other", true, None, own), Verdict::Keep);
        }
    }
}

#[test]
fn durability_by_event_type() {
    let policy = Policy::default()
        .durability_of("a", Durability::Required)
        .durability_otherwise(Durability::Durable);
    assert_eq!(policy.durability("a"), Durability::Required);
    assert_eq!(policy.durability("b"), Durability::Durable);
    assert_eq!(Policy::default().durability("a"), Durability::Async);
}

/// Not a property with inputs drawn: 20,000 ids a rate are enough, and would be too many in a long run.
#[test]
fn the_share_is_the_rate() {
    const IDS: u32 = 20_000;
    for (salt, rate) in
        [0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 2.0 / 3.0, 0.9, 0.999, 1.0].into_iter().enumerate()
    {
        let policy = Policy::default().sampling("wal_operation", rate);
        for with_id in [true, false] {
            let kept = (0..IDS).filter(|number| {
                let id = format!("{salt}-{number}");
                let own = (salt as u64) << 32 | u64::from(*number);
                let verdict = verdict(&policy, "wal_operation", true, with_id.then_some(&*id), own);
                verdict == Verdict::Keep
            });
            // Five standard deviations of such a draw, and a bit for rates near the ends.
            let tolerance = 5.0 * (rate * (1.0 - rate) / f64::from(IDS)).sqrt() + 0.0005;
            let share = kept.count() as f64 / f64::from(IDS);
            assert!((share - rate).abs() <= tolerance, "{share} of {rate}");
        }
    }
}

proptest! {
    #[test]
    fn a_lower_rate_keeps_a_subset(one in 0.0..=1.0_f64, other in 0.0..=1.0_f64, ids in prop::collection::vec(".{1,20}", 200)) {
        let policy = Policy::default().sampling("wal_operation", one.min(other)).sampling("backend_operation", one.max(other));
        for id in &ids {
            let lower = verdict(&policy, "wal_operation", true, Some(id), 0);
            let higher = verdict(&policy, "backend_operation", false, Some(id), 1);
            prop_assert!(lower == Verdict::Sampled || higher == Verdict::Keep);
        }
    }
}
