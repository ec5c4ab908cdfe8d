//! What differs between two maps of the same rows, in words.

use std::cmp::Ordering;

use super::Frozen;
use super::columns::Times;
use crate::doc::Field;
use crate::facet::Facet;
use crate::index::{Index, IndexError};

const FIELDS: [Field; 27] = [
    Field::Trail,
    Field::Word,
    Field::Actor,
    Field::ActorType,
    Field::Email,
    Field::OnBehalfOf,
    Field::Action,
    Field::Category,
    Field::Outcome,
    Field::Phase,
    Field::ResourceType,
    Field::ResourceId,
    Field::Resource,
    Field::Ip,
    Field::Service,
    Field::Source,
    Field::Key,
    Field::Subject,
    Field::Has,
    Field::Path,
    Field::Host,
    Field::Name,
    Field::Correlation,
    Field::Request,
    Field::Session,
    Field::Trace,
    Field::Ref,
];

impl Frozen {
    /// The first difference to another map of the same rows, in words a person understands; `None` if
    /// they are the same. Reads all of both: the same records give the same bytes, so nothing that one
    /// says and the other does not can hide from it, not even where no question would show it.
    pub fn difference(&self, other: &Frozen) -> Result<Option<String>, IndexError> {
        self.check()?;
        other.check()?;
        let Some(byte) = self.file.first_difference(&other.file) else {
            return Ok(None);
        };
        if self.rows() != other.rows() {
            return Ok(Some(format!("one has {} rows, the other {}", self.rows(), other.rows())));
        }
        if let Some(difference) = self.difference_in_columns(other)? {
            return Ok(Some(difference));
        }
        if let Some(difference) = self.difference_in_terms(other)? {
            return Ok(Some(difference));
        }
        if let Some(difference) = self.difference_in_unique(other)? {
            return Ok(Some(difference));
        }
        for facet in Facet::ALL {
            if let Some(difference) = self.difference_in_facet(other, facet)? {
                return Ok(Some(difference));
            }
        }
        let partial = self.partial()?.as_ref() ^ other.partial()?.as_ref();
        Ok(Some(match partial.min() {
            Some(row) => {
                let row = self.row(row);
                format!("only one says that {row} has more terms than are indexed")
            }
            None => format!("both have the same terms and columns, but other bytes from {byte} on"),
        }))
    }

    fn row(&self, row: u32) -> String {
        format!("row {row} (pos {})", self.pos(row))
    }

    fn difference_in_columns(&self, other: &Frozen) -> Result<Option<String>, IndexError> {
        for row in 0..self.rows() {
            let (here, there) = (self.pos(row), other.pos(row));
            if here != there {
                return Ok(Some(format!(
                    "row {row} has pos {here} in one and {there} in the other"
                )));
            }
            for (name, times) in
                [("recorded_at", Times::Recorded), ("occurred_at", Times::Occurred)]
            {
                let here = times.get(&self.file, row)?;
                let there = times.get(&other.file, row)?;
                if here != there {
                    let row = self.row(row);
                    return Ok(Some(format!(
                        "{row} has {name} {here} in one and {there} in the other"
                    )));
                }
            }
        }
        self.sound()?;
        other.sound()?;
        let spans = [self.occurred_span(), other.occurred_span()];
        Ok((spans[0] != spans[1]).then(|| "their spans of occurred_at differ".into()))
    }

    fn difference_in_terms(&self, other: &Frozen) -> Result<Option<String>, IndexError> {
        let (mut here, mut there) = (self.terms(), other.terms());
        loop {
            let (more_here, more_there) = (here.next()?, there.next()?);
            let order = match (more_here, more_there) {
                (false, false) => return Ok(None),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (true, true) => here.key().cmp(there.key()),
            };
            let (key, rows) = match order {
                Ordering::Less => (here.key(), here.rows()?),
                Ordering::Greater => (there.key(), there.rows()?),
                Ordering::Equal => (here.key(), here.rows()? ^ there.rows()?),
            };
            if let Some(row) = rows.min() {
                return Ok(Some(format!("only one has {} at {}", term_name(key), self.row(row))));
            }
            if order != Ordering::Equal {
                return Ok(Some(format!("only one has {}, without a row", term_name(key))));
            }
        }
    }

    fn difference_in_unique(&self, other: &Frozen) -> Result<Option<String>, IndexError> {
        let mut here = self.unique.keys(&self.file, 0);
        let mut there = other.unique.keys(&other.file, 0);
        loop {
            let (one, two) = (here.next().transpose()?, there.next().transpose()?);
            let key = match (one, two) {
                (None, None) => return Ok(None),
                (one, two) if one == two => continue,
                (one, two) => one.unwrap_or(u64::MAX).min(two.unwrap_or(u64::MAX)),
            };
            let row = self.row(super::unique::row_of(key));
            return Ok(Some(format!(
                "only one has an id of {row} (correlation, request, session, trace or ref)"
            )));
        }
    }

    fn difference_in_facet(
        &self,
        other: &Frozen,
        facet: Facet,
    ) -> Result<Option<String>, IndexError> {
        let name = facet.name();
        let columns = [&self.facets[facet as usize], &other.facets[facet as usize]];
        let values = [columns[0].values(&self.file)?, columns[1].values(&other.file)?];
        if !values[0].iter().eq(values[1].iter()) {
            let pairs = values[0].iter().zip(values[1].iter());
            let at = pairs.take_while(|(one, two)| one == two).count();
            let text = |which: usize| {
                values[which].iter().nth(at).map_or("nothing".into(), |value| {
                    format!("“{}”", String::from_utf8_lossy(value))
                })
            };
            let (one, two) = (text(0), text(1));
            return Ok(Some(format!(
                "value {at} of facet {name} is {one} in one and {two} in the other"
            )));
        }
        let (here, there) = (self.facet_codes(facet)?, other.facet_codes(facet)?);
        if let Some(row) = (0..self.rows()).find(|&row| here.get(row) != there.get(row)) {
            let row = self.row(row);
            return Ok(Some(format!("{row} has another value of facet {name} in each")));
        }
        let same = self.facet_counts(facet)? == other.facet_counts(facet)?;
        Ok((!same).then(|| format!("their counts of facet {name} differ")))
    }
}

fn term_name(key: &[u8]) -> String {
    let Some((&tag, value)) = key.split_first() else {
        return "a term without a field".into();
    };
    let field = match FIELDS.into_iter().find(|field| *field as u8 == tag) {
        Some(field) => format!("{field:?}"),
        None => format!("number {tag}"),
    };
    format!("the term “{}” of field {field}", value.escape_ascii())
}
