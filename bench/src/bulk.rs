//! Many events into a node over HTTP, as NDJSON, from several connections.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::generator::Generator;
use crate::http::{Address, Connection, NDJSON};
use crate::node::{Node, Peak, SEALED};
use crate::table::thousands;

/// How long a sender that was told to come again waits.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How often it comes again with the same events, before that is a failure.
const AGAIN_MAX: usize = 600;

/// How the events are sent.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Which events.
    pub seed: u64,
    /// How many.
    pub events: usize,
    /// Connections that send at the same time.
    pub connections: usize,
    /// Events in a request.
    pub batch: usize,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// How many events.
    pub events: usize,
    /// Until the last was durable.
    pub durable: Duration,
    /// Until everything was sealed and indexed, where that could be seen.
    pub settled: Option<Duration>,
    /// How long making the events took of that, on the same cores.
    pub making: Duration,
    /// How often the node said that it had no room for a request now.
    pub put_off: usize,
    /// Processor time of the node's process, in seconds.
    pub cpu_seconds: Option<f64>,
    /// The node's memory meanwhile.
    pub peak: Option<Peak>,
}

/// The events still to be sent, and how far it is.
struct Source {
    generator: Generator,
    left: usize,
    making: Duration,
}

struct Progress {
    done: usize,
    put_off: usize,
    step: usize,
    since: Instant,
}

/// Sends all of it, waits until it is sealed and indexed, and prints the rate on the way.
pub fn load(node: &Node, how: &Load) -> Result<Loaded> {
    ensure!(how.events > 0 && how.batch > 0 && how.connections > 0, "nothing to send");
    let generator = Generator::new(how.seed);
    let source = Mutex::new(Source { generator, left: how.events, making: Duration::ZERO });
    let step = (how.events / 10).clamp(1, 1_000_000);
    let cpu_before = node.cpu_seconds()?;
    let watch = node.watch();
    let start = Instant::now();
    let progress = Mutex::new(Progress { done: 0, put_off: 0, step, since: start });
    std::thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = (0..how.connections)
            .map(|_| scope.spawn(|| send(&node.address, how.batch, &source, &progress)))
            .collect();
        // Every worker is waited for, then the first failure is told.
        let ends: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        ends.into_iter().try_for_each(|end| end.map_err(|_| anyhow!("a worker panicked"))?)
    })?;
    let durable = start.elapsed();
    let settled =
        node.settle(SEALED)?.map(|quiet| quiet.saturating_duration_since(start).max(durable));
    let cpu_seconds = node.cpu_seconds()?.zip(cpu_before).map(|(after, before)| after - before);
    let put_off = progress.into_inner().map_err(|_| anyhow!("a worker panicked"))?.put_off;
    let making = source.into_inner().map_err(|_| anyhow!("a worker panicked"))?.making;
    Ok(Loaded {
        events: how.events,
        durable,
        settled,
        making,
        put_off,
        cpu_seconds,
        peak: watch.end(),
    })
}

fn send(
    address: &Address,
    batch: usize,
    source: &Mutex<Source>,
    progress: &Mutex<Progress>,
) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let mut body = Vec::with_capacity(batch * 700);
    loop {
        let count = fill(source, batch, &mut body)?;
        if count == 0 {
            return Ok(());
        }
        let put_off = append(&mut connection, &body)?;
        let mut progress = progress.lock().map_err(|_| anyhow!("another worker panicked"))?;
        progress.put_off += put_off;
        progress.add(count);
    }
}

/// Sends lines of new events; anything but that all were kept as new is an error. Where the node has no
/// room now, it waits and comes again: how often, is the answer.
pub fn append(connection: &mut Connection, lines: &[u8]) -> Result<usize> {
    for put_off in 0..AGAIN_MAX {
        let answer = connection.post("/api/audit/logs", NDJSON, lines)?;
        match answer.status {
            201 => return Ok(put_off),
            // None was kept; ids would make it harmless if one had been.
            503 => std::thread::sleep(AGAIN_AFTER),
            other => bail!("not all events were new: {other} {}", beginning(answer.body)),
        }
    }
    bail!("the node has no room: put off {AGAIN_MAX} times")
}

fn fill(source: &Mutex<Source>, batch: usize, body: &mut Vec<u8>) -> Result<usize> {
    let mut source = source.lock().map_err(|_| anyhow!("another worker panicked"))?;
    let count = batch.min(source.left);
    let start = Instant::now();
    lines(&mut source.generator, count, body);
    source.making += start.elapsed();
    source.left -= count;
    Ok(count)
}

