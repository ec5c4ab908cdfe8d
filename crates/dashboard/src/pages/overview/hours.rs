//! At which hours of which weekdays things happen.

use maud::{Markup, html};

use super::Asked;
use super::counts::Counts;
use super::period::WEEKDAYS;
use super::zone::Zone;
use crate::chart::heat;
use crate::parts;
use crate::visit::{Problem, Visit};

/// The buckets whose beginnings are all hours of the zone, and how many weeks of them the API counts at once.
fn interval(zone: Zone) -> (&'static str, i64) {
    match zone.past_hour() {
        0 => ("1h", 11),
        30 => ("30m", 5),
        _ => ("15m", 2),
    }
}

/// A heat map over whole weeks, so that no weekday counts more often than another.
pub async fn hours(visit: &Visit, asked: &Asked) -> Result<Markup, Problem> {
    let (interval, weeks_max) = interval(asked.zone);
    let weeks = (asked.period.days() / 7).clamp(1, weeks_max);
    let asking = asked.counting(&format!("-{}d", weeks * 7));
    let asking = asking.with("facets", "outcome").with("interval", interval);
    let asking = asking.with("time", asked.by.field());
    let counts = Counts::ask(visit, &asking).await?;
    let title = match weeks {
        1 => "Hours of the last 7 days".to_owned(),
        _ => format!("Hours of the last {weeks} weeks"),
    };
    Ok(html! {
        section.panel {
            (parts::notices(counts.incomplete.as_ref(), &counts.alarms))
            (week(&title, &counts, asked.zone))
            p.quiet.zone { (asked.zone_note()) }
        }
    })
}

/// Counts by weekday and hour.
pub fn week(title: &str, counts: &Counts, zone: Zone) -> Markup {
    let mut rows: Vec<(String, Vec<u64>)> =
        WEEKDAYS.iter().map(|name| ((*name).to_owned(), vec![0; 24])).collect();
    for (start, bucket) in counts.buckets() {
        let (weekday, hour) = zone.weekday_hour(start);
        let cell = rows.get_mut(weekday).and_then(|(_, hours)| hours.get_mut(hour));
        if let Some(cell) = cell {
            *cell = cell.saturating_add(bucket.count);
        }
    }
    let columns: Vec<String> = (0..24).map(|hour| format!("{hour:02}")).collect();
    heat("hours-of-week", title, &columns, &rows)
}
