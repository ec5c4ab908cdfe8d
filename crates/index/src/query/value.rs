//! What a value means to the key before it, or to no key.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Bound;

use indelible_event::EventId;

use super::ast::{Expr, Leaf, Pattern, Test};
use super::error::QueryError;
use super::keys::{HAS, Target, closest};
use super::parse::Parser;
use super::pattern::parse_number;
use super::scalar::{Compare, Form, Scalar};
use super::time;
use crate::doc::Field;
use crate::terms::walk::ip_bytes;
use crate::terms::{fold, is_id_like, is_id_value, is_plain_word, words};

impl Parser<'_> {
    /// The condition that a key has this value.
    pub(super) fn leaf(&mut self, target: &Target, scalar: &Scalar) -> Result<Expr, QueryError> {
        self.count_leaf(scalar)?;
        match target {
            Target::Recorded => {
                Ok(self.span(scalar)?.map_or(Expr::All, |s| Leaf::Recorded(s).into()))
            }
            Target::Occurred => {
                Ok(self.span(scalar)?.map_or(Expr::All, |s| Leaf::Occurred(s).into()))
            }
            Target::Path(path) if scalar.is_star() && HAS.contains(&path.as_str()) => {
                Ok(Leaf::Field(Field::Has, Test::Is(path.clone())).into())
            }
            Target::Path(path) => {
                let test = match numbers(scalar).map_err(|message| self.at(scalar, message))? {
                    Some(test) => test,
                    None => self.test(scalar)?,
                };
                Ok(Leaf::Path(path.clone(), test).into())
            }
            _ if scalar.compare.is_some() => Err(self
                .at(scalar, "this key has no order, so nothing is above or below a value")
                .hint(
                    "times (created, occurred) and numbers (details.…, before.…) can be compared",
                )),
            Target::Text(field) => Ok(Leaf::Field(*field, self.test(scalar)?).into()),
            Target::Closed(field, allowed) => {
                let test = self.test(scalar)?;
                self.must_be_one_of(&test, allowed, scalar)?;
                Ok(Leaf::Field(*field, test).into())
            }
            Target::Has => {
                let test = self.test(scalar)?;
                self.must_be_one_of(&test, HAS, scalar)?;
                Ok(Leaf::Field(Field::Has, test).into())
            }
            Target::Whole(name) if scalar.is_star() => {
                Ok(Leaf::Field(Field::Has, Test::Is((*name).to_owned())).into())
            }
            Target::Whole(name) => Err(self
                .at(scalar, format!("`{name}` is not one value"))
                .hint(format!("name a member, as in {name}.name:…, or ask has:{name}"))),
            Target::Resource => self.resource(scalar),
            Target::Trail => Ok(Leaf::Trail(self.test(scalar)?).into()),
            Target::Ip => self.ip(scalar),
            Target::Id | Target::Ref if scalar.is_star() => Ok(match target {
                Target::Id => Expr::All,
                // Only these phases refer to an event, and they always do.
                _ => Expr::Or(
                    ["outcome", "correction"]
                        .map(|phase| Leaf::Field(Field::Phase, Test::Is(phase.to_owned())).into())
                        .into(),
                ),
            }),
            Target::Id | Target::Ref => {
                let id = EventId::parse(&scalar.text)
                    .map_err(|error| self.at(scalar, format!("an event's id {error}")))?;
                Ok(if *target == Target::Id { Leaf::Id(id) } else { Leaf::Ref(id) }.into())
            }
        }
    }

    fn at(&self, scalar: &Scalar, message: impl Into<String>) -> QueryError {
        self.cursor.error(scalar.start, scalar.end, message)
    }

    fn span(&self, scalar: &Scalar) -> Result<Option<super::Span>, QueryError> {
        if scalar.is_star() && scalar.compare.is_none() {
            return Ok(None);
        }
        time::span(scalar, self.now).map(Some).map_err(|message| {
            self.at(scalar, message).hint(
                "times are written 2026-01-31, 2026-01, 2026-01-31T10:00:00Z, -7d, -24h, -90m, today, \
                 yesterday or now, with >, >=, <, <= before them or .. between two",
            )
        })
    }

    /// How a text is compared.
    fn test(&mut self, scalar: &Scalar) -> Result<Test, QueryError> {
        match scalar.form {
            Form::Regex => self.pattern(scalar, Pattern::regex(&scalar.text)),
            Form::Bare if scalar.is_star() => Ok(Test::Exists),
            Form::Bare if !scalar.stars.is_empty() => {
                let last = scalar.text.len() - 1;
                if scalar.stars == [last] {
                    return Ok(Test::Prefix(fold(&scalar.text[..last]).into_owned()));
                }
                let (text, stars) = fold_with_stars(scalar);
                self.pattern(scalar, Pattern::wildcard(&text, &stars))
            }
            Form::Bare | Form::Quoted => Ok(Test::Is(fold(&scalar.text).into_owned())),
        }
    }

    fn pattern(
        &mut self,
        scalar: &Scalar,
        pattern: Result<Pattern, String>,
    ) -> Result<Test, QueryError> {
        self.count_pattern(scalar)?;
        pattern.map(Test::Matches).map_err(|message| self.at(scalar, format!("this {message}")))
    }

    fn must_be_one_of(
        &self,
        test: &Test,
        allowed: &[&'static str],
        scalar: &Scalar,
    ) -> Result<(), QueryError> {
        match test {
            Test::Is(text) if !allowed.contains(&text.as_str()) => {
                let error = self.at(scalar, "no record has this value");
                let error = error.hint(format!("it is one of {}", allowed.join(", ")));
                match closest(text, allowed.iter().copied()) {
                    Some(meant) => Err(error.instead(meant)),
                    None => Err(error),
                }
            }
            _ => Ok(()),
        }
    }

    fn resource(&mut self, scalar: &Scalar) -> Result<Expr, QueryError> {
        let test = self.test(scalar)?;
        let fields: &[Field] = match scalar.form {
            Form::Regex => &[Field::Resource, Field::ResourceId, Field::ResourceType],
            _ if scalar.text.contains('/') => &[Field::Resource],
            _ => &[Field::ResourceId, Field::ResourceType],
        };
        Ok(Expr::any_of(fields.iter().map(|f| Leaf::Field(*f, test.clone()).into()).collect()))
    }

    fn ip(&mut self, scalar: &Scalar) -> Result<Expr, QueryError> {
        let other = |test| Leaf::Path("context.ip".to_owned(), test).into();
        if scalar.is_star() {
            return Ok(Expr::Or(vec![Leaf::Ip([0; 16], [255; 16]).into(), other(Test::Exists)]));
        }
        if scalar.form != Form::Regex {
            if let Some((from, to)) = ip_range(&scalar.text) {
                return Ok(Leaf::Ip(from, to).into());
            }
            if let Some((a, b)) = scalar.text.split_once("..")
                && let (Ok(a), Ok(b)) = (a.parse::<IpAddr>(), b.parse::<IpAddr>())
            {
                let (a, b) = (ip_bytes(a), ip_bytes(b));
                return if a <= b {
                    Ok(Leaf::Ip(a, b).into())
                } else {
                    Err(self.at(scalar, "the range ends before it begins"))
                };
            }
        }
        if scalar.form == Form::Quoted {
            return Ok(other(self.test(scalar)?));
        }
        Err(self.at(scalar, "this is no address").hint(
            "write 10.0.0.1, 10.0.0.0/8, 10.0.*, 2001:db8::/32 or 10.0.0.1..10.0.0.9; what was \
             recorded but is no address goes in quotes",
        ))
    }

    /// A condition without a key.
    pub(super) fn free(&mut self, scalar: &Scalar) -> Result<Expr, QueryError> {
        self.count_leaf(scalar)?;
        if scalar.is_star() {
            return Ok(Expr::All);
        }
        if scalar.text.is_empty() {
            return Err(self.at(scalar, "there is nothing to search for in these quotes"));
        }
        let text = match self.test(scalar)? {
            Test::Is(text) => text,
            other => return Ok(Leaf::Word(other).into()),
        };
        let mut found = Vec::new();
        words(&text, |word| found.push(word.to_owned()));
        let is_id = is_id_value(&text) || is_id_like(&text) && is_plain_word(&text);
        if scalar.form == Form::Quoted && !found.is_empty() && !is_id {
            return Ok(Leaf::Phrase(found).into());
        }
        let mut exprs = Vec::new();
        if let Ok(id) = EventId::parse(&text) {
            exprs.extend([Leaf::Id(id).into(), Leaf::Ref(id).into()]);
        }
        if let Some((from, to)) = ip_range(&text) {
            exprs.push(Leaf::Ip(from, to).into());
        }
        if !is_id && !is_plain_word(&text) && !found.is_empty() {
            exprs.push(Leaf::Phrase(found).into());
        }
        exprs.insert(0, Leaf::Word(Test::Is(text)).into());
        Ok(Expr::any_of(exprs))
    }
}

