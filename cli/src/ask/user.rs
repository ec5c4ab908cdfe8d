//! `indelible user`

use indelible_client::path_segment;

use super::answers::{User as Answer, Valued};
use super::search::Rows;
use super::source::read;
use super::stats::{Unit, counted, print_buckets};
use crate::args::{Global, User};
use crate::failure::Failure;
use crate::look::{Paint, clean};
use crate::out::{Out, grouped};

pub fn run(global: &Global, out: &mut Out, args: &User) -> Result<(), Failure> {
    let source = args.at.source(global)?;
    let look = args.shape.look(out);
    let path = format!("/api/audit/users/{}", path_segment(&args.id));
    let answer = source.get(&path, &vec![("days".into(), args.days.to_string())])?;
    if !look.for_people {
        out.bytes(answer.trim_ascii_end())?;
        return out.line("");
    }
    let user: Answer = read(&answer)?;
    let failures = user.failures.as_ref().map_or(0, |count| count.value);
    out.line(format_args!(
        "{}: {} events in {} days, {} failed",
        look.paint(Paint::Strong, &clean(&user.user_id)),
        user.total,
        user.days,
        grouped(failures)
    ))?;
    if let (Some(first), Some(last)) = (&user.first_seen, &user.last_seen) {
        out.line(format_args!("first seen {}, last seen {}", look.time(first), look.time(last)))?;
    }
    let lists: [(&str, &[Valued]); 4] = [
        ("outcomes", &user.outcomes),
        ("actions", &user.actions),
        ("resources", &user.resources),
        ("addresses", &user.addresses),
    ];
    for (name, values) in lists.into_iter().filter(|(_, values)| !values.is_empty()) {
        out.line(format_args!("\n{}", look.paint(Paint::Strong, name)))?;
        counted(out, values.iter().map(|one| (one.value.as_str(), one.count)))?;
    }
    // The days before the first with anything on it say nothing.
    let quiet = user.by_day.iter().take_while(|day| day.count == 0).count();
    if quiet < user.by_day.len() {
        out.line(format_args!("\n{}", look.paint(Paint::Strong, "by day")))?;
        print_buckets(out, &look, &user.by_day[quiet..], Unit::Day)?;
    }
    if !user.recent.is_empty() {
        out.line(format_args!("\n{}", look.paint(Paint::Strong, "lately")))?;
        let rows = Rows::new(&look, false);
        user.recent.iter().try_for_each(|event| out.line(rows.row(event)))?;
    }
    Ok(())
}
