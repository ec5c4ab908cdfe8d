//! Believable audit events, the same for the same seed on every machine and for ever.
//!
//! Events are nested canonical JSON of 640 bytes on average: 20 trails, 60 actions, 50,000 actors and
//! 200,000 resources, all of them Zipf-distributed, from a few hundred sessions that overlap. Only
//! whole numbers are used, because floats may round differently on another machine.

use crate::random::{Random, Zipf, scramble};
use crate::vocabulary::{
    ACTIONS, Action, FIRST, LAST, SERVICES, STATES, Shape, TRAILS, USER_AGENTS, WORDS,
};

/// How many different actors there are.
pub const ACTORS: usize = 50_000;
/// How many different resources there are.
pub const RESOURCES: usize = 200_000;
/// How many sessions are going on at any moment.
const SESSIONS: usize = 256;
/// When the first event happened: 2026-01-05T08:00:00Z, in microseconds.
const EPOCH_US: u64 = 1_767_600_000_000_000;
/// The time from one event to the next is less than this, in microseconds.
const STEP_US: u64 = 8_000;

/// Many events in one piece of memory, in the order they happened.
#[derive(Debug, Default)]
pub struct Events {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Events {
    /// The first `count` events of a seed.
    pub fn generate(seed: u64, count: usize) -> Self {
        Generator::new(seed).take(count)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The size of all of them together, in bytes.
    pub fn total_size(&self) -> usize {
        self.bytes.len()
    }

    /// One event's JSON text.
    ///
    /// # Panics
    /// When there is no such event.
    pub fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// The events, one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// The events in groups of `group_size`; the last may be smaller.
    pub fn groups(
        &self,
        group_size: usize,
    ) -> impl Iterator<Item = impl ExactSizeIterator<Item = &[u8]>> {
        let group_size = group_size.max(1);
        (0..self.len()).step_by(group_size).map(move |start| {
            let end = (start + group_size).min(self.len());
            (start..end).map(|index| self.get(index))
        })
    }
}

/// Makes one event after the other.
#[derive(Debug)]
pub struct Generator {
    random: Random,
    trails: Zipf,
    actions: Zipf,
    actors: Zipf,
    resources: Zipf,
    sessions: Vec<Session>,
    now_us: u64,
    step_us: u64,
    clock: ClockText,
}

/// What a caller's events have in common for a while.
#[derive(Clone, Copy, Debug, Default)]
struct Session {
    trail: usize,
    actor: u64,
    ip: u32,
    user_agent: usize,
    service: usize,
    correlation: u64,
}

impl Generator {
    /// The same seed gives the same events, for ever.
    pub fn new(seed: u64) -> Self {
        Self::paced(seed, EPOCH_US, STEP_US)
    }

    /// The same events at other times: the first soon after `start_us`, each less than `step_us` after the
    /// one before, half of that on average.
    pub fn paced(seed: u64, start_us: u64, step_us: u64) -> Self {
        let mut generator = Self {
            random: Random::new(seed),
            trails: Zipf::new(TRAILS.len()),
            actions: Zipf::new(ACTIONS.len()),
            actors: Zipf::new(ACTORS),
            resources: Zipf::new(RESOURCES),
            sessions: vec![Session::default(); SESSIONS],
            now_us: start_us,
            step_us: step_us.max(1),
            clock: ClockText::default(),
        };
        for index in 0..SESSIONS {
            generator.sessions[index] = generator.new_session();
        }
        generator
    }

    /// When the last event happened, in microseconds since 1970.
    pub fn now_us(&self) -> u64 {
        self.now_us
    }

    /// The next `count` events.
    pub fn take(&mut self, count: usize) -> Events {
        let mut events =
            Events { bytes: Vec::with_capacity(count * 660), ends: Vec::with_capacity(count) };
        for _ in 0..count {
            self.write_event(&mut events.bytes);
            events.ends.push(events.bytes.len());
        }
        events
    }

