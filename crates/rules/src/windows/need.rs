//! What a correlation asks of its windows.

use std::sync::Arc;

use crate::model::{Correlation, CorrelationKind};

use super::WindowsError;
use super::absence::{Silence, Waits};
use super::codec::Reader;
use super::count::Count;
use super::first_seen::FirstSeen;
use super::latest::Latest;
use super::ordered::Ordered;
use super::unusual::Unusual;
use super::window::Window;

/// Which window it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Count,
    Values,
    Members,
    Ordered,
    FirstSeen,
    Waits,
    Silence,
    Unusual,
}

/// What a correlation asks for, in numbers. Those that its kind has no use for are zero.
#[derive(Clone, Debug)]
pub(super) struct Need {
    shape: Shape,
    /// Within what time.
    pub(super) span: i64,
    /// How much later than newer ones an event may come.
    pub(super) lateness: i64,
    /// So many events, values or rules.
    pub(super) at_least: usize,
    /// How long a group must be known.
    pub(super) learn: i64,
    /// So many hundredths of the average.
    pub(super) percent: u64,
    /// So many spans are the past.
    pub(super) past: i64,
    /// What is counted or has to be known.
    pub(super) field: Arc<str>,
}

impl Need {
    pub(super) fn new(correlation: &Correlation, lateness: i64) -> Need {
        let (span, lateness) = (correlation.span.0.max(1), lateness.max(0));
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).max(1);
        let of = |shape| Need {
            shape,
            span,
            lateness,
            at_least: 1,
            learn: 0,
            percent: 0,
            past: 0,
            field: "".into(),
        };
        match &correlation.kind {
            CorrelationKind::EventCount { at_least } => {
                Need { at_least: number(*at_least), ..of(Shape::Count) }
            }
            CorrelationKind::ValueCount { field, at_least } => {
                let field = Arc::clone(&field.name);
                Need { at_least: number(*at_least), field, ..of(Shape::Values) }
            }
            CorrelationKind::Temporal { ordered: false, at_least } => {
                Need { at_least: (*at_least).max(1), ..of(Shape::Members) }
            }
            CorrelationKind::Temporal { ordered: true, .. } => {
                Need { at_least: correlation.of.len().max(1), ..of(Shape::Ordered) }
            }
            CorrelationKind::FirstSeen { field, learn } => {
                let field = Arc::clone(&field.name);
                Need { learn: learn.0.max(0), field, ..of(Shape::FirstSeen) }
            }
            CorrelationKind::Absence if correlation.of.len() < 2 => of(Shape::Silence),
            CorrelationKind::Absence => of(Shape::Waits),
            CorrelationKind::Unusual { factor_percent, at_least, past } => Need {
                at_least: number(*at_least),
                percent: *factor_percent,
                past: i64::from(*past).max(1),
                ..of(Shape::Unusual)
            },
        }
    }

    /// How far a window reaches back from what is newest.
    pub(super) fn reach(&self) -> i64 {
        self.span.saturating_add(self.lateness)
    }

    /// For how long of log time a group is kept to which nothing comes.
    pub(super) fn kept(&self) -> i64 {
        let matters = match self.shape {
            Shape::FirstSeen => self.span.max(self.learn),
            Shape::Unusual => self.span.saturating_mul(self.past.saturating_add(1)),
            _ => self.span,
        };
        matters.saturating_add(self.lateness)
    }

    /// Whether it counts events, and one that several of its rules match is one of them.
    pub(super) fn counts_events(&self) -> bool {
        matches!(self.shape, Shape::Count | Shape::Unusual)
    }

    /// Whether it asks for a value: an event without one is passed over.
    pub(super) fn asks_value(&self) -> bool {
        matches!(self.shape, Shape::Values | Shape::FirstSeen)
    }

    /// Whether time alone can make it fire.
    pub(super) fn is_timed(&self) -> bool {
        matches!(self.shape, Shape::Waits | Shape::Silence)
    }

    /// An empty window.
    pub(super) fn window(&self) -> Box<dyn Window> {
        match self.shape {
            Shape::Count => Box::<Count>::default(),
            Shape::Values => Box::new(Latest::of_values()),
            Shape::Members => Box::new(Latest::of_members()),
            Shape::Ordered => Box::<Ordered>::default(),
            Shape::FirstSeen => Box::<FirstSeen>::default(),
            Shape::Waits => Box::<Waits>::default(),
            Shape::Silence => Box::<Silence>::default(),
            Shape::Unusual => Box::<Unusual>::default(),
        }
    }

    /// A window that was written down.
    pub(super) fn read(&self, from: &mut Reader<'_>) -> Result<Box<dyn Window>, WindowsError> {
        Ok(match self.shape {
            Shape::Count => Box::new(Count::read(from)?),
            Shape::Values => Box::new(Latest::read(from, Latest::of_values())?),
            Shape::Members => Box::new(Latest::read(from, Latest::of_members())?),
            Shape::Ordered => Box::new(Ordered::read(from, self.at_least)?),
            Shape::FirstSeen => Box::new(FirstSeen::read(from)?),
            Shape::Waits => Box::new(Waits::read(from)?),
            Shape::Silence => Box::new(Silence::read(from)?),
            Shape::Unusual => Box::new(Unusual::read(from)?),
        })
    }
}
