//! `detection`: selections become conditions.

use std::collections::HashMap;

use ipnet::IpNet;
use regex::{Regex, RegexBuilder};

use super::condition::{self, Selection, one_or};
use super::modifiers::{self, Base64, Modifiers, Way};
use super::refusal::{Bad, shown};
use super::value::{base64, base64_offsets, literal, op, pieces, windash};
use super::yaml::{Node, Value};
use crate::limits::{
    REGEX_BYTES_MAX, REGEX_CACHE_BYTES_MAX, REGEXES_MAX, RULE_REGEXES_MAX, TESTS_ALL_MAX, TESTS_MAX,
};
use crate::mapping::Mapping;
use crate::model::{Compare, Condition, Field, How, Op, Piece, Test, TimePart};

/// The regular expressions of all rules: the same one is compiled once.
#[derive(Default)]
pub(crate) struct Regexes {
    compiled: HashMap<(String, [bool; 3]), Regex>,
    /// Tests of all rules so far.
    tests: usize,
}

/// Reads selections by the names of one mapping.
pub(crate) struct Reader<'m> {
    mapping: &'m Mapping,
    regexes: &'m mut Regexes,
    regexes_here: usize,
    /// Tests of this rule so far: asked while they are made, as few bytes may come to very many.
    tests_here: usize,
}