/// The next events, one a line, in place of what `body` had.
pub fn lines(generator: &mut Generator, count: usize, body: &mut Vec<u8>) {
    body.clear();
    for _ in 0..count {
        generator.write_event(body);
        body.push(b'\n');
    }
}

impl Progress {
    fn add(&mut self, count: usize) {
        let before = self.done / self.step;
        self.done += count;
        if self.done / self.step > before {
            // Of about one step; a batch may reach over its end.
            let rate = self.step as f64 / self.since.elapsed().as_secs_f64();
            println!(
                "  {:>12} events: {:>9}/s",
                thousands(self.done as u64),
                thousands(rate as u64)
            );
            self.since = Instant::now();
        }
    }
}

impl Loaded {
    /// What happened, a line each.
    pub fn text(&self) -> Result<String> {
        let rate = |time: Duration| thousands((self.events as f64 / time.as_secs_f64()) as u64);
        let mut lines = vec![format!(
            "{} events durable in {:.1} s: {}/s",
            thousands(self.events as u64),
            self.durable.as_secs_f64(),
            rate(self.durable)
        )];
        lines.push(match self.settled {
            Some(time) => format!(
                "until sealed and indexed (all but the active file): {:.1} s: {}/s",
                time.as_secs_f64(),
                rate(time)
            ),
            None => "sealing and indexing not waited for: give --pid and --data".to_owned(),
        });
        lines.push(format!(
            "of this, making the events took {:.1} s of one core",
            self.making.as_secs_f64()
        ));
        if self.put_off > 0 {
            lines.push(format!(
                "the node put requests off {} times",
                thousands(self.put_off as u64)
            ));
        }
        if let Some(cpu) = self.cpu_seconds {
            let micros = cpu * 1e6 / self.events as f64;
            lines.push(format!("the node took {cpu:.1} s of processor time: {micros:.1} µs/event"));
        }
        if let Some(peak) = self.peak {
            lines.push(format!("the node's memory while loading: {}", peak.text()));
        }
        Ok(lines.join("\n"))
    }
}

/// As much of an answer as an error message can hold.
pub fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(500)]).into_owned()
}

/// The JSON of an answer that must have gone well.
pub fn json(connection: &mut Connection, path: &str) -> Result<serde_json::Value> {
    let answer = connection.get(path)?;
    ensure!(answer.status == 200, "{path}: {} {}", answer.status, beginning(answer.body));
    serde_json::from_slice(answer.body).with_context(|| format!("{path} answers no JSON"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::http::tests::{serve, whole};

    #[test]
    fn every_event_is_sent_once() {
        let (seen, counter) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (lines_seen, counted) = (Arc::clone(&seen), Arc::clone(&counter));
        let address = serve(move |first, body| {
            assert_eq!(first, "POST /api/audit/logs HTTP/1.1");
            let text = std::str::from_utf8(body).expect("text");
            counted.fetch_add(1, Ordering::Relaxed);
            lines_seen.lock().expect("a lock").extend(text.lines().map(str::to_owned));
            whole(201, "{}")
        });
        let node = Node::running(address, None, None);
        let how = Load { seed: 5, events: 250, connections: 3, batch: 100 };
        let loaded = load(&node, &how).expect("it is sent");
        assert_eq!((loaded.events, loaded.settled), (250, None));
        assert_eq!(counter.load(Ordering::Relaxed), 3);
        let mut seen = seen.lock().expect("a lock").clone();
        let events = crate::generator::Events::generate(5, 250);
        let mut expected: Vec<String> =
            events.iter().map(|event| String::from_utf8_lossy(event).into_owned()).collect();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_node_without_room_is_asked_again() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let address = serve(move |_, _| match counter.fetch_add(1, Ordering::Relaxed) {
            0 => whole(503, "later"),
            _ => whole(201, "{}"),
        });
        let how = Load { seed: 5, events: 50, connections: 1, batch: 100 };
        let loaded = load(&Node::running(address, None, None), &how).expect("it is sent");
        assert_eq!((loaded.put_off, calls.load(Ordering::Relaxed)), (1, 2));
        assert!(loaded.text().expect("text").contains("put requests off 1 times"));
    }

    #[test]
    fn an_event_that_is_not_kept_stops_it() {
        let node = Node::running(serve(|_, _| whole(207, "mixed")), None, None);
        let how = Load { seed: 5, events: 250, connections: 2, batch: 100 };
        let error = load(&node, &how).expect_err("it is not kept");
        assert!(error.to_string().contains("207 mixed"), "{error:#}");
    }
}
