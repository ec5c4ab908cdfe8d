//! `indelible tail`

use std::collections::HashMap;
use std::time::Duration;

use indelible_client::{Backoff, Client};
use serde_json::value::RawValue;

use super::Params;
use super::answers::{Event, Page};
use super::search::{Rows, tell_alarms};
use super::source::{Source, refused};
use crate::args::{Global, Tail};
use crate::failure::Failure;
use crate::out::Out;

const SEARCH: &str = "/api/audit/logs";
const STREAM: &str = "/api/audit/stream";
/// How often a directory is looked at.
const EVERY: Duration = Duration::from_millis(500);
/// Events a look, so that a page is as good as never too small for half a second.
const PAGE: &str = "500";
/// A stream is followed through restarts and upgrades of the node, so it is given up late.
const TRIES: u32 = 100;

pub fn run(global: &Global, out: &mut Out, args: &Tail) -> Result<(), Failure> {
    let source = args.at.source(global)?;
    let look = args.shape.look(out);
    let params = args.which.params()?;
    let mut tail = Tailing { rows: Rows::new(&look, false), seen: Seen::default(), out };
    match source {
        Source::Remote(client) if args.follow => tail.stream(&client, &params, args.lines),
        mut source => {
            tail.begin(&source, &params, args.lines)?;
            if !args.follow {
                return Ok(());
            }
            loop {
                pause();
                source = source.fresh(global)?;
                tail.catch_up(&source, &params)?;
            }
        }
    }
}

/// What was shown last of each trail. A place in it only ever rises.
#[derive(Default)]
struct Seen(HashMap<String, u64>);

impl Seen {
    /// Whether the event, or one after it in its trail, was seen.
    fn has(&self, event: &Event) -> bool {
        self.0.get(&event.trail).is_some_and(|seq| event.seq <= *seq)
    }

    /// Whether the event comes after all that was seen of its trail; it is seen then.
    fn is_new(&mut self, event: &Event) -> bool {
        let new = !self.has(event);
        if new {
            self.0.insert(event.trail.clone(), event.seq);
        }
        new
    }
}

struct Tailing<'a> {
    rows: Rows<'a>,
    seen: Seen,
    out: &'a mut Out,
}

impl Tailing<'_> {
    /// The newest so many.
    fn begin(&mut self, source: &Source, params: &Params, lines: u64) -> Result<(), Failure> {
        let mut params = params.clone();
        params.push(("page_size".into(), lines.max(1).to_string()));
        let page: Page = source.read(SEARCH, &params)?;
        tell_alarms(&page);
        let skipped = if lines == 0 { page.events.len() } else { 0 };
        self.show(page.events, skipped)
    }

    /// Shows those that are new of events that come newest first, but for the oldest `skipped`.
    fn show(&mut self, mut events: Vec<Box<RawValue>>, skipped: usize) -> Result<(), Failure> {
        events.reverse();
        let seen = &mut self.seen;
        events.retain(|raw| seen.is_new(&Event::of(raw)));
        events.drain(..skipped.min(events.len()));
        self.rows.print(self.out, &events)?;
        self.out.flush()
    }

    /// Everything since the last look: pages back to the first event that was seen before. Places in the
    /// log only rise, so everything behind that was seen too.
    fn catch_up(&mut self, source: &Source, params: &Params) -> Result<(), Failure> {
        let mut news = Vec::new();
        let mut cursor = None::<String>;
        loop {
            let mut params = params.clone();
            params.push(("page_size".into(), PAGE.into()));
            params.extend(cursor.take().map(|cursor| ("cursor".to_owned(), cursor)));
            let page: Page = source.read(SEARCH, &params)?;
            tell_alarms(&page);
            let met = page.events.iter().position(|raw| self.seen.has(&Event::of(raw)));
            news.extend(page.events.into_iter().take(met.unwrap_or(usize::MAX)));
            match page.next_cursor {
                Some(next) if met.is_none() => cursor = Some(next),
                _ => break,
            }
        }
        self.show(news, 0)
    }

    /// First connected, then the newest are asked for: so nothing falls in between, and what comes both
    /// ways is shown once.
    fn stream(&mut self, client: &Client, params: &Params, lines: u64) -> Result<(), Failure> {
        let backoff = Backoff { tries: TRIES, ..Backoff::default() };
        let stream = client.stream(STREAM, params, None, backoff);
        let stream = stream.map_err(|e| refused(e, params))?;
        self.begin(&Source::Remote(client.clone()), params, lines)?;
        for message in stream {
            let message = message.map_err(|e| refused(e, params))?;
            if message.event.is_none()
                && let Ok(event) = RawValue::from_string(message.data)
            {
                self.show(vec![event], 0)?;
            }
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a directory tells nobody that it changed")]
fn pause() {
    std::thread::sleep(EVERY);
}