    /// Appends the next event's JSON to `out`, without a line end.
    pub fn write_event(&mut self, out: &mut Vec<u8>) {
        let session = self.next_session();
        self.now_us += 1 + self.random.below(self.step_us);
        let (action, category, target, shape) = ACTIONS[self.actions.sample(&mut self.random)];
        let outcome = outcome(category, self.random.below(100));

        put(out, "{\"id\":\"");
        self.put_id(out);
        put(out, "\",\"trail\":\"");
        put(out, TRAILS[session.trail]);
        put(out, "\",\"occurred_at\":\"");
        self.clock.put(out, self.now_us);
        put(out, "\",\"action\":\"");
        put(out, action);
        put(out, "\",\"category\":\"");
        put(out, category);
        put(out, "\",\"outcome\":\"");
        put(out, outcome);
        put(out, "\",\"actor\":");
        put_actor(out, session.actor);
        self.put_targets(out, target);
        self.put_changes(out, (action, category, target, shape));
        self.put_details(out, shape);
        if outcome == "error" {
            put(
                out,
                ",\"error\":{\"code\":\"upstream_timeout\",\"message\":\"no answer within 5 s\"}",
            );
        }
        self.put_context(out, session);
        put(out, "}");
    }

    /// A session goes on for four events on average, between those of the others.
    fn next_session(&mut self) -> Session {
        let place = self.random.below(SESSIONS as u64) as usize;
        if self.random.below(4) == 0 {
            self.sessions[place] = self.new_session();
        }
        self.sessions[place]
    }

    fn new_session(&mut self) -> Session {
        let actor = self.actors.sample(&mut self.random) as u64;
        let nature = scramble(actor);
        // Most people work from where they always do; one in eight is on the road.
        let ip = if self.random.below(8) == 0 {
            self.random.next() as u32
        } else {
            (nature >> 32) as u32
        };
        Session {
            trail: self.trails.sample(&mut self.random),
            actor,
            ip,
            user_agent: (nature >> 8) as usize % USER_AGENTS.len(),
            service: self.random.below(SERVICES.len() as u64) as usize,
            correlation: self.random.next(),
        }
    }

    /// A UUID of version 7: the time in milliseconds, then random.
    fn put_id(&mut self, out: &mut Vec<u8>) {
        let (high, low) = (self.random.next(), self.random.next());
        let time_ms = self.now_us / 1_000;
        put_hex(out, time_ms >> 16, 8);
        out.push(b'-');
        put_hex(out, time_ms, 4);
        out.push(b'-');
        put_hex(out, 0x7000 | (high & 0x0fff), 4);
        out.push(b'-');
        put_hex(out, 0x8000 | (low >> 48 & 0x3fff), 4);
        out.push(b'-');
        put_hex(out, low, 12);
    }

    fn put_targets(&mut self, out: &mut Vec<u8>, target: &str) {
        let resource = self.resources.sample(&mut self.random) as u64;
        put(out, ",\"targets\":[{\"type\":\"");
        put(out, target);
        put(out, "\",\"id\":\"");
        put(out, &target[..3]);
        out.push(b'_');
        put_hex(out, scramble(resource ^ 0xbead), 10);
        // Every other thing has a name that people know it by.
        if resource.is_multiple_of(2) {
            put(out, "\"}]");
            return;
        }
        put(out, "\",\"name\":\"");
        put(out, WORDS[resource as usize % WORDS.len()]);
        out.push(b' ');
        put_decimal(out, resource);
        put(out, "\"}]");
    }

    fn put_changes(&mut self, out: &mut Vec<u8>, (_, _, _, shape): Action) {
        let members: &[&str] = match shape {
            Shape::Modify => &["before", "after"],
            Shape::Create => &["after"],
            Shape::Delete => &["before"],
            Shape::Access | Shape::Operation => return,
        };
        put(out, ",\"changes\":{");
        let owner = self.random.below(LAST.len() as u64) as usize;
        for (index, member) in members.iter().enumerate() {
            put(out, if index == 0 { "\"" } else { ",\"" });
            put(out, member);
            put(out, "\":{\"status\":\"");
            put(out, STATES[self.random.below(STATES.len() as u64) as usize]);
            put(out, "\",\"amount\":");
            put_decimal(out, self.random.below(2_000_000) / 100);
            out.push(b'.');
            put_padded(out, self.random.below(100), 2);
            put(out, ",\"owner\":\"");
            put(out, LAST[owner]);
            put(out, "\"}");
        }
        put(out, "}");
    }