impl<'m> Reader<'m> {
    /// A reader of one rule.
    pub(crate) fn new(mapping: &'m Mapping, regexes: &'m mut Regexes) -> Reader<'m> {
        Reader { mapping, regexes, regexes_here: 0, tests_here: 0 }
    }

    /// Reads a `detection`.
    pub(super) fn detection(&mut self, node: &Node) -> Result<Condition, Bad> {
        let members = node.map("`detection`")?;
        let mut selections: Vec<Selection> = Vec::new();
        let mut tests_all = 0;
        for (key, value) in members {
            match &*key.name {
                "condition" => continue,
                "timeframe" => {
                    return Err(Bad::at(
                        key.line,
                        "`timeframe` is of the old Sigma; write a `correlation` with a `timespan` that refers to this rule",
                    ));
                }
                _ => {}
            }
            let condition = self.selection(value, &key.name)?;
            let tests = tests(&condition);
            tests_all += tests;
            if tests_all > TESTS_MAX {
                return Err(Bad::at(key.line, format!("the rule has more than {TESTS_MAX} tests")));
            }
            selections.push(Selection { name: key.name.clone(), condition, tests });
        }
        let Some(said) = node.get("condition") else {
            return Err(Bad::at(node.line, "`detection` has no `condition`"));
        };
        let texts = said.texts("`condition`")?;
        if texts.is_empty() {
            return Err(Bad::at(said.line, "the condition: the list is empty"));
        }
        let (mut conditions, mut many) = (Vec::new(), 0);
        for (line, text) in &texts {
            let condition = condition::parse(text, *line, &selections)?;
            many += tests(&condition);
            if many > TESTS_MAX {
                let why = format!("the conditions come to more than {TESTS_MAX} tests");
                return Err(Bad::at(said.line, why));
            }
            conditions.push(condition);
        }
        self.regexes.tests += many;
        if self.regexes.tests > TESTS_ALL_MAX {
            return Err(Bad::at(
                said.line,
                format!("more than {TESTS_ALL_MAX} tests in all rules"),
            ));
        }
        Ok(one_or(conditions, Condition::Any))
    }

    /// Reads a selection: a map, of which all must hold, or a list, of which any.
    pub(crate) fn selection(&mut self, node: &Node, name: &str) -> Result<Condition, Bad> {
        match &node.value {
            Value::Map(members) if !members.is_empty() => {
                let all: Result<Vec<_>, Bad> = members
                    .iter()
                    .map(|(key, value)| self.item(&key.name, key.line, value))
                    .collect();
                Ok(one_or(all?, Condition::All))
            }
            Value::List(nodes) if !nodes.is_empty() => {
                let one = |node: &Node| match node.value {
                    Value::Map(_) => self.selection(node, name),
                    _ => self.item("", node.line, node),
                };
                let any: Result<Vec<_>, Bad> = nodes.iter().map(one).collect();
                Ok(one_or(any?, Condition::Any))
            }
            Value::Text(_) | Value::Number(_) => self.item("", node.line, node),
            _ => {
                let (name, kind) = (shown(name), node.kind());
                Err(Bad::at(
                    node.line,
                    format!(
                        "the selection `{name}` is {kind} with nothing in it; it is a map of fields, a list of such maps, or a list of texts"
                    ),
                ))
            }
        }
    }

    fn item(&mut self, key: &str, line: usize, value: &Node) -> Result<Condition, Bad> {
        let mut parts = key.split('|');
        let name = parts.next().unwrap_or_default();
        let mut modifiers = modifiers::parse(parts, line)?;
        let field = match name {
            "" => {
                if !matches!(modifiers.way, Way::Plain | Way::Regex { .. }) {
                    return Err(Bad::at(line, "this modifier needs a field before it"));
                }
                // Keywords are looked for in everything.
                modifiers.how.get_or_insert(How::Contains);
                Field::Any
            }
            name => self.mapping.field(name, line)?,
        };
        let nodes = match &value.value {
            Value::List(nodes) if nodes.is_empty() => {
                return Err(Bad::at(line, format!("`{}` has an empty list", shown(key))));
            }
            Value::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(value),
        };
        let mut of = Vec::new();
        for node in nodes {
            let condition = self.value(&field, &modifiers, node)?;
            self.tests_here += tests(&condition);
            if self.tests_here > TESTS_MAX {
                return Err(Bad::at(
                    node.line,
                    format!("the rule has more than {TESTS_MAX} tests"),
                ));
            }
            of.push(condition);
        }
        let together = if modifiers.all { Condition::All } else { Condition::Any };
        let condition = one_or(of, together);
        Ok(if modifiers.not { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn value(
        &mut self,
        field: &Field,
        modifiers: &Modifiers,
        node: &Node,
    ) -> Result<Condition, Bad> {
        let bad = |why: String| Bad::at(node.line, why);
        let test = |op| Ok(Condition::Test(Test { field: field.clone(), op }));
        if let Value::Map(_) | Value::List(_) = node.value {
            let kind = node.kind();
            return Err(bad(format!(
                "{kind} stands where a value should be; members of members are named with a dot, as in `actor.id`"
            )));
        }
        let text = || node.text("the value").map_err(|_| bad("a value is missing".to_owned()));
        match modifiers.way {
            Way::Plain => plain(field, modifiers, node),
            Way::Regex { insensitive, lines, dot_all } => {
                test(Op::Regex(self.regex(&text()?, [insensitive, lines, dot_all], node.line)?))
            }
            Way::Cidr => {
                let said = text()?;
                test(Op::Cidr(network(&said).ok_or_else(|| {
                    bad(format!("`{}` is no network; one like 10.0.0.0/8 would do", shown(&said)))
                })?))
            }
            Way::Number(compare) => test(Op::Number(compare, number(&text()?).map_err(bad)?)),
            Way::Exists => match &*text()?.to_ascii_lowercase() {
                "true" | "yes" => test(Op::Exists(true)),
                "false" | "no" => test(Op::Exists(false)),
                _ => Err(bad("`exists` takes `true` or `false`".to_owned())),
            },
            Way::FieldRef => {
                let other = self.mapping.field(&text()?, node.line)?;
                let how = modifiers.how.unwrap_or(How::Is);
                test(Op::Same { other, how, cased: modifiers.cased })
            }
            Way::Time(part, compare) => {
                test(Op::Time(part, compare, of_time(part, &text()?).map_err(bad)?))
            }
        }
    }

    fn regex(&mut self, said: &str, flags: [bool; 3], line: usize) -> Result<Regex, Bad> {
        self.regexes_here += 1;
        if self.regexes_here > RULE_REGEXES_MAX {
            return Err(Bad::at(
                line,
                format!("more than {RULE_REGEXES_MAX} regular expressions in one rule"),
            ));
        }
        let key = (said.to_owned(), flags);
        if let Some(regex) = self.regexes.compiled.get(&key) {
            return Ok(regex.clone());
        }
        if self.regexes.compiled.len() == REGEXES_MAX {
            return Err(Bad::at(
                line,
                format!("more than {REGEXES_MAX} regular expressions in all rules"),
            ));
        }
        let [insensitive, lines, dot_all] = flags;
        let regex = RegexBuilder::new(&of_ascii(said))
            .case_insensitive(insensitive)
            .multi_line(lines)
            .dot_matches_new_line(dot_all)
            .size_limit(REGEX_BYTES_MAX)
            .dfa_size_limit(REGEX_CACHE_BYTES_MAX)
            .build()
            .map_err(|error| Bad::at(line, refused(said, &error)))?;
        self.regexes.compiled.insert(key, regex.clone());
        Ok(regex)
    }
}

/// A value that is compared as text.
fn plain(field: &Field, modifiers: &Modifiers, node: &Node) -> Result<Condition, Bad> {
    let bad = |why: &str| Bad::at(node.line, why);
    let test = |op| Condition::Test(Test { field: field.clone(), op });
    let how = modifiers.how.unwrap_or(How::Is);
    let said = match &node.value {
        Value::Null if modifiers.how.is_none() && !modifiers.windash => return Ok(test(Op::Null)),
        Value::Null => {
            return Err(bad("nothing stands where a text should be; `''` is an empty one"));
        }
        // A number is what it is as text; a fraction can be written in many ways.
        Value::Number(number) if how == How::Is && number.contains('.') => {
            let text = Op::Text { how, value: number.as_str().into(), cased: modifiers.cased };
            let number = number.parse().ok().map(|number| test(Op::Number(Compare::Is, number)));
            return Ok(one_or([test(text)].into_iter().chain(number).collect(), Condition::Any));
        }
        _ => node.text("the value")?,
    };
    let texts = match modifiers.windash {
        true => {
            windash(&said).ok_or_else(|| bad("too many dashes for `windash`; three would do"))?
        }
        false => vec![said],
    };
    let mut all: Vec<Vec<Piece>> = texts.iter().map(|text| pieces(text)).collect();
    if modifiers.base64 != Base64::No {
        let mut encoded = Vec::new();
        for pieces in &all {
            let Some(text) = literal(pieces) else {
                return Err(bad(
                    "a text with `*` or `?` has no Base64; `\\*` is the letter itself",
                ));
            };
            match modifiers.base64 {
                Base64::Offset => encoded.extend(base64_offsets(text, modifiers.coding)),
                _ => encoded.push(base64(text, modifiers.coding)),
            }
        }
        if encoded.iter().any(String::is_empty) {
            return Err(bad("the text is too short to be found in Base64"));
        }
        all = encoded.into_iter().map(|text| vec![Piece::Literal(text.into())]).collect();
    }
    let one = |pieces| test(op(pieces, how, modifiers.cased));
    Ok(one_or(all.into_iter().map(one).collect(), Condition::Any))
}

fn network(said: &str) -> Option<IpNet> {
    said.parse::<IpNet>()
        .ok()
        .map(|net| net.trunc())
        .or_else(|| said.parse::<std::net::IpAddr>().ok().map(IpNet::from))
}

fn number(said: &str) -> Result<f64, String> {
    let number = said.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("`{}` is no number", shown(said)))
}

fn of_time(part: TimePart, said: &str) -> Result<u32, String> {
    let (least, most) = match part {
        TimePart::Minute => (0, 59),
        TimePart::Hour => (0, 23),
        TimePart::Day => (1, 31),
        TimePart::Weekday => (1, 7),
        TimePart::Week => (1, 53),
        TimePart::Month => (1, 12),
        TimePart::Year => (1970, 9999),
    };
    let number = said.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("`{}` is none of {least} to {most}", shown(said)))
}

