//! What is to be exported, and how.

use std::ops::RangeInclusive;

use indelible_event::{Micros, Part, TrailName};
use indelible_index::search::Order;

use crate::auth::Caller;
use crate::params::Params;
use crate::problem::Problem;
use crate::read::filter::Filter;
use crate::read::limits;
use crate::state::AppState;

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Ndjson,
    Ocsf,
    Cef,
    Cloudevents,
    Parquet,
    Bundle,
}

impl Format {
    const ALL: [Format; 7] = [
        Format::Csv,
        Format::Ndjson,
        Format::Ocsf,
        Format::Cef,
        Format::Cloudevents,
        Format::Parquet,
        Format::Bundle,
    ];

    /// As it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
            Format::Ocsf => "ocsf",
            Format::Cef => "cef",
            Format::Cloudevents => "cloudevents",
            Format::Parquet => "parquet",
            Format::Bundle => "bundle",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8",
            Format::Ndjson | Format::Ocsf | Format::Cloudevents => "application/x-ndjson",
            Format::Cef => "text/plain; charset=utf-8",
            Format::Parquet => "application/vnd.apache.parquet",
            Format::Bundle => "application/zip",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
            Format::Ocsf => "ocsf.ndjson",
            Format::Cef => "cef",
            Format::Cloudevents => "cloudevents.ndjson",
            Format::Parquet => "parquet",
            Format::Bundle => "evidence.zip",
        }
    }
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub format: Format,
    pub filter: Filter,
    pub order: Order,
    /// The part of one trail.
    pub seqs: Option<Seqs>,
    /// With the exact entries and their leaves.
    pub entries: bool,
    /// What a bundle withholds.
    pub redact: Vec<Part>,
    pub ticket: Option<String>,
}

/// Places of one trail, both ends included.
#[derive(Clone, Debug)]
pub(super) struct Seqs {
    pub trail: TrailName,
    pub range: RangeInclusive<u64>,
}

impl Ask {
    /// Takes it out of the parameters.
    pub fn take(params: &mut Params, state: &AppState, caller: &Caller) -> Result<Ask, Problem> {
        let form = "csv, ndjson, ocsf, cef, cloudevents, parquet or bundle";
        let named = |text: &str| Format::ALL.into_iter().find(|format| format.name() == text);
        let format = params.read("format", form, named)?;
        let format = format
            .ok_or_else(|| Problem::bad_parameter("format", format!("format must be {form}")))?;
        let filter = Filter::take(params, state, caller)?;
        let order = params.read("order", "asc or desc", |text| match text {
            "asc" => Some(Order::Oldest),
            "desc" => Some(Order::Newest),
            _ => None,
        })?;
        let entries = params.flag("entries")?.unwrap_or(false);
        if entries && format != Format::Parquet {
            return Err(Problem::bad_parameter("entries", "entries is for format=parquet"));
        }
        let form = "some of who, where and what, with commas";
        let redact = params.read("redact", form, parts)?.unwrap_or_default();
        if !redact.is_empty() && format != Format::Bundle {
            return Err(Problem::bad_parameter("redact", "redact is for format=bundle"));
        }
        let form = "8 to 64 of A-Z, a-z, 0-9, _ and -";
        let ticket = params.read("ticket", form, |text| is_ticket(text).then(|| text.into()))?;
        let seqs = seqs(params, &filter)?;
        let order = order.unwrap_or(Order::Oldest);
        Ok(Ask { format, filter, order, seqs, entries, redact, ticket })
    }

    /// How the order is asked for.
    pub fn order_name(&self) -> &'static str {
        match self.order {
            Order::Oldest => "asc",
            Order::Newest => "desc",
        }
    }

    /// What was searched for, the part of the trail with it.
    pub fn query(&self) -> String {
        let text = self.filter.query.text.clone();
        let Some(Seqs { range, .. }) = &self.seqs else { return text };
        let to = Some(range.end()).filter(|to| **to != u64::MAX).map(u64::to_string);
        format!("{text} [seq {}..{}]", range.start(), to.unwrap_or_default())
    }

    /// A file name that is new each second.
    pub fn file_name(&self, now: Micros) -> String {
        let time: String =
            now.to_string().chars().take(19).filter(|c| *c != '-' && *c != ':').collect();
        format!("indelible-{time}Z.{}", self.format.extension())
    }
}

fn seqs(params: &mut Params, filter: &Filter) -> Result<Option<Seqs>, Problem> {
    let from = params.number("from_seq", 0..=u64::MAX)?;
    let to = params.number("to_seq", 0..=u64::MAX)?;
    let name = if from.is_some() { "from_seq" } else { "to_seq" };
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let Some([trail]) = filter.trails.as_deref() else {
        let detail = format!("{name} is a place in a trail: name one with tenant_id");
        return Err(Problem::bad_parameter(name, detail));
    };
    let range = from.unwrap_or(0)..=to.unwrap_or(u64::MAX);
    if range.is_empty() {
        return Err(Problem::bad_parameter("to_seq", "to_seq lies before from_seq"));
    }
    Ok(Some(Seqs { trail: trail.clone(), range }))
}

/// Each part once, in their own order.
fn parts(text: &str) -> Option<Vec<Part>> {
    let named: Vec<Part> = text.split(',').map(Part::from_name).collect::<Option<_>>()?;
    Some(Part::ALL.into_iter().filter(|part| named.contains(part)).collect())
}

fn is_ticket(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    limits::TICKET_BYTES.contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_says_when_and_what() {
        let ask = |format| Ask {
            format,
            filter: Filter {
                query: indelible_index::query::parse("", Micros(0)).unwrap(),
                trails: None,
            },
            order: Order::Oldest,
            seqs: None,
            entries: false,
            redact: Vec::new(),
            ticket: None,
        };
        let now = Micros::parse("2026-01-31T10:00:01.500000Z").unwrap();
        assert_eq!(ask(Format::Csv).file_name(now), "indelible-20260131T100001Z.csv");
        assert_eq!(ask(Format::Bundle).file_name(now), "indelible-20260131T100001Z.evidence.zip");
    }

    #[test]
    fn parts_come_once_and_in_their_order() {
        assert_eq!(parts("what,who,what"), Some(vec![Part::Who, Part::What]));
        assert_eq!((parts(""), parts("who,"), parts("whom")), (None, None, None));
    }
}
