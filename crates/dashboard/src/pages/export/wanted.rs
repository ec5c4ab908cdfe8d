//! What is to be exported: the search's own parameters, as one query.

use crate::by::By;
use crate::href::{self, Params};

/// The search that is exported.
pub struct Wanted {
    /// The query as it was typed.
    pub q: String,
    /// The time, as the query language writes one.
    t: String,
    /// By which time.
    by: By,
    /// Whether what the audit system itself did is among it.
    pub system: bool,
}

impl Wanted {
    pub fn of(params: &Params) -> Wanted {
        let given = |name| params.get(name).unwrap_or_default().trim().to_owned();
        let by = By::read(params.get("by"), By::Recorded);
        // As the search does: who names that trail wants it.
        let system = params.get("system") == Some("1") || given("q").contains("_system");
        Wanted { q: given("q"), t: given("t"), by, system }
    }

    /// The same, as the parameters of the search's page.
    pub fn params(&self) -> Params {
        let params = Params::new().with("q", &*self.q).with("t", &*self.t);
        let params = params.with("by", self.by.unless(By::Recorded));
        if self.system { params.with("system", "1") } else { params }
    }

    /// One query for both.
    pub fn query(&self) -> String {
        let mut more = Vec::new();
        if !self.t.is_empty() {
            more.push(format!("{}:{}", self.by.key(), self.t));
        }
        if !self.system {
            more.push(href::WITHOUT_SYSTEM.to_owned());
        }
        let more = more.join(" ");
        // A written AND: side by side, the same key twice would mean either.
        match (&*self.q, more.is_empty()) {
            (q, true) => q.to_owned(),
            ("", _) => more,
            (q, _) => format!("({q}) AND {more}"),
        }
    }

    /// The parameters of counting.
    pub fn counting(&self) -> Params {
        Params::new().with("q", self.query()).with("facets", "outcome").with("top", "0")
    }

    /// The parameters of the export.
    pub fn asking(&self, format: &str) -> Params {
        Params::new().with("format", format).with("q", self.query())
    }

    /// The line for a shell, with the query in quotes.
    pub fn shell(&self, format: &str, extension: &str) -> String {
        let query = self.query();
        let query = match &*query {
            "" => String::new(),
            query => format!(" -- '{}'", query.replace('\'', "'\\''")),
        };
        format!("indelible export --format {format} --out events.{extension}{query}")
    }

    /// The time, for people.
    pub fn time_in_words(&self) -> String {
        let how = if self.by == By::Happened { "happened" } else { "recorded" };
        let t = &*self.t;
        if t.is_empty() {
            return "all of it".to_owned();
        }
        if let Some((from, to)) = t.split_once("..") {
            return match (from, to) {
                ("", to) => format!("{how} until {to}"),
                (from, "") => format!("{how} since {from}"),
                (from, to) => format!("{how} from {from} to {to}"),
            };
        }
        for (sign, word) in [(">=", "since"), ("<=", "until"), (">", "after"), ("<", "before")] {
            if let Some(at) = t.strip_prefix(sign) {
                return format!("{how} {word} {at}");
            }
        }
        let Some((count, unit)) = t.strip_prefix('-').and_then(|t| t.split_at_checked(t.len() - 1))
        else {
            return format!("{how} on {t}");
        };
        let unit = match unit {
            "w" => "weeks",
            "d" => "days",
            "h" => "hours",
            "m" => "minutes",
            "s" => "seconds",
            _ => return format!("{how} since {t}"),
        };
        format!("{how} in the last {count} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Wanted {
        Wanted::of(&Params::parse(query))
    }

    #[test]
    fn query_and_time_are_one_query() {
        for (asked, query) in [
            ("", "-trail:_system"),
            ("system=1", ""),
            ("q=trail:_system", "trail:_system"),
            ("q=a+OR+b&system=1", "a OR b"),
            ("q=a+OR+b", "(a OR b) AND -trail:_system"),
            ("t=-24h&system=1", "created:-24h"),
            ("q=a+OR+b&t=-24h", "(a OR b) AND created:-24h -trail:_system"),
            (
                "q=created:2026&t=2026-01-01..2026-01-31&by=happened&system=1",
                "(created:2026) AND occurred:2026-01-01..2026-01-31",
            ),
        ] {
            assert_eq!(wanted(asked).query(), query, "{asked}");
        }
    }

    #[test]
    fn a_time_is_said() {
        for (t, said) in [
            ("", "all of it"),
            ("-24h", "recorded in the last 24 hours"),
            ("2026-01-01..2026-01-31", "recorded from 2026-01-01 to 2026-01-31"),
            ("..2026", "recorded until 2026"),
            (">=2026-01-01", "recorded since 2026-01-01"),
            ("2026-01", "recorded on 2026-01"),
            ("-é", "recorded on -é"),
        ] {
            let params = Params::new().with("t", t);
            assert_eq!(Wanted::of(&params).time_in_words(), said);
        }
    }

    #[test]
    fn nothing_in_a_query_leaves_its_quotes_in_a_shell() {
        let line = wanted("q=-name:%22a'b%22;rm&system=1").shell("csv", "csv");
        let query = r#"'-name:"a'\''b";rm'"#;
        assert_eq!(line, format!("indelible export --format csv --out events.csv -- {query}"));
    }
}
