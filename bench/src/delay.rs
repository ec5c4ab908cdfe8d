//! How long after it was sent an event is found by a search, alone and under load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use crate::bulk;
use crate::generator::{Events, Generator};
use crate::http::{Address, Connection, JSON};
use crate::measure::quantile;
use crate::peers::row::Row;
use crate::questions::path;
use crate::table::{Table, thousands};

/// An event that is not found after so long is lost to search.
const FOUND_SECONDS_MAX: u64 = 60;
/// How the load is cut: events in a request, and the time between two requests at 5,000 a second.
const LOAD_BATCH: usize = 50;
/// See [`LOAD_BATCH`].
const LOAD_EVERY: Duration = Duration::from_millis(10);
/// Other events than those that were loaded before.
const PROBE_SEED: u64 = 0x0de1_a700;
/// And others than those.
const LOAD_SEED: u64 = 0x10ad_0000;

/// The delays of many events, in milliseconds, sorted.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    /// From sending the event until a search found it.
    pub from_sending: Vec<f64>,
    /// From its receipt until then; no less than one search takes.
    pub from_receipt: Vec<f64>,
}

/// Measures `count` events in peace, then as many under load; `round` makes the events new each time.
pub fn measure(address: &Address, count: usize, round: u64) -> Result<Table> {
    let heading =
        ["searchable after", "events", "sent: p50 ms", "p99 ms", "receipt: p50 ms", "p99 ms"];
    let mut table = Table::new(&heading);
    let mut connection = Connection::open(address)?;
    let idle = probe(&mut connection, count, PROBE_SEED ^ round)?;
    row(&mut table, "idle", &idle);
    let stop = AtomicBool::new(false);
    let (busy, rate) = std::thread::scope(|scope| -> Result<(Delays, f64)> {
        let load = scope.spawn(|| press(address, LOAD_SEED ^ round, &stop));
        let busy = probe(&mut connection, count, PROBE_SEED ^ !round);
        stop.store(true, Ordering::Relaxed);
        let rate = load.join().map_err(|_| anyhow!("the load panicked"))??;
        Ok((busy?, rate))
    })?;
    row(&mut table, &format!("under {} events/s", thousands(rate as u64)), &busy);
    Ok(table)
}

fn row(table: &mut Table, name: &str, delays: &Delays) {
    let mut cells = vec![name.to_owned(), delays.from_sending.len().to_string()];
    for times in [&delays.from_sending, &delays.from_receipt] {
        cells.extend([0.5, 0.99].map(|part| format!("{:.2}", quantile(times, part))));
    }
    table.row(&cells);
}

fn probe(connection: &mut Connection, count: usize, seed: u64) -> Result<Delays> {
    let mut delays = Delays::default();
    for event in Events::generate(seed, count).iter() {
        let row = Row::parse(event)?;
        // Of all its values only this one and its id are no other event's.
        let request = row.values[12].context("an event without a request id")?;
        let asked = path("/api/audit/logs", &[("request_id", request), ("page_size", "1")]);
        let sent = Instant::now();
        let answer = connection.post("/api/audit/logs", JSON, event)?;
        ensure!(
            answer.status == 201,
            "not new: {} {}",
            answer.status,
            bulk::beginning(answer.body)
        );
        let kept = Instant::now();
        while !is_found(&bulk::json(connection, &asked)?) {
            ensure!(
                kept.elapsed().as_secs() < FOUND_SECONDS_MAX,
                "{asked} found nothing for {FOUND_SECONDS_MAX} s"
            );
        }
        delays.from_sending.push(sent.elapsed().as_secs_f64() * 1e3);
        delays.from_receipt.push(kept.elapsed().as_secs_f64() * 1e3);
    }
    delays.from_sending.sort_by(f64::total_cmp);
    delays.from_receipt.sort_by(f64::total_cmp);
    Ok(delays)
}

fn is_found(answer: &Value) -> bool {
    answer["events"].as_array().is_some_and(|events| !events.is_empty())
}

/// Sends events at a steady rate until told to stop, and says at which rate it came to be.
fn press(address: &Address, seed: u64, stop: &AtomicBool) -> Result<f64> {
    let mut connection = Connection::open(address)?;
    let (mut generator, mut body) = (Generator::new(seed), Vec::new());
    let (start, mut sent) = (Instant::now(), 0_u32);
    while !stop.load(Ordering::Relaxed) {
        bulk::lines(&mut generator, LOAD_BATCH, &mut body);
        bulk::append(&mut connection, &body)?;
        sent += 1;
        std::thread::sleep((LOAD_EVERY * sent).saturating_sub(start.elapsed()));
    }
    Ok(f64::from(sent) * LOAD_BATCH as f64 / start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::http::tests::{serve, whole};

    #[test]
    fn an_event_is_asked_for_until_it_is_found() {
        // Each is found at the third search after it was sent.
        let searches = Arc::new(Mutex::new(0));
        let address = serve(move |first, body| {
            if first.starts_with("POST") {
                // What the load sends is not asked for.
                if body.iter().filter(|&&byte| byte == b'\n').count() == 0 {
                    *searches.lock().expect("a lock") = 0;
                }
                return whole(201, "{}");
            }
            let mut searches = searches.lock().expect("a lock");
            *searches += 1;
            whole(200, if *searches < 3 { r#"{"events":[]}"# } else { r#"{"events":[{}]}"# })
        });
        let text = measure(&address, 4, 0).expect("they are found").render();
        assert!(text.contains("idle") && text.contains("under "), "{text}");
    }
}
