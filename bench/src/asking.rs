//! The same questions to every system, each many times with other values, and how long they took.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http::Connection;
use crate::measure::quantile;
use crate::peers::sqlite::Sqlite;
use crate::peers::wire::Wire;
use crate::questions::{Dialect, QUESTIONS, Question};
use crate::table::{Table, thousands};
use crate::values::Draw;

/// How often a question is asked before its times count.
const WARM_UP: usize = 3;
/// A question is not asked any more after so long; its quantiles are then of fewer.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(20);
/// However long it takes, it is asked so often.
const ASKED_MIN: usize = 5;

/// What a system answered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reply {
    /// How many rows, or the number that was asked for.
    pub size: u64,
    /// Whether the system itself says that this is not all.
    pub incomplete: bool,
}

/// A system that answers questions.
pub trait Answering {
    /// Asks, and says how long it took until the whole answer was there.
    fn ask(&mut self, question: &Question, draw: &Draw) -> Result<(Duration, Reply)>;
}

/// How a system did on one question.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Sorted, in milliseconds.
    pub times_ms: Vec<f64>,
    /// The mean size of the answers.
    pub size: f64,
    /// How many answers were incomplete by the system's own word.
    pub incomplete: usize,
}

/// Asks every question of the table, each with every draw as far as time allows.
pub fn ask_all(system: &mut impl Answering, draws: &[Draw]) -> Result<Vec<Asked>> {
    QUESTIONS.iter().map(|question| ask_one(system, question, draws)).collect()
}

fn ask_one(system: &mut impl Answering, question: &Question, draws: &[Draw]) -> Result<Asked> {
    let mut asked = Asked::default();
    // The last draws warm up, so that the measured ones are new to the caches; then all, once each.
    for draw in draws.iter().rev().take(WARM_UP) {
        system.ask(question, draw)?;
    }
    let start = Instant::now();
    for draw in draws {
        if start.elapsed() > QUESTION_TIME_MAX && asked.times_ms.len() >= ASKED_MIN {
            break;
        }
        let (time, reply) = system.ask(question, draw)?;
        ensure!(reply.size > 0, "nothing found for {:?} of {draw:?}", question.name);
        asked.times_ms.push(time.as_secs_f64() * 1e3);
        asked.size += reply.size as f64;
        asked.incomplete += usize::from(reply.incomplete);
    }
    asked.size /= asked.times_ms.len().max(1) as f64;
    asked.times_ms.sort_by(f64::total_cmp);
    Ok(asked)
}

/// A line for each question and system.
pub fn table(systems: &[(&str, Vec<Asked>)]) -> Table {
    let heading = ["question", "system", "p50 ms", "p99 ms", "asked", "answer", "note"];
    let mut table = Table::new(&heading);
    for (index, question) in QUESTIONS.iter().enumerate() {
        for (place, (system, all)) in systems.iter().enumerate() {
            let asked = &all[index];
            let milliseconds = |part: f64| format!("{:.2}", quantile(&asked.times_ms, part));
            let note = match asked.incomplete {
                0 => String::new(),
                count => format!("{count} incomplete"),
            };
            table.row(&[
                if place == 0 { question.name.to_owned() } else { String::new() },
                (*system).to_owned(),
                milliseconds(0.5),
                milliseconds(0.99),
                asked.times_ms.len().to_string(),
                thousands(asked.size.round() as u64),
                note,
            ]);
        }
    }
    table
}

impl Answering for Connection {
    fn ask(&mut self, question: &Question, draw: &Draw) -> Result<(Duration, Reply)> {
        let path = (question.path)(draw);
        let start = Instant::now();
        let answer = self.get(&path)?;
        let time = start.elapsed();
        ensure!(
            answer.status == 200,
            "{path}: {} {}",
            answer.status,
            crate::bulk::beginning(answer.body)
        );
        let json: Value = serde_json::from_slice(answer.body)?;
        Ok((time, reply(question, &json).with_context(|| path)?))
    }
}

fn reply(question: &Question, json: &Value) -> Result<Reply> {
    let size = if question.is_number {
        json["total"]["value"].as_u64().context("an answer without a total")?
    } else {
        let rows = json["events"].as_array().or_else(|| json["entries"].as_array());
        rows.context("an answer without events")?.len() as u64
    };
    let alarms = json["alarms"].as_array().map_or(0, Vec::len);
    ensure!(alarms == 0, "the answer has alarms: {}", json["alarms"]);
    Ok(Reply { size, incomplete: !json["incomplete"].is_null() })
}

/// Of several statements the first has the answer's size.
fn of_first(
    question: &Question,
    draw: &Draw,
    dialect: Dialect,
    mut run: impl FnMut(&str) -> Result<(u64, Option<i64>)>,
) -> Result<(Duration, Reply)> {
    let statements = (question.sql)(dialect, draw);
    let start = Instant::now();
    let mut sizes = Vec::with_capacity(statements.len());
    for statement in &statements {
        sizes.push(run(statement).with_context(|| statement.clone())?);
    }
    let time = start.elapsed();
    let (rows, number) = *sizes.first().context("a question without SQL")?;
    let size = if question.is_number {
        number.and_then(|number| u64::try_from(number).ok()).context("no number")?
    } else {
        rows
    };
    Ok((time, Reply { size, incomplete: false }))
}

impl Answering for Sqlite {
    fn ask(&mut self, question: &Question, draw: &Draw) -> Result<(Duration, Reply)> {
        of_first(question, draw, Dialect::Sqlite, |statement| Sqlite::ask(self, statement))
    }
}

impl Answering for Wire {
    fn ask(&mut self, question: &Question, draw: &Draw) -> Result<(Duration, Reply)> {
        of_first(question, draw, Dialect::Postgres, |statement| {
            let rows = self.query(statement)?;
            Ok((rows.count, rows.number))
        })
    }
}

#[cfg(test)]
#[path = "asking_tests.rs"]
mod tests;
