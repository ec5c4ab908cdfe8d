//! Rules to measure with, in Sigma, as both engines read it.

use std::fmt::Write as _;

use crate::vocabulary::{ACTIONS, USER_AGENTS, WORDS};

/// So many rules of one event, of the kinds that public ones are of. Every other names what never happens.
pub(super) fn of_events(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        let detection = detection(n);
        let _ = write!(
            text,
            "title: Rule {n}\nid: 6b0e2f6e-0a4c-4f5e-9b8b-{n:012}\nstatus: test\nlogsource:\n    product: indelible\n\
             detection:\n{detection}level: medium\n---\n"
        );
    }
    text.truncate(text.len().saturating_sub("---\n".len()));
    text
}

fn detection(n: usize) -> String {
    let (happens, kind, n) = (n.is_multiple_of(2), n / 2 % 9, n / 18);
    let action = |n: usize| match happens {
        true => ACTIONS[n % ACTIONS.len()].0.to_owned(),
        false => format!("plugin{n}.install"),
    };
    let word = |n: usize| match happens {
        true => WORDS[n % WORDS.len()].to_owned(),
        false => format!("unheard{n}"),
    };
    let agent = |n: usize| match happens {
        true => USER_AGENTS[n % USER_AGENTS.len()].split(['/', ' ']).next().unwrap_or_default(),
        false => "sqlmap",
    };
    match kind {
        0 => format!(
            "    selection:\n        action: {}\n        outcome: [failure, denied]\n    filter:\n        \
             actor.type: service\n    condition: selection and not filter\n",
            action(n)
        ),
        1 => format!(
            "    selection:\n        action:\n            - {}\n            - {}\n            - {}\n        \
             actor.email|endswith: '{n}@example.org'\n    condition: selection\n",
            action(n),
            action(n + 17),
            action(n + 31)
        ),
        2 => format!(
            "    one:\n        details.reason|contains|all: ['{}', '{}']\n    two:\n        \
             details.note|contains|all: ['{}', '{}']\n    condition: 1 of them\n",
            word(n),
            word(n + 9),
            word(n + 3),
            word(n + 21)
        ),
        3 => format!(
            "    selection:\n        action: {}\n        context.ip|cidr: '{}.0.0.0/8'\n    condition: selection\n",
            action(n),
            n % 220 + 1
        ),
        4 => format!(
            "    selection:\n        context.user_agent|contains: '{}'\n        action: {}\n        \
             outcome: failure\n    condition: selection\n",
            agent(n),
            action(n + 5)
        ),
        // As those for CloudTrail.
        5 => format!(
            "    selection:\n        details.eventSource: 'service{n}.amazonaws.com'\n        details.eventName:\n            \
             - 'Delete{n}'\n            - 'Update{n}'\n    filter:\n        details.userAgent|contains: 'console'\n    \
             condition: selection and not filter\n"
        ),
        6 => format!(
            "    selection:\n        action: '{}*'\n        context.service|startswith: '{}'\n        \
             outcome: denied\n    condition: selection\n",
            &action(n)[..5],
            ["b", "a", "w", "s"][n % 4]
        ),
        7 => format!(
            "    selection:\n        action: {}\n        details.duration_ms|gte: {}\n    condition: selection\n",
            action(n),
            29_000 + n
        ),
        _ => format!(
            "    selection:\n        changes.after.owner: '{}'\n        changes.before.status: locked\n        \
             category|re: '^data_(modify|delete)$'\n        action|endswith: '{}'\n    condition: selection\n",
            word(n),
            action(n)
        ),
    }
}

/// Thirty rules for a backtest: of single events and all kinds of correlations.
pub(super) const OF_A_LOG: &str = include_str!("rules.yml");
