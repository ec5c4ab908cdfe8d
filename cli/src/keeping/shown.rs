//! Answers as people read them: tables of what a list holds, and lines of what one thing says of itself.

use serde_json::Value;

use crate::failure::Failure;
use crate::look::{Look, clean, size};
use crate::out::{Out, Table, grouped};

/// Where a value is in an answer (a JSON Pointer), what it is called, and how it is shown.
pub struct Fact(pub &'static str, pub &'static str, pub As);

/// How a value is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// As it is.
    Text,
    /// In the zone, to the second.
    Time,
    /// With its thousands set apart.
    Count,
    /// In the unit that fits.
    Bytes,
    /// `yes`, or nothing.
    Flag,
    /// A number of days, or nothing if it is none.
    Days,
}

/// A table with a row for each item; columns that are empty everywhere are left out.
pub fn table(out: &mut Out, look: &Look, items: &[Value], columns: &[Fact]) -> Result<(), Failure> {
    let full = |fact: &&Fact| items.iter().any(|item| shown(look, item, fact).is_some());
    let columns: Vec<&Fact> = columns.iter().filter(full).collect();
    let headings: Vec<&str> = columns.iter().map(|Fact(_, name, _)| *name).collect();
    let right = columns.iter().enumerate();
    let right = right.filter(|(_, Fact(.., how))| matches!(how, As::Count | As::Bytes));
    let mut table = Table::new(&headings, &right.map(|(at, _)| at).collect::<Vec<_>>());
    for item in items {
        let cell = |fact: &&Fact| shown(look, item, fact).unwrap_or_default();
        table.row(columns.iter().map(cell).collect());
    }
    table.print(out)
}

/// A line for each fact that is there.
pub fn facts(out: &mut Out, look: &Look, of: &Value, facts: &[Fact]) -> Result<(), Failure> {
    let mut table = Table::new(&[], &[]);
    for fact in facts {
        if let Some(value) = shown(look, of, fact) {
            table.row(vec![fact.1.to_owned(), value]);
        }
    }
    table.print(out)
}

fn shown(look: &Look, of: &Value, Fact(at, _, how): &Fact) -> Option<String> {
    let value = of.pointer(at)?;
    let text = match (value, how) {
        (Value::Null, _) | (Value::Bool(false), As::Flag) => return None,
        (Value::Bool(true), As::Flag) => "yes".into(),
        (Value::Number(number), As::Days) => match number.as_u64() {
            Some(0) => return None,
            _ => format!("{number} days"),
        },
        (Value::String(text), As::Time) => look.time(text),
        (Value::String(text), _) => clean(text),
        (Value::Number(number), As::Count) => number.as_u64().map_or(number.to_string(), grouped),
        (Value::Number(number), As::Bytes) => number.as_u64().map_or(number.to_string(), size),
        (Value::Array(items), _) => {
            let item = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
            clean(&items.iter().map(item).collect::<Vec<_>>().join(", "))
        }
        (other, _) => clean(&other.to_string()),
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_shown_as_what_they_are() {
        let of = json!({"a": {"n": 12_345}, "t": "2026-11-20T12:00:00.5Z", "s": "x\u{1b}y", "no": null, "f": false, "l": ["a", 1], "d": 30, "z": 0});
        let as_shown = |at, how| shown(&Look::plain(), &of, &Fact(at, "", how));
        assert_eq!(as_shown("/a/n", As::Count).as_deref(), Some("12,345"));
        assert_eq!(as_shown("/a/n", As::Bytes).as_deref(), Some("12.3 kB"));
        assert_eq!(as_shown("/t", As::Time).as_deref(), Some("2026-11-20 12:00:00"));
        assert_eq!(as_shown("/s", As::Text).as_deref(), Some("x\\u{1b}y"));
        assert_eq!(as_shown("/l", As::Text).as_deref(), Some("a, 1"));
        assert_eq!(as_shown("/d", As::Days).as_deref(), Some("30 days"));
        for (at, how) in
            [("/z", As::Days), ("/no", As::Text), ("/f", As::Flag), ("/nowhere", As::Text)]
        {
            assert_eq!(as_shown(at, how), None, "{at}");
        }
    }
}
