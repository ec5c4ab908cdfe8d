//! `indelible tail`

use indelible_connect::Event;
use std::collections::HashMap;
use std::time::Duration;

use indelible_client::{Backoff, Client};
use indelible_log::{Clock, SystemClock};
use serde_json::value::RawValue;

use super::Params;
use super::answers::{self, Page};
use super::search::{Rows, tell_alarms};
use super::source::{Source, refused};
use crate::args::{At, Global, Tail};
use crate::failure::Failure;
use crate::out::Out;
use crate::place::Grown;

const SEARCH: &str = "/api/audit/logs";
const STREAM: &str = "/api/audit/stream";
/// How often a directory is looked at.
const EVERY: Duration = Duration::from_millis(500);
/// For each moment of opening a directory that grew, so many of doing nothing: a fifth of one core at most.
const RESTS: u32 = 4;
/// How often in a row a directory may fail to be read.
const DIRECTORY_TRIES: u32 = 4;
/// A clock that was set does not put the next look off for longer.
const REST_MAX: Duration = Duration::from_secs(60);
/// Events a look, so that a page is as good as never too small for half a second.
const PAGE: &str = "500";
/// A stream is followed through restarts and upgrades of the node, so it is given up late.
const TRIES: u32 = 100;

pub fn run(global: &Global, out: &mut Out, args: &Tail) -> Result<(), Failure> {
    // Looked at before it is opened, so that nothing grows in between unseen.
    let grown = global.grown();
    let source = args.at.source(global)?;
    let look = args.shape.look(out);
    let params = args.which.params()?;
    let mut tail = Tailing { rows: Rows::new(&look, false), seen: Seen::default(), out };
    match source {
        Source::Remote(client) if args.follow => tail.stream(&client, &params, args.lines),
        source => {
            tail.begin(&source, &params, args.lines)?;
            drop(source);
            if args.follow { tail.follow(global, &args.at, &params, grown) } else { Ok(()) }
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
        events.retain(|raw| seen.is_new(&answers::event(raw)));
        events.drain(..skipped.min(events.len()));
        self.rows.print(self.out, &events)?;
        self.out.flush()
    }

    /// Opens the directory anew whenever its log grew. That takes as long as the part that is not sealed yet is
    /// large, so the longer it took, the longer the next look is put off.
    fn follow(
        &mut self,
        global: &Global,
        at: &At,
        params: &Params,
        mut grown: Option<Grown>,
    ) -> Result<(), Failure> {
        let (mut rest, mut failed) = (EVERY, 0);
        loop {
            pause(rest);
            rest = EVERY;
            let now = global.grown();
            if now.is_some() && now == grown {
                continue;
            }
            let started = SystemClock.now();
            let caught_up = at.source(global).and_then(|source| self.catch_up(&source, params));
            match caught_up {
                // A writer seals and deletes files between our opening and reading them.
                Err(Failure::Cannot { .. }) if failed < DIRECTORY_TRIES => {
                    failed += 1;
                    continue;
                }
                result => result?,
            }
            (grown, failed) = (now, 0);
            let took = SystemClock.now().0.saturating_sub(started.0);
            let took = Duration::from_micros(u64::try_from(took).unwrap_or(0));
            rest = rest.max(took.saturating_mul(RESTS).min(REST_MAX));
        }
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
            let met = page.events.iter().position(|raw| self.seen.has(&answers::event(raw)));
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
fn pause(time: Duration) {
    std::thread::sleep(time);
}
