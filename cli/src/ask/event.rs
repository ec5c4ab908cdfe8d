//! `indelible show`

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Params;
use super::answers::{self, Change, Related, Shown};
use super::sentence::{paint, sentence};
use super::source::read;
use crate::args::{Global, Show};
use crate::failure::Failure;
use crate::look::{Look, Paint, clean, pad};
use crate::out::Out;

/// Columns of a field's name, at most: longer ones push their value to the right.
const NAME_WIDTH_MAX: usize = 32;
/// What is shown in its own way.
const APART: [&str; 4] = ["trail", "seq", "id", "changes"];

pub fn run(global: &Global, out: &mut Out, args: &Show) -> Result<(), Failure> {
    let source = args.at.source(global)?;
    let look = args.shape.look(out);
    let trail = args.trail.as_ref().map(|trail| ("trail".to_owned(), trail.to_string()));
    let params: Params = trail.into_iter().collect();
    let answer = source.get(&format!("/api/audit/logs/{}", args.id), &params)?;
    if !look.for_people {
        out.bytes(answer.trim_ascii_end())?;
        return out.line("");
    }
    let shown: Shown = read(&answer)?;
    let event = answers::event(&shown.event);
    let told = sentence(&event);
    out.line(look.paint(Paint::Strong, &look.paint(paint(&event), &told)))?;
    let (at, recorded) = (look.exact_time(event.at()), look.exact_time(&shown.receipt.recorded_at));
    out.line(format_args!("happened {at}, recorded {recorded}\n"))?;
    fields(out, &look, &shown.event)?;
    changes(out, &look, &shown.diff)?;
    related(out, &look, &shown.related)?;
    let receipt = &shown.receipt;
    let state = if shown.published {
        look.paint(Paint::Good, "published: a signed checkpoint covers it")
    } else {
        look.paint(Paint::Odd, "durable, not yet under a signed checkpoint")
    };
    out.line(format_args!(
        "\nreceipt   {} seq {}, id {}",
        clean(&receipt.trail),
        receipt.seq,
        args.id
    ))?;
    out.line(format_args!("leaf      {}", clean(&receipt.leaf)))?;
    out.line(format_args!("state     {state}"))
}

/// Every field of the event by its path, in the event's own order and with its own digits.
fn fields(out: &mut Out, look: &Look, event: &RawValue) -> Result<(), Failure> {
    let mut fields = Vec::new();
    if let Ok(Ordered(members)) = serde_json::from_str(event.get()) {
        for (name, value) in members.iter().filter(|(name, _)| !APART.contains(&name.as_str())) {
            flatten(&mut fields, name.clone(), value);
        }
    }
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let width = width.min(NAME_WIDTH_MAX);
    for (name, value) in &fields {
        let name = pad(&clean(name), width);
        out.line(format_args!("{}  {}", look.paint(Paint::Dim, &name), clean(value)))?;
    }
    Ok(())
}

fn flatten(fields: &mut Vec<(String, String)>, path: String, value: &RawValue) {
    let text = value.get();
    if let Ok(Ordered(members)) = serde_json::from_str(text) {
        for (name, value) in &members {
            flatten(fields, format!("{path}.{name}"), value);
        }
        return;
    }
    if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(text) {
        for (i, value) in elements.into_iter().enumerate() {
            flatten(fields, format!("{path}[{i}]"), value);
        }
        return;
    }
    fields.push((path, plain(value)));
}

/// A string without its quotes, everything else as it is written.
fn plain(value: &RawValue) -> String {
    serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

fn changes(out: &mut Out, look: &Look, diff: &[Change]) -> Result<(), Failure> {
    if diff.is_empty() {
        return Ok(());
    }
    out.line("\nchanged")?;
    for change in diff {
        let path = if change.path.is_empty() { "(all of it)" } else { &change.path };
        out.line(format_args!("  {} {}", clean(path), look.paint(Paint::Dim, &clean(&change.op))))?;
        for (value, sign, colour) in
            [(&change.before, '-', Paint::Bad), (&change.after, '+', Paint::Good)]
        {
            if let Some(value) = value {
                let line = format!("{sign} {}", clean(value.get()));
                out.line(format_args!("  {}", look.paint(colour, &line)))?;
            }
        }
    }
    Ok(())
}

fn related(out: &mut Out, look: &Look, related: &Related) -> Result<(), Failure> {
    let Related { intent, outcome, corrections } = related;
    let mut lines: Vec<(&str, &RawValue)> = Vec::new();
    lines.extend(intent.as_deref().map(|raw| ("intent", raw)));
    lines.extend(outcome.as_deref().map(|raw| ("outcome", raw)));
    lines.extend(corrections.iter().map(|raw| ("correction", &**raw)));
    if lines.is_empty() {
        return Ok(());
    }
    out.line("\nbelongs to")?;
    for (name, raw) in lines {
        let event = answers::event(raw);
        let (time, id) = (look.time(event.at()), clean(&event.id));
        out.line(format_args!("  {}  {time}  {id}  {}", pad(name, 10), sentence(&event)))?;
    }
    Ok(())
}

/// The members of an object in their order, values untouched.
struct Ordered(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Ordered;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Ordered(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_order_and_digits() {
        let raw = RawValue::from_string(
            r#"{"z":{"b":1,"a":12345678901234567890.10},"l":[{"x":"y"},null]}"#.to_owned(),
        )
        .unwrap();
        let mut fields = Vec::new();
        flatten(&mut fields, "e".into(), &raw);
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            fields,
            [
                ("e.z.b", "1"),
                ("e.z.a", "12345678901234567890.10"),
                ("e.l[0].x", "y"),
                ("e.l[1]", "null")
            ]
        );
    }
}