/// A comparison of numbers, if it is one: with a sign it must be, a range only if it reads as one.
fn numbers(scalar: &Scalar) -> Result<Option<Test>, String> {
    let number = |text: &str| parse_number(text);
    if let Some(compare) = scalar.compare {
        let value = number(&scalar.text)
            .ok_or("only numbers can be compared here, as in details.amount:>=9.5")?;
        let (from, to) = match compare {
            Compare::Above => (Bound::Excluded(value), Bound::Unbounded),
            Compare::AtLeast => (Bound::Included(value), Bound::Unbounded),
            Compare::Below => (Bound::Unbounded, Bound::Excluded(value)),
            Compare::AtMost => (Bound::Unbounded, Bound::Included(value)),
        };
        return Ok(Some(Test::Number(from, to)));
    }
    if scalar.form != Form::Bare {
        return Ok(None);
    }
    let Some((from, to)) = scalar.text.split_once("..") else { return Ok(None) };
    let bound = |text: &str| match text {
        "" => Some(Bound::Unbounded),
        _ => number(text).map(Bound::Included),
    };
    match (bound(from), bound(to)) {
        (Some(Bound::Unbounded), Some(Bound::Unbounded)) => Ok(None),
        (Some(Bound::Included(a)), Some(Bound::Included(b))) if a > b => {
            Err("the range ends before it begins".to_owned())
        }
        (Some(from), Some(to)) => Ok(Some(Test::Number(from, to))),
        _ => Ok(None),
    }
}