/// `\w`, `\d` and `\s` as PCRE means them, of ASCII. Of all scripts they take tens of kilobytes each.
fn of_ascii(said: &str) -> String {
    let (mut out, mut letters) = (String::with_capacity(said.len()), said.chars());
    while let Some(letter) = letters.next() {
        let escaped = if letter == '\\' { letters.next() } else { None };
        match escaped {
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('s') => out.push_str(r"[\t\n\x0B\x0C\r\x20]"),
            Some('S') => out.push_str(r"[^\t\n\x0B\x0C\r\x20]"),
            other => {
                out.push(letter);
                out.extend(other);
            }
        }
    }
    out
}

/// Why a regular expression is refused.
fn refused(said: &str, error: &regex::Error) -> String {
    let shown_said = shown(said);
    match error {
        regex::Error::CompiledTooBig(_) => format!(
            "the regular expression `{shown_said}` is larger than {REGEX_BYTES_MAX} bytes when compiled; fewer or smaller \
             repetitions would do, or several of them"
        ),
        other => {
            // The parser draws a picture of the place; its last line says what is wrong.
            let told = other.to_string();
            let why = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let would_do = match why.contains("look-around") || why.contains("backreferences") {
                true => {
                    "; such expressions can take forever on some texts. A second selection with `not` says what must not be there"
                }
                false => "",
            };
            format!(
                "the regular expression `{shown_said}` cannot be read: {}{would_do}",
                shown(why)
            )
        }
    }
}

/// How many tests there are.
fn tests(condition: &Condition) -> usize {
    match condition {
        Condition::All(of) | Condition::Any(of) => of.iter().map(tests).sum::<usize>().max(1),
        Condition::Not(of) => tests(of),
        Condition::Test(_) | Condition::Constant(_) => 1,
    }
}
