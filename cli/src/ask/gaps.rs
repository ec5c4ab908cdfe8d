//! `indelible report gaps`

use super::answers::{Gaps as Answer, Range, SourceOf};
use super::source::read;
use super::{report, tell_alarms, tell_incomplete};
use crate::args::{Gaps, Global};
use crate::failure::Failure;
use crate::look::{Look, Paint, clean};
use crate::out::{self, Out, Table, grouped};

const PATH: &str = "/api/audit/reports/gaps";
/// Ranges of missing numbers that are shown of a source; --json has more.
const RANGES_MAX: usize = 8;

pub fn run(global: &Global, out: &mut Out, args: &Gaps) -> Result<(), Failure> {
    let source = args.at.source(global)?;
    let look = args.shape.look(out);
    let params = report(args.trail.as_ref(), args.since.as_deref())?;
    let bytes = source.get(PATH, &params)?;
    let gaps: Answer = read(&bytes)?;
    if look.for_people {
        print(out, &look, &gaps)?;
    } else {
        out.bytes(bytes.trim_ascii_end())?;
        out.line("")?;
    }
    // What is said about it comes after it.
    out.flush()?;
    if look.for_people {
        tell_limits(&gaps);
    }
    tell_incomplete(gaps.incomplete.as_ref(), out.is_json());
    match tell_alarms(&gaps.alarms, out.is_json()) {
        true => Err(Failure::Told),
        false => Ok(()),
    }
}

fn print(out: &mut Out, look: &Look, gaps: &Answer) -> Result<(), Failure> {
    let total = &gaps.total;
    let unexplained = format!("{} unexplained", grouped(total.unexplained));
    let colour = if total.unexplained > 0 { Paint::Bad } else { Paint::Plain };
    out.line(format_args!(
        "{} sources, {} events received, {} missing, {}",
        look.paint(Paint::Strong, &grouped(total.sources)),
        grouped(total.received),
        grouped(total.missing),
        look.paint(colour, &unexplained),
    ))?;
    if !gaps.sources.is_empty() {
        out.line("")?;
        sources(look, &gaps.sources).print(out)?;
    }
    if !gaps.losses.is_empty() {
        out.line("")?;
        let mut table = Table::new(&["LOST", "CAUSE", "EVENT TYPE"], &[0]);
        for loss in &gaps.losses {
            let kind = if loss.event_type.is_empty() { "-" } else { &loss.event_type };
            table.row(vec![grouped(loss.count), clean(&loss.cause), clean(kind)]);
        }
        table.print(out)?;
    }
    Ok(())
}

fn sources(look: &Look, sources: &[SourceOf]) -> Table {
    let headings = [
        "SOURCE",
        "SERVICE",
        "FIRST SEEN",
        "LAST SEEN",
        "RECEIVED",
        "DOUBLE",
        "HIGHEST",
        "MISSING",
        "EXPLAINED",
        "UNEXPLAINED",
        "IN FLIGHT",
    ];
    let mut table = Table::new(&headings, &[4, 5, 6, 7, 8, 9, 10]);
    // Numbers too scattered to be counted are not known.
    let known = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), grouped);
    for source in sources {
        table.row(vec![
            clean(&source.id),
            clean(source.service.as_deref().unwrap_or("-")),
            look.time(&source.first_seen),
            look.time(&source.last_seen),
            grouped(source.received),
            grouped(source.doubles),
            grouped(source.highest),
            known(source.missing),
            known(source.explained),
            known(source.unexplained),
            known(source.in_flight),
        ]);
        if !source.ranges.is_empty() {
            table.below(missing(&source.ranges, source.more_ranges));
        }
    }
    table
}

fn missing(ranges: &[Range], more: u64) -> String {
    let range = |range: &Range| match range {
        Range { from, to } if from == to => from.to_string(),
        Range { from, to } => format!("{from}-{to}"),
    };
    let shown: Vec<String> = ranges.iter().take(RANGES_MAX).map(range).collect();
    let more = more.saturating_add(ranges.len().saturating_sub(RANGES_MAX) as u64);
    let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
    format!("missing {}{more}", shown.join(", "))
}

fn tell_limits(gaps: &Answer) {
    if !gaps.all_trails {
        out::note(format_args!(
            "this credential does not read all trails: what is missing may lie in others"
        ));
    }
    if gaps.more_sources > 0 {
        out::note(format_args!("{} more sources are not listed", grouped(gaps.more_sources)));
    }
    if gaps.unread_losses > 0 {
        let count = grouped(gaps.unread_losses);
        out::note(format_args!("{count} losses were told in a way that cannot be understood"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_named_as_far_as_they_fit() {
        let of =
            |n: u64| (0..n).map(|n| Range { from: n * 10, to: n * 10 + n % 2 }).collect::<Vec<_>>();
        assert_eq!(missing(&of(3), 0), "missing 0, 10-11, 20");
        assert_eq!(
            missing(&of(9), 1_000),
            "missing 0, 10-11, 20, 30-31, 40, 50-51, 60, 70-71 and 1,001 more"
        );
    }
}
