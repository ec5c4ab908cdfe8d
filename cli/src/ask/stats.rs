//! `indelible stats`

use super::answers::{Bucket, Facet, Stats as Answer};
use super::source::read;
use super::tell_incomplete;
use crate::args::{Global, Stats};
use crate::failure::Failure;
use crate::look::{Look, Paint, bar, clean, cut, pad, spark};
use crate::out::{Out, grouped};

const PATH: &str = "/api/audit/stats";
/// Columns of a bar.
const BAR: usize = 24;
/// Columns of a value, at most.
const VALUE_WIDTH_MAX: usize = 40;
/// Columns of a count.
const COUNT_WIDTH: usize = 10;
/// Buckets that have a line each; more are one line of blocks.
const BUCKETS_MAX: usize = 48;
/// The facets in the order in which they are read.
const ORDER: [&str; 8] =
    ["outcome", "category", "action", "actor", "resource_type", "resource", "ip", "service"];

pub fn run(global: &Global, out: &mut Out, args: &Stats) -> Result<(), Failure> {
    let source = args.at.source(global)?;
    let look = args.shape.look(out);
    let mut params = args.which.params()?;
    if !args.facets.is_empty() {
        params.push(("facets".into(), args.facets.join(",")));
    }
    params.push(("top".into(), args.top.to_string()));
    params.push(("interval".into(), args.interval.clone()));
    let answer = source.get(PATH, &params)?;
    if !look.for_people {
        out.bytes(answer.trim_ascii_end())?;
        return out.line("");
    }
    let stats: Answer = read(&answer)?;
    let failures = stats.failures.as_ref().map_or(0, |count| count.value);
    let denied = stats.denied.as_ref().map_or(0, |count| count.value);
    out.line(format_args!(
        "{} events, {}, {}",
        look.paint(Paint::Strong, &stats.total.to_string()),
        tally(&look, failures, "failed"),
        tally(&look, denied, "denied"),
    ))?;
    let mut facets: Vec<_> = stats.facets.iter().collect();
    facets.sort_by_key(|(name, _)| {
        ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len())
    });
    for (name, facet) in facets {
        print_facet(out, &look, name, facet)?;
    }
    if let Some(histogram) = &stats.histogram {
        out.line(format_args!("\n{}", look.paint(Paint::Strong, &clean(&histogram.time))))?;
        print_buckets(out, &look, &histogram.buckets, Unit::Time)?;
    }
    out.flush()?;
    tell_incomplete(stats.incomplete.as_ref(), false);
    Ok(())
}

fn tally(look: &Look, count: u64, what: &str) -> String {
    let text = format!("{} {what}", grouped(count));
    look.paint(if count > 0 { Paint::Bad } else { Paint::Plain }, &text)
}

fn print_facet(out: &mut Out, look: &Look, name: &str, facet: &Facet) -> Result<(), Failure> {
    if facet.values.is_empty() {
        return Ok(());
    }
    let about = if facet.exact { "" } else { "  (at least)" };
    out.line(format_args!("\n{}{about}", look.paint(Paint::Strong, &name.replace('_', " "))))?;
    counted(out, facet.values.iter().map(|one| (one.value.as_str(), one.count)))?;
    for (count, what) in [(facet.other, "others"), (facet.missing, "without one")] {
        if count > 0 {
            let line = format!("{:>COUNT_WIDTH$}  {what}", grouped(count));
            out.line(look.paint(Paint::Dim, &line))?;
        }
    }
    Ok(())
}

/// Values with their counts and bars.
pub fn counted<'a>(
    out: &mut Out,
    values: impl Iterator<Item = (&'a str, u64)> + Clone,
) -> Result<(), Failure> {
    let max = values.clone().map(|(_, count)| count).max().unwrap_or(0);
    let clean = |value: &str| cut(&clean(value), VALUE_WIDTH_MAX);
    let width = values.clone().map(|(value, _)| clean(value).chars().count()).max().unwrap_or(0);
    for (value, count) in values {
        let line = format!(
            "{:>COUNT_WIDTH$}  {}  {}",
            grouped(count),
            pad(&clean(value), width),
            bar(count, max, BAR)
        );
        out.line(line.trim_end())?;
    }
    Ok(())
}

/// What the buckets of a histogram are.
#[derive(Clone, Copy)]
pub enum Unit {
    /// Days of the calendar.
    Day,
    /// Spans of time.
    Time,
}

/// Counts over time: a line each, or one line of blocks where they are many.
pub fn print_buckets(
    out: &mut Out,
    look: &Look,
    buckets: &[Bucket],
    unit: Unit,
) -> Result<(), Failure> {
    let start = |bucket: &Bucket| match unit {
        // Days are counted in UTC, and are no moments of the local zone.
        Unit::Day => clean(bucket.start.split('T').next().unwrap_or_default()),
        Unit::Time => look.time(&bucket.start),
    };
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else { return Ok(()) };
    if buckets.len() > BUCKETS_MAX {
        let counts: Vec<u64> = buckets.iter().map(|bucket| bucket.count).collect();
        let line = spark(&counts);
        out.line(look.fit(&line, 0))?;
        return out.line(format_args!("{} to {}", start(first), start(last)));
    }
    let max = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(0);
    for bucket in buckets {
        let bad: u64 = ["failure", "error", "denied"]
            .iter()
            .filter_map(|outcome| bucket.outcomes.get(*outcome))
            .sum();
        let bad = if bad > 0 {
            look.paint(Paint::Bad, &format!(" {} bad", grouped(bad)))
        } else {
            String::new()
        };
        let bar = bar(bucket.count, max, BAR);
        let line =
            format!("{:>COUNT_WIDTH$}  {}  {bar}{bad}", grouped(bucket.count), start(bucket));
        out.line(line.trim_end())?;
    }
    Ok(())
}