/// The text folded, and where its stars are then: folding may change how many bytes a character has.
fn fold_with_stars(scalar: &Scalar) -> (String, Vec<usize>) {
    let (mut text, mut stars) = (String::new(), Vec::new());
    let mut start = 0;
    for &star in &scalar.stars {
        text.push_str(&fold(&scalar.text[start..star]));
        stars.push(text.len());
        text.push('*');
        start = star + 1;
    }
    text.push_str(&fold(&scalar.text[start..]));
    (text, stars)
}

/// The addresses of an address, a network, or `10.0.*`.
pub(super) fn ip_range(text: &str) -> Option<([u8; 16], [u8; 16])> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((ip_bytes(address), ip_bytes(address)));
    }
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => {
            let address = address.parse::<IpAddr>().ok()?;
            let bits = bits.parse::<u32>().ok().filter(|_| bits.len() <= 3)?;
            let bits_max = if address.is_ipv4() { 32 } else { 128 };
            (address, (bits <= bits_max).then_some(bits + 128 - bits_max)?)
        }
        None => {
            let octets =
                text.strip_suffix(".*")?.split('.').map(str::parse).collect::<Result<Vec<u8>, _>>();
            let octets = octets.ok().filter(|octets| octets.len() < 4)?;
            let mut bytes = [0; 4];
            bytes[..octets.len()].copy_from_slice(&octets);
            (IpAddr::V4(Ipv4Addr::from(bytes)), 96 + 8 * octets.len() as u32)
        }
    };
    let rest = u128::MAX.checked_shr(bits).unwrap_or(0);
    let number = u128::from_be_bytes(ip_bytes(address));
    Some(((number & !rest).to_be_bytes(), (number | rest).to_be_bytes()))
}
