//! What a dashboard asks, over and over: counts of the last days, and the histories of people and things.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use indelible_event::Micros;
use indelible_log::{Clock, SystemClock};
use serde_json::Value;

use crate::http::Connection;
use crate::measure::quantile;
use crate::node::Node;
use crate::questions::path;
use crate::table::{Table, thousands};

const DAY_MICROS: i64 = 86_400_000_000;
/// How often a question is asked before its times count.
const WARM_UP: usize = 2;
/// How many people and things are asked about: each is asked about once, then all of them again.
const SUBJECTS: &str = "200";

/// Whom and what is asked about, from the most frequent to the rare.
struct Subjects {
    actors: Vec<String>,
    resources: Vec<(String, String)>,
}

/// One question, made anew each time it is asked.
struct Question<'a> {
    name: String,
    path: Box<dyn Fn(usize) -> String + 'a>,
}

/// Asks a running node everything so many times, over one connection.
pub fn ask(node: &Node, asked: usize) -> Result<Table> {
    let mut connection = Connection::open(&node.address)?;
    let subjects = subjects(&mut connection)?;
    let now = SystemClock.now();
    let heading = ["question", "p50 ms", "p99 ms", "processor ms", "bytes", "matches"];
    let mut table = Table::new(&heading);
    for question in questions(&subjects, now) {
        let (mut times, mut bytes, mut matches) = (Vec::with_capacity(asked), 0, 0);
        let mut before = None;
        for round in 0..WARM_UP + asked {
            let path = (question.path)(round);
            if round == WARM_UP {
                before = node.cpu_seconds()?;
            }
            let start = Instant::now();
            let answer = connection.get(&path)?;
            let time = start.elapsed().as_secs_f64() * 1e3;
            ensure!(answer.status == 200, "{path}: {}", answer.status);
            if round < WARM_UP {
                continue;
            }
            times.push(time);
            bytes += answer.body.len();
            let json: Value = serde_json::from_slice(answer.body)?;
            matches += json["total"]["value"].as_u64().unwrap_or(0);
        }
        times.sort_by(f64::total_cmp);
        let processor = node.cpu_seconds()?.zip(before).map(|(after, before)| after - before);
        let processor = processor.map(|seconds| format!("{:.1}", seconds * 1e3 / asked as f64));
        let mean = |sum: u64| thousands(sum / asked.max(1) as u64);
        table.row(&[
            question.name,
            format!("{:.2}", quantile(&times, 0.5)),
            format!("{:.2}", quantile(&times, 0.99)),
            processor.unwrap_or_default(),
            mean(bytes as u64),
            mean(matches),
        ]);
    }
    Ok(table)
}

/// The most frequent of all, and of them every rank alike.
fn subjects(connection: &mut Connection) -> Result<Subjects> {
    let path = path("/api/audit/stats", &[("facets", "actor,resource"), ("top", SUBJECTS)]);
    let answer = connection.get(&path)?;
    ensure!(answer.status == 200, "{path}: {}", answer.status);
    let json: Value = serde_json::from_slice(answer.body)?;
    let values = |facet: &str| -> Result<Vec<String>> {
        let values = json["facets"][facet]["values"].as_array().context("a facet has no values")?;
        Ok(values.iter().filter_map(|value| value["value"].as_str().map(str::to_owned)).collect())
    };
    let of = |value: String| value.split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned()));
    let resources: Vec<_> = values("resource")?.into_iter().filter_map(of).collect();
    let subjects = Subjects { actors: values("actor")?, resources };
    let some = !subjects.actors.is_empty() && !subjects.resources.is_empty();
    ensure!(some, "the node has no events with actors and resources");
    Ok(subjects)
}

fn questions<'a>(subjects: &'a Subjects, now: Micros) -> Vec<Question<'a>> {
    let mut all = Vec::new();
    let mut add = |name: String, path: Box<dyn Fn(usize) -> String + 'a>| {
        all.push(Question { name, path });
    };
    // Each round ends a little earlier, so that no answer can be one that was given before.
    let span = move |round: usize, days: i64| {
        let to = now.0 - round as i64 * 1_000_003;
        format!("{}..{}", Micros(to - days * DAY_MICROS), Micros(to))
    };
    let times = [("created", "recorded_at"), ("occurred", "occurred_at")];
    let filters = [("", "no filter"), (" outcome:failure", "failures")];
    for (field, time) in times {
        for (filter, what) in filters {
            for days in [1, 7, 30] {
                let name = format!("{days} d by {field}, {what}: 8 facets, hourly");
                let ask = move |round| {
                    let q = format!("{field}:{}{filter}", span(round, days));
                    stats(&[("q", &q), ("interval", "1h"), ("time", time)])
                };
                add(name, Box::new(ask));
            }
        }
        let ask = move |round| {
            let q = format!("{field}:{}", span(round, 30));
            let only = [("facets", "outcome"), ("top", "0")];
            stats(&[only[0], only[1], ("q", &q), ("interval", "1h"), ("time", time)])
        };
        add(format!("30 d by {field}: only hourly"), Box::new(ask));
        let ask = move |round| {
            let q = format!("{field}:{}", span(round, 83));
            let only = [("facets", "outcome"), ("top", "0")];
            stats(&[only[0], only[1], ("q", &q), ("interval", "1h"), ("time", time)])
        };
        add(format!("83 d by {field}: only hourly"), Box::new(ask));
    }
    add("everything: 8 facets".to_owned(), Box::new(|_| stats(&[])));
    let actor = |round: usize| &subjects.actors[round % subjects.actors.len()];
    let of_actor = move |round: usize| {
        let q = format!("created:{}", span(round, 90));
        stats(&[("user_id", actor(round)), ("q", &q), ("interval", "1d")])
    };
    add("an actor's 90 d: 8 facets, daily".to_owned(), Box::new(of_actor));
    let resource = |round: usize| &subjects.resources[round % subjects.resources.len()];
    let newest = move |round: usize| {
        let (kind, id) = resource(round);
        path(
            "/api/audit/logs",
            &[("resource_type", kind), ("resource_id", id), ("page_size", "50")],
        )
    };
    add("newest 50 of a resource".to_owned(), Box::new(newest));
    let timeline = move |round: usize| {
        let (kind, id) = resource(round);
        path("/api/audit/timeline", &[("resource_type", kind), ("resource_id", id)])
    };
    add("timeline of a resource".to_owned(), Box::new(timeline));
    all
}

fn stats(parameters: &[(&str, &str)]) -> String {
    path("/api/audit/stats", parameters)
}
