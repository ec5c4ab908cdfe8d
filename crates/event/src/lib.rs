//! The event of Indelible: what a caller may say, how it is checked, and the bytes it becomes.
//!
//! An event comes in as JSON, nested or in the short form. [`check`] refuses what is not plain and
//! turns the rest, in one pass, into the fields of the entry and the canonical bytes of the three
//! sealed parts. [`Entry::encode`] makes the bytes that are hashed into the tree, and [`seal`] binds
//! the parts to them. Nothing here reads a clock, a file or randomness, so the same input gives the
//! same bytes everywhere, also on wasm32.

pub mod limits;

mod check;
mod disclosure;
mod entry;
mod facets;
mod id;
mod items;
mod json;
mod refusal;
pub mod seal;
mod time;
mod view;
mod words;

pub use check::{Checked, Parts, check, check_with_subject};
pub use disclosure::{DisclosedPart, Disclosure, DisclosureError};
pub use entry::{ENTRY_RECORDED_AT, Entry, EntryError};
pub use facets::{Facets, FacetsError, RawFacets};
pub use id::{EventId, IdError};
pub use items::Items;
pub use refusal::{Refusal, RefusalKind};
pub use time::{Day, Micros, TimeError};
pub use view::view;
pub use words::{Outcome, Part, Phase, Source, TrailName, TrailNameError, is_recorded_by};
