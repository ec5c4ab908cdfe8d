//! The dashboard's pages as a browser asks for them: how soon the first and the last byte are there, and how much
//! of it goes over the wire, with everything a page names.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::bulk;
use crate::http::{Connection, Took};
use crate::measure::quantile;
use crate::node::Node;
use crate::table::Table;

/// The first byte of any page is to be there by then.
const FIRST_BYTE_MS_MAX: f64 = 150.0;
/// A page with all its files, compressed, is to be no more than this.
const WEIGHT_KB_MAX: f64 = 150.0;
/// Loads of a page before they count.
const WARM_UP: usize = 2;
/// Events at each end of the log that values are taken from.
const SAMPLE: usize = 50;

/// A page, and how its address is made of an event that is there. Loads differ, as visitors do.
type Page = (&'static str, fn(&Sample) -> String);

const PAGES: &[Page] = &[
    ("search, everything", |_| "/".into()),
    ("search, an actor", |s| with("/", &[("q", &format!("actor:\"{}\"", s.actor))])),
    ("search, action and outcome", |s| {
        with("/", &[("q", &format!("action:{} outcome:{}", s.action, s.outcome))])
    }),
    ("event", |s| with(&format!("/events/{}", s.id), &[("trail", &s.trail)])),
    ("timeline of a resource", |s| {
        let resource = [("resource_type", &*s.resource_type), ("resource_id", &*s.resource_id)];
        with("/timeline", &resource)
    }),
    ("timeline of a correlation", |s| with("/timeline", &[("correlation_id", &s.correlation)])),
    ("overview", |_| "/overview".into()),
    ("people", |_| "/people".into()),
    ("a person", |s| format!("/people/{}", encoded(&s.actor))),
    ("live", |_| "/live".into()),
    ("export", |_| "/export".into()),
    ("settings", |_| "/settings/keys".into()),
    // What these pages bring by themselves, once they are there.
    ("then: search, counted", |_| "/search/summary".into()),
    ("then: an actor, counted", |s| {
        with("/search/summary", &[("q", &format!("actor:\"{}\"", s.actor))])
    }),
    ("then: people, who acts most", |_| "/people?active=1".into()),
    ("then: overview, figures", |_| "/overview/figures".into()),
    ("then: overview, what fails", |_| "/overview/troubles".into()),
    ("then: overview, hours", |_| "/overview/hours".into()),
    ("then: overview, health", |_| "/overview/health".into()),
    ("then: overview, losses", |_| "/overview/losses".into()),
];

/// What of an event its pages are named after.
struct Sample {
    id: String,
    trail: String,
    actor: String,
    action: String,
    outcome: String,
    resource_type: String,
    resource_id: String,
    correlation: String,
}

/// Loads every page `loads` times over a warm connection: the table.
pub fn measure(node: &Node, loads: usize) -> Result<Table> {
    let mut connection = Connection::open(&node.address)?;
    let samples = samples(&mut connection)?;
    let mut table = Table::new(&[
        "page",
        "first byte p50 ms",
        "p99 ms",
        "last byte p50 ms",
        "p99 ms",
        "page KB",
        "with files KB",
        "bound",
    ]);
    for (name, address) in PAGES {
        let times = times(&mut connection, *address, &samples, loads).context(*name)?;
        let files = files_bytes(&mut connection, &address(&samples[0])).context(*name)?;
        table.row(&row(name, &times, files));
    }
    Ok(table)
}

fn times(
    connection: &mut Connection,
    address: fn(&Sample) -> String,
    samples: &[Sample],
    loads: usize,
) -> Result<Vec<Took>> {
    let mut all = Vec::with_capacity(loads);
    let mut round = samples.iter().cycle();
    for at in 0..loads + WARM_UP {
        let sample = round.next().context("no event to take values from")?;
        let took = connection.load(&address(sample))?;
        if at >= WARM_UP {
            all.push(took);
        }
    }
    ensure!(!all.is_empty(), "no load was asked for");
    Ok(all)
}

fn row(name: &str, times: &[Took], files_bytes: usize) -> [String; 8] {
    let sorted = |of: fn(&Took) -> f64| {
        let mut values: Vec<f64> = times.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let first = sorted(|took| took.first.as_secs_f64() * 1e3);
    let last = sorted(|took| took.last.as_secs_f64() * 1e3);
    let heaviest = times.iter().map(|took| took.body_bytes).max().unwrap_or(0);
    let page_kb = heaviest as f64 / 1e3;
    let whole_kb = (heaviest + files_bytes) as f64 / 1e3;
    let kept = quantile(&first, 0.5) <= FIRST_BYTE_MS_MAX && whole_kb <= WEIGHT_KB_MAX;
    [
        name.to_owned(),
        format!("{:.1}", quantile(&first, 0.5)),
        format!("{:.1}", quantile(&first, 0.99)),
        format!("{:.1}", quantile(&last, 0.5)),
        format!("{:.1}", quantile(&last, 0.99)),
        format!("{page_kb:.1}"),
        format!("{whole_kb:.1}"),
        if kept { "kept".into() } else { "NOT KEPT".into() },
    ]
}

/// What the table's last column is of.
pub fn bound() -> String {
    format!(
        "bound: the first byte within {FIRST_BYTE_MS_MAX} ms (median), {WEIGHT_KB_MAX} KB with all files"
    )
}

/// The weight of the style, scripts and pictures that a page names, and of the modules that those import.
fn files_bytes(connection: &mut Connection, page: &str) -> Result<usize> {
    let html = text(connection, page)?;
    let mut found: BTreeSet<String> = attributes(&html).into_iter().collect();
    let (mut todo, mut sum): (Vec<String>, _) = (found.iter().cloned().collect(), 0);
    while let Some(file) = todo.pop() {
        sum += connection.load(&file)?.body_bytes;
        let Some((folder, _)) = file.rsplit_once('/').filter(|_| file.ends_with(".js")) else {
            continue;
        };
        for import in imports(&text(connection, &file)?) {
            let import = format!("{folder}/{import}");
            if found.insert(import.clone()) {
                todo.push(import);
            }
        }
    }
    Ok(sum)
}

/// The files that a document names.
fn attributes(html: &str) -> Vec<String> {
    html.split('"').filter(|value| value.starts_with("/assets/")).map(str::to_owned).collect()
}

/// The modules that a module imports, by their names beside it.
fn imports(script: &str) -> Vec<String> {
    let starts = script.split("'./").skip(1);
    let names = starts.filter_map(|rest| rest.split_once('\'')).map(|(name, _)| name);
    names.filter(|name| name.ends_with(".js")).map(str::to_owned).collect()
}

fn text(connection: &mut Connection, path: &str) -> Result<String> {
    let answer = connection.get(path)?;
    ensure!(answer.status == 200, "{path}: {}", answer.status);
    Ok(String::from_utf8_lossy(answer.body).into_owned())
}

/// Events from both ends of the log, each with everything that a page is named after, taken in turns.
fn samples(connection: &mut Connection) -> Result<Vec<Sample>> {
    let mut ends = Vec::new();
    for order in ["desc", "asc"] {
        let q = "has:targets correlation:*";
        let size = SAMPLE.to_string();
        let path = with("/api/audit/logs", &[("q", q), ("order", order), ("page_size", &size)]);
        let found = bulk::json(connection, &path)?;
        let events = found["events"].as_array().cloned().unwrap_or_default();
        ends.push(events.iter().filter_map(sample).collect::<Vec<_>>());
    }
    let old = ends.pop().unwrap_or_default();
    let new = ends.pop().unwrap_or_default();
    let all: Vec<Sample> = new.into_iter().zip(old).flat_map(|(new, old)| [new, old]).collect();
    ensure!(!all.is_empty(), "no event with actor, target and correlation id is there");
    Ok(all)
}

fn sample(event: &Value) -> Option<Sample> {
    let text = |pointer: &str| Some(event.pointer(pointer)?.as_str()?.to_owned());
    Some(Sample {
        id: text("/id")?,
        trail: text("/trail")?,
        actor: text("/actor/id")?,
        action: text("/action")?,
        outcome: text("/outcome")?,
        resource_type: text("/targets/0/type")?,
        resource_id: text("/targets/0/id")?,
        correlation: text("/context/correlation_id")?,
    })
}

fn with(path: &str, params: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        params.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    format!("{path}?{}", pairs.join("&"))
}

fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_files_of_a_page_are_weighed_once_with_what_they_import() {
        let address = crate::http::tests::serve(|first, _| {
            let body = match first.split(' ').nth(1).unwrap_or_default() {
                "/page" => r#"<link href="/assets/1/a.css"><script src="/assets/1/main.js">"#,
                "/assets/1/a.css" => "0123456789",
                "/assets/1/main.js" => "import { x } from './b.js';",
                "/assets/1/b.js" => "import './main.js';",
                _ => return crate::http::tests::whole(404, ""),
            };
            crate::http::tests::whole(200, body)
        });
        let mut connection = Connection::open(&address).expect("it listens");
        assert_eq!(files_bytes(&mut connection, "/page").expect("files"), 10 + 27 + 19);
    }

    #[test]
    fn a_page_that_is_late_or_heavy_breaks_its_bound() {
        let took = |first: u64, body_bytes| Took {
            first: Duration::from_millis(first),
            last: Duration::from_millis(first),
            body_bytes,
        };
        let verdict = |first, bytes, files| row("x", &[took(first, bytes)], files)[7].clone();
        assert_eq!(verdict(20, 9_000, 50_000), "kept");
        assert_eq!(verdict(151, 9_000, 50_000), "NOT KEPT");
        assert_eq!(verdict(20, 9_000, 150_000), "NOT KEPT");
    }

    #[test]
    fn values_are_safe_in_addresses() {
        assert_eq!(with("/", &[("q", "a:\"b c\""), ("n", "é")]), "/?q=a%3A%22b%20c%22&n=%C3%A9");
    }
}
