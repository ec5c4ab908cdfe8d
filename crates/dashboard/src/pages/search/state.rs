//! What a search asks for: all of it is in the address.

use indelible_event::Micros;

use super::api::{Clause, Parsed};
use crate::by::By;
use crate::href::{self, Params};
use crate::limits;

/// A search, as its address says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The query.
    pub q: String,
    /// The time, as the query language writes it; empty for all.
    pub t: String,
    /// By which time.
    pub by: By,
    /// Whether the oldest come first.
    pub oldest: bool,
    /// Events on a page.
    pub page_size: u64,
    /// Whether what the audit system itself did is among them, for those who may read it.
    pub system: bool,
}

impl State {
    /// Out of the parameters of an address; what cannot be is as if it were not there.
    pub fn of(params: &Params) -> State {
        let get = |name| params.get(name).unwrap_or_default();
        let size = get("page_size").parse().unwrap_or(limits::PAGE_SIZE);
        State {
            q: get("q").trim().to_owned(),
            t: get("t").trim().to_owned(),
            by: By::read(params.get("by"), By::Recorded),
            oldest: get("order") == "asc",
            page_size: size.clamp(1, limits::PAGE_SIZE_MAX),
            system: get("system") == "1",
        }
    }

    /// The parameters of its address: what is as it always is stays away.
    pub fn params(&self) -> Params {
        let when = |is: bool, value: &str| if is { value.to_owned() } else { String::new() };
        Params::new()
            .with("q", self.q.as_str())
            .with("t", self.t.as_str())
            .with("by", self.by.unless(By::Recorded))
            .with("order", when(self.oldest, "asc"))
            .with(
                "page_size",
                when(self.page_size != limits::PAGE_SIZE, &self.page_size.to_string()),
            )
            .with("system", when(self.system, "1"))
    }

    /// Its address.
    pub fn address(&self) -> String {
        self.params().to("/")
    }

    /// With this query in place of its own.
    pub fn with_q(&self, q: impl Into<String>) -> State {
        State { q: q.into(), ..self.clone() }
    }

    /// With this time in place of its own.
    pub fn with_t(&self, t: impl Into<String>) -> State {
        State { t: t.into(), ..self.clone() }
    }
}

/// A search, understood: what the API is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// As the address says it.
    pub state: State,
    /// The clauses of its query.
    pub parsed: Parsed,
    /// The clause that its time is.
    pub time: Option<Clause>,
    /// Whether what the audit system itself did is left out, although it may be read.
    pub hides_system: bool,
}

impl Asked {
    /// The whole query, as the API takes it.
    pub fn query(&self) -> String {
        let (state, mut more) = (&self.state, Vec::new());
        if !state.t.is_empty() {
            more.push(format!("{}:{}", state.by.key(), state.t));
        }
        if self.hides_system {
            more.push(href::WITHOUT_SYSTEM.to_owned());
        }
        let more = more.join(" ");
        // Beside a clause about the same time it would mean either.
        let key = Some(state.by.key());
        let beside = |clause: &Clause| clause.group == 0 && clause.key.as_deref() != key;
        let plain = !self.parsed.any && self.parsed.clauses.iter().all(beside);
        match (state.q.is_empty(), more.is_empty()) {
            (true, _) => more,
            (_, true) => state.q.clone(),
            _ if plain => format!("{} {more}", state.q),
            _ => format!("({}) AND {more}", state.q),
        }
    }

    /// The parameters of a search.
    pub fn params(&self) -> Params {
        let state = &self.state;
        let params = Params::new().with("q", self.query());
        let params = match state.by {
            By::Happened => params.with("sort", state.by.field()),
            By::Recorded => params,
        };
        if state.oldest { params.with("order", "asc") } else { params }
    }

    /// The bounds of its time, as far as it has some: its own, and those of its query.
    pub fn bounds(&self) -> (Option<Micros>, Option<Micros>) {
        let read = |text: &Option<String>| text.as_deref().and_then(|at| Micros::parse(at).ok());
        let about = |clause: &&Clause| {
            !clause.negated && clause.key.as_deref() == Some(self.state.by.key())
        };
        let inner: Vec<&Clause> = self.parsed.clauses.iter().filter(about).collect();
        // Several of the same key may mean either of them.
        let inner = if inner.len() == 1 { inner } else { Vec::new() };
        let all = || inner.iter().copied().chain(&self.time);
        let from = all().filter_map(|clause| read(&clause.from)).max();
        let to = all().filter_map(|clause| read(&clause.to)).min();
        (from, to)
    }
}

/// Whether a text can be nothing but one time of the query language.
pub fn is_time(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".:+-<>=".contains(&b);
    text.len() <= limits::TIME_BYTES_MAX && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(text: &str, key: Option<&str>, group: usize) -> Clause {
        Clause { text: text.into(), key: key.map(Into::into), group, ..Clause::default() }
    }

    fn asked(address: &str, clauses: Vec<Clause>, any: bool) -> Asked {
        let parsed = Parsed { ok: true, any, clauses, error: None };
        let state = State::of(&Params::parse(address));
        Asked { state, parsed, time: None, hides_system: false }
    }

    #[test]
    fn an_address_comes_back_as_it_was() {
        for address in [
            "",
            "q=actor%3Amaria&t=-24h&by=happened&order=asc&page_size=100&system=1",
            "q=a%26b%3D%22%C3%A9%22",
        ] {
            assert_eq!(State::of(&Params::parse(address)).params(), Params::parse(address));
        }
        let odd = State::of(&Params::parse("page_size=0&order=x&by=y&cursor=z&t="));
        assert_eq!(odd.params(), Params::parse("page_size=1"));
        assert_eq!(State::of(&Params::parse("page_size=99999")).page_size, limits::PAGE_SIZE_MAX);
    }

    #[test]
    fn the_time_stands_beside_the_query() {
        let actor = || vec![clause("actor:maria", Some("actor"), 0)];
        assert_eq!(asked("q=actor:maria", actor(), false).query(), "actor:maria");
        assert_eq!(asked("q=actor:maria&t=-1h", actor(), false).query(), "actor:maria created:-1h");
        assert_eq!(asked("t=-1h&by=happened", vec![], false).query(), "occurred:-1h");
        assert_eq!(asked("q=a+OR+b&t=-1h", vec![], true).query(), "(a OR b) AND created:-1h");
        let own = vec![clause("created:2026", Some("created"), 0)];
        let both = asked("q=created:2026&t=-1h", own, false);
        assert_eq!(both.query(), "(created:2026) AND created:-1h");
        let and = vec![clause("a", None, 0), clause("b", None, 1)];
        let mut and = asked("q=a+AND+b", and, false);
        and.hides_system = true;
        assert_eq!(and.query(), "(a AND b) AND -trail:_system");
    }

    #[test]
    fn only_a_time_is_one() {
        for good in ["", "-24h", "2026-01-01..2026-01-31", ">=2026-01-01T10:00:00+02:00", "today"] {
            assert!(is_time(good), "{good}");
        }
        for bad in ["-1h OR a", "a,b", "(x)", "\"x\"", "/x/", "*", "é", "-1h\n", "\\"] {
            assert!(!is_time(bad), "{bad}");
        }
    }
}
