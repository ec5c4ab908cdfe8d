//! How saved windows are written: little-endian numbers of fixed width and texts with their length, so that what a
//! window weighs is known without writing it.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use indelible_event::EventId;

use crate::model::{EventRef, EventText};

use super::WindowsError;

/// Writes.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.bytes(&value.to_le_bytes());
    }

    /// How many of something follow. All that is counted here is bounded far below four billions.
    pub(super) fn count(&mut self, count: usize) {
        self.bytes(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.bytes(text.as_bytes());
    }

    pub(super) fn event(&mut self, event: &EventRef) {
        self.text(&event.trail);
        self.u64(event.seq);
        self.bytes(&event.id.0.0);
    }
}

/// What a count takes.
pub(super) const COUNT: usize = 4;
/// What a number takes.
pub(super) const NUMBER: usize = 8;

/// What a text takes.
pub(super) fn text_weight(text: &str) -> usize {
    COUNT + text.len()
}

/// What an event takes.
pub(super) fn event_weight(event: &EventRef) -> usize {
    text_weight(&event.trail) + NUMBER + 16
}

/// Reads. Nothing is believed: a length is held against what is left before anything is taken for it.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// Each trail's name is kept once.
    names: Rc<RefCell<HashSet<Arc<str>>>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Reader<'a> {
        Reader { rest, names: Rc::default() }
    }

    /// A reader of a part.
    pub(super) fn of(&self, part: &'a [u8]) -> Reader<'a> {
        Reader { rest: part, names: Rc::clone(&self.names) }
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], WindowsError> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| damaged("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WindowsError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    pub(super) fn digest(&mut self) -> Result<[u8; 32], WindowsError> {
        self.array()
    }

    pub(super) fn flag(&mut self) -> Result<bool, WindowsError> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(damaged("a flag is neither set nor clear")),
        }
    }

    pub(super) fn u64(&mut self) -> Result<u64, WindowsError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A time. None lies so far out that a span added to it would overflow.
    pub(super) fn time(&mut self) -> Result<i64, WindowsError> {
        let time = self.array().map(i64::from_le_bytes)?;
        let farthest = i64::MAX / 4;
        if time.abs_diff(0) > farthest.unsigned_abs() {
            return Err(damaged("a time is out of range"));
        }
        Ok(time)
    }

    /// How many of something follow that take at least `each` bytes.
    pub(super) fn count(&mut self, each: usize) -> Result<usize, WindowsError> {
        let count = self.array().map(u32::from_le_bytes)? as usize;
        if count.saturating_mul(each) > self.rest.len() {
            return Err(damaged("it ends too early"));
        }
        Ok(count)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, WindowsError> {
        let length = self.count(1)?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| damaged("a text is not UTF-8"))
    }

    pub(super) fn name(&mut self) -> Result<Arc<str>, WindowsError> {
        let text = self.text()?;
        let mut names = self.names.borrow_mut();
        if let Some(name) = names.get(text) {
            return Ok(Arc::clone(name));
        }
        let name: Arc<str> = text.into();
        names.insert(Arc::clone(&name));
        Ok(name)
    }

    pub(super) fn event(&mut self) -> Result<EventRef, WindowsError> {
        let (trail, seq, id) = (self.name()?, self.u64()?, EventId(self.array()?));
        Ok(EventRef { trail, seq, id: EventText(id) })
    }

    pub(super) fn ended(&self) -> Result<(), WindowsError> {
        if self.rest.is_empty() { Ok(()) } else { Err(damaged("it goes on behind its end")) }
    }
}

/// The error of bytes that are not what was saved.
pub(super) fn damaged(why: &str) -> WindowsError {
    WindowsError(why.to_owned())
}

/// Whether these stand in order, as all that is looked up by halving must.
pub(super) fn in_order<T, K: Ord>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> Result<(), WindowsError> {
    if items.into_iter().is_sorted_by_key(|item| key(&item)) {
        Ok(())
    } else {
        Err(damaged("its times are not in order"))
    }
}