    fn put_details(&mut self, out: &mut Vec<u8>, shape: Shape) {
        put(out, ",\"details\":{");
        match shape {
            Shape::Access => {
                put(out, "\"rows\":");
                put_decimal(out, self.random.below(5_000));
                put(out, ",\"query\":\"");
            }
            Shape::Operation => {
                put(out, "\"size_bytes\":");
                put_decimal(out, self.random.below(1 << 32));
                put(out, ",\"duration_ms\":");
                put_decimal(out, self.random.below(30_000));
                put(out, ",\"node\":\"node-");
                put_decimal(out, self.random.below(16));
                put(out, "\",\"checksum\":\"");
                put_hex(out, self.random.next(), 16);
                put(out, "\",\"note\":\"");
            }
            Shape::Modify | Shape::Create | Shape::Delete => put(out, "\"reason\":\""),
        }
        let words = self.random.below(4) + 1;
        for index in 0..words {
            if index > 0 {
                out.push(b' ');
            }
            put(out, WORDS[self.random.below(WORDS.len() as u64) as usize]);
        }
        if self.random.below(4) == 0 {
            put(out, "\",\"ticket\":\"OPS-");
            put_decimal(out, self.random.below(90_000));
        }
        put(out, "\"}");
    }

    fn put_context(&mut self, out: &mut Vec<u8>, session: Session) {
        put(out, ",\"context\":{\"ip\":\"");
        for (index, byte) in session.ip.to_be_bytes().into_iter().enumerate() {
            if index > 0 {
                out.push(b'.');
            }
            put_decimal(out, u64::from(byte));
        }
        put(out, "\",\"user_agent\":\"");
        put(out, USER_AGENTS[session.user_agent]);
        put(out, "\",\"request_id\":\"");
        put_hex(out, self.random.next(), 16);
        put(out, "\",\"correlation_id\":\"");
        put_hex(out, session.correlation, 16);
        put(out, "\",\"service\":\"");
        put(out, SERVICES[session.service]);
        put(out, "\"}");
    }
}

fn outcome(category: &str, dice: u64) -> &'static str {
    match (category, dice) {
        ("login_failed" | "api_request_error", _) | (_, 93..=95) => "failure",
        ("permission_denied", _) | (_, 96..=98) => "denied",
        (_, 99) => "error",
        _ => "success",
    }
}

fn put_actor(out: &mut Vec<u8>, actor: u64) {
    let nature = scramble(actor);
    if nature.is_multiple_of(10) {
        let kind = ["service", "system", "agent"][(nature >> 8) as usize % 3];
        put(out, "{\"type\":\"");
        put(out, kind);
        put(out, "\",\"id\":\"");
        put(out, SERVICES[(nature >> 16) as usize % SERVICES.len()]);
        out.push(b'-');
        put_decimal(out, actor);
        put(out, "\"}");
        return;
    }
    let (first, last) =
        (FIRST[(nature >> 16) as usize % FIRST.len()], LAST[(nature >> 24) as usize % LAST.len()]);
    put(out, "{\"type\":\"user\",\"id\":\"u_");
    put_hex(out, nature, 8);
    put(out, "\",\"name\":\"");
    put_capital(out, first);
    out.push(b' ');
    put_capital(out, last);
    put(out, "\",\"email\":\"");
    put(out, first);
    out.push(b'.');
    put(out, last);
    put_decimal(out, actor);
    put(out, "@example.com\"}");
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn put_capital(out: &mut Vec<u8>, word: &str) {
    let place = out.len();
    put(out, word);
    out[place].make_ascii_uppercase();
}

/// The lowest `digits` hexadecimal digits of a number.
fn put_hex(out: &mut Vec<u8>, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(number >> (place * 4) & 0xf) as usize]);
    }
}

fn put_decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let (mut rest, mut start) = (number, digits.len());
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// The lowest `width` decimal digits of a number, with zeros before it.
fn put_padded(out: &mut Vec<u8>, number: u64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    let mut rest = number;
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// Writes times; keeps the text of the second it is in, since hundreds of events share it.
#[derive(Debug, Default)]
struct ClockText {
    second: u64,
    text: Vec<u8>,
}

impl ClockText {
    fn put(&mut self, out: &mut Vec<u8>, time_us: u64) {
        let second = time_us / 1_000_000;
        if second != self.second || self.text.is_empty() {
            self.second = second;
            self.text.clear();
            let (year, month, day) = civil(second / 86_400);
            for (number, width, after) in [
                (year, 4, b'-'),
                (month, 2, b'-'),
                (day, 2, b'T'),
                (second / 3_600 % 24, 2, b':'),
                (second / 60 % 60, 2, b':'),
                (second % 60, 2, b'.'),
            ] {
                put_padded(&mut self.text, number, width);
                self.text.push(after);
            }
        }
        out.extend_from_slice(&self.text);
        put_padded(out, time_us % 1_000_000, 6);
        out.push(b'Z');
    }
}

/// Year, month and day of a count of days since 1970-01-01.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month as u64 + 1, days + 1)
}

#[cfg(test)]
#[path = "generator_tests.rs"]
mod tests;
