//! Small worlds of records, and questions about them, chosen at random.

use std::net::Ipv4Addr;
use std::ops::Bound;

use indelible_event::{EventId, Micros, Outcome, Source};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::model::{Kind, Model, Told};
use super::{Access, Unit};
use crate::Field;
use crate::query::{Expr, Leaf, Pattern, Query, Span, Test};

/// A world: units whose places interleave, and all that is in their snapshots.
pub struct World {
    pub units: Vec<Model>,
    pub all: Vec<Told>,
}

prop_compose! {
    pub fn told()(
        trail in 0..4u32,
        step in 1..4u64,
        late in 0..30i64,
        occurred in option::of(-50..400i64),
        action in 0..6usize,
        category in option::of(0..3usize),
        outcome in 0..6usize,
        reference in option::of(0..20u64),
        source in option::of((0..3u8, 0..24u64)),
        (actor, other, service) in (option::of(0..5u8), 0..4u8, option::of(0..3u8)),
        (kind, id, number, words) in (0..3u8, 0..6u8, option::of(-3..12i32), 0..64u8),
    ) -> Told {
        let actions = ["user.login", "user.logout", "backup.delete", "backup.create", "Ä.b", "user"];
        let categories = ["system", "login", "data_access"];
        let said: Vec<&str> = ["alpha", "beta", "gamma", "alphabet", "Beta-7", "ÄÖ"]
            .into_iter().enumerate().filter(|(at, _)| words >> at & 1 == 1).map(|(_, w)| w).collect();
        let who = actor.map(|actor| format!(r#"{{"actor":{{"type":"user","id":"u{actor}","name":"Name {other}"}}}}"#));
        let location = service.map(|service| format!(
            r#"{{"context":{{"ip":"10.0.0.{other}","correlation_id":"c-{other}","service":"s{service}"}}}}"#));
        let number = number.map_or("null".to_owned(), |number| number.to_string());
        let what = format!(
            r#"{{"targets":[{{"type":"k{kind}","id":"r{id}"}}],"details":{{"n":{number},"text":"{}","long":"{}{id}"}}}}"#,
            said.join(" "), "x".repeat(126));
        Told {
            trail, pos: step, recorded_at: late, occurred_at: occurred,
            action: actions[action].to_owned(),
            category: category.map(|at| categories[at].to_owned()),
            outcome: Outcome::ALL[outcome],
            reference: reference.map(|pos| EventId::derived("model", pos)),
            source: source.map(|(id, seq)| Source { id: [id; 16], seq }),
            parts: [who, location, Some(what)],
            broken: false,
        }
    }
}

/// An event that says next to nothing.
pub fn some() -> Told {
    Told {
        trail: 0,
        pos: 0,
        recorded_at: 0,
        occurred_at: None,
        action: "user.login".to_owned(),
        category: None,
        outcome: Outcome::Success,
        reference: None,
        source: None,
        parts: [None, None, None],
        broken: false,
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.units.iter().map(|unit| (Unit::rows(unit), &unit.told)))
            .finish()
    }
}

const KINDS: [Kind; 6] =
    [Kind::Model(1), Kind::Live, Kind::Model(2), Kind::Frozen, Kind::Model(4), Kind::Model(3)];

/// Deals the events to units; the last ones of each come after its snapshot.
pub fn world(told: Vec<Told>, deal: &[u8], units: usize, after: usize) -> World {
    let (mut pos, mut at) = (0, 1_000);
    let mut dealt: Vec<Vec<Told>> = vec![Vec::new(); units];
    for (told, deal) in told.into_iter().zip(deal.iter().cycle()) {
        pos += told.pos;
        at += told.recorded_at / 4;
        dealt[*deal as usize % units].push(Told { pos, recorded_at: at, ..told });
    }
    let (mut out, mut all) = (Vec::new(), Vec::new());
    for (number, told) in dealt.into_iter().enumerate() {
        let rows = if number == 0 { told.len().saturating_sub(after) } else { told.len() };
        if rows > 0 {
            all.extend_from_slice(&told[..rows]);
            let of = usize::from(deal.first().copied().unwrap_or(0)) + number;
            out.push(Model::new(told, rows, KINDS[of % KINDS.len()]));
        }
    }
    all.sort_by_key(|told| told.pos);
    World { units: out, all }
}

pub fn worlds() -> impl Strategy<Value = World> {
    (vec(told(), 0..90), vec(any::<u8>(), 1..20), 1..6usize, 0..9usize)
        .prop_map(|(told, deal, units, after)| world(told, &deal, units, after))
}

fn pattern(regex: &str, contains: &str) -> Test {
    let regex = regex::Regex::new(regex).unwrap();
    Test::Matches(Pattern { text: regex.to_string(), contains: contains.to_owned(), regex })
}

fn tests(values: &'static [&'static str]) -> impl Strategy<Value = Test> {
    prop_oneof![
        3 => prop::sample::select(values).prop_map(|value| Test::Is(value.to_owned())),
        2 => prop::sample::select(values).prop_map(|value| {
            Test::Prefix(value.chars().take(2).collect())
        }),
        1 => prop::sample::select(values).prop_map(|value| {
            let part: String = value.chars().skip(1).collect();
            pattern(&format!("{}.?$", regex::escape(&part)), &part)
        }),
        1 => Just(Test::Exists),
    ]
}

fn leaves() -> impl Strategy<Value = Leaf> {
    let span = |low: i64, high: i64| {
        (option::of(low..high), option::of(low..high))
            .prop_map(|(from, to)| Span { from: from.map(Micros), to: to.map(Micros) })
    };
    let field = |field: Field, values| tests(values).prop_map(move |test| Leaf::Field(field, test));
    let id = (0..60u64).prop_map(|pos| EventId::derived("model", pos));
    let long = Test::Prefix(format!("{}3", "x".repeat(126)));
    let longer = Test::Prefix("x".repeat(128));
    prop_oneof![
        3 => field(Field::Action, &["user.login", "user", "backup.delete", "backup.create"]),
        2 => field(Field::Actor, &["u0", "u1", "u2"]),
        1 => field(Field::Category, &["system", "login"]),
        2 => field(Field::Outcome, &["success", "failure", "denied"]),
        1 => field(Field::ResourceId, &["r0", "r1", "r5"]),
        1 => field(Field::Correlation, &["c-0", "c-1"]),
        1 => tests(&["alpha", "alpha beta", "gamma"])
            .prop_map(|test| Leaf::Path("details.text".to_owned(), test)),
        1 => tests(&["5", "11", "null"]).prop_map(|test| Leaf::Path("details.n".to_owned(), test)),
        1 => prop::sample::select(vec![long, longer, pattern("x[35]$", "x")])
            .prop_map(|test| Leaf::Path("details.long".to_owned(), test)),
        1 => (-4..12i32, -4..12i32).prop_map(|(low, high)| Leaf::Path(
            "details.n".to_owned(),
            Test::Number(Bound::Included(low.into()), Bound::Excluded(high.into()))
        )),
        1 => (0..4u8).prop_map(|at| {
            let address = |last| Ipv4Addr::new(10, 0, 0, last).to_ipv6_mapped().octets();
            Leaf::Ip(address(1), address(at))
        }),
        1 => id.clone().prop_map(Leaf::Id),
        1 => id.prop_map(Leaf::Ref),
        2 => tests(&["shop", "bank", "_system", "default"]).prop_map(Leaf::Trail),
        2 => span(990, 1_300).prop_map(Leaf::Recorded),
        2 => span(-60, 1_300).prop_map(Leaf::Occurred),
        2 => tests(&["alpha", "beta", "login", "c-1", "u1", "r3", "7"]).prop_map(Leaf::Word),
        1 => Just(Leaf::Phrase(vec!["alpha".to_owned(), "beta".to_owned()])),
    ]
}

pub fn queries() -> impl Strategy<Value = Query> {
    let expr = prop_oneof![1 => Just(Expr::All), 9 => leaves().prop_map(Expr::Leaf)];
    let expr = expr.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
            vec(inner.clone(), 1..4).prop_map(Expr::And),
            vec(inner, 1..4).prop_map(Expr::Or),
        ]
    });
    expr.prop_map(|expr| Query { text: format!("{expr:?}"), expr })
}

pub fn accesses() -> impl Strategy<Value = Access> {
    prop_oneof![Just(Access::All), btree_set(0..4u32, 0..4).prop_map(Access::Trails),]
}
