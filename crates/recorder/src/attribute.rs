//! What the code that `#[audited]` writes calls. The attribute sees no types, so the questions about types are asked
//! here, of the compiler: whether a function returned a `Result`, and what an error can tell of itself.
//!
//! A call on `&&&x` tries the methods of `&&x` first, then those of `&x`, then those of `x`; so of several traits with
//! the same method the first that fits is taken, also within generic functions.

use std::convert::Infallible;
use std::error::Error;
use std::fmt::Display;
use std::ops::Deref;

use crate::event::{Actor, Event, Text};
use crate::operation::told;

/// Calls a function that is called once. Written directly, the call of a closure could not return what it borrowed
/// mutably.
#[inline]
pub fn once<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// The text of an id, a name, a trail.
pub fn text(value: &(impl Display + ?Sized)) -> Text {
    value.to_string().into()
}

/// What a function of the user's says about an error.
pub fn said<E, T: Display>(error: &E, how: impl FnOnce(&E) -> T) -> Text {
    how(error).to_string().into()
}

/// Whether an error is of the kind that the user asks about.
pub fn is<E>(error: &E, how: impl FnOnce(&E) -> bool) -> bool {
    how(error)
}

/// Tells which thing it was that the event's first target is of.
pub fn identified(mut event: Event, id: Text) -> Event {
    if let Some(target) = event.0.targets.first_mut() {
        target.id = id;
    }
    event
}

/// Tells the name of the event's first target.
pub fn named(mut event: Event, name: Text) -> Event {
    event.0.targets = event.0.targets.into_iter().map(|target| target.name(name.clone())).collect();
    event
}

/// Tells the correlation id.
pub fn correlated(event: Event, id: Text) -> Event {
    event.with_context(|context| context.correlation_id = Some(id))
}

/// What a function returned.
pub struct Returned<'a, R>(pub &'a R);

impl<'a, T, E> Returned<'a, Result<T, E>> {
    /// Its success or its error.
    pub fn split(&self) -> Result<&'a T, &'a E> {
        self.0.as_ref()
    }
}

/// For a function that returns no `Result`: it succeeds.
pub trait Plain<'a, R> {
    /// Its success.
    fn split(&self) -> Result<&'a R, &'a Infallible>;
}

impl<'a, R> Plain<'a, R> for Returned<'a, R> {
    fn split(&self) -> Result<&'a R, &'a Infallible> {
        Ok(self.0)
    }
}

/// Something that names an actor, where it is.
pub struct Given<'a, T>(pub &'a T);

/// An actor that can be made from a reference.
pub trait ByReference {
    /// The actor.
    fn actor(&self) -> Actor;
}

impl<'a, T> ByReference for &Given<'a, T>
where
    &'a T: Into<Actor>,
{
    fn actor(&self) -> Actor {
        self.0.into()
    }
}

/// An actor that can be made from a value, or is one.
pub trait ByValue {
    /// The actor.
    fn actor(&self) -> Actor;
}

impl<T: Clone + Into<Actor>> ByValue for Given<'_, T> {
    fn actor(&self) -> Actor {
        self.0.clone().into()
    }
}

/// An error, to be told by the most that it can say.
pub struct Fault<'a, E>(pub &'a E);

/// An error as the standard library knows them.
pub trait Standard {
    /// Its text and those of its causes.
    fn message(&self) -> Text;
}

impl<E: Error> Standard for &&&Fault<'_, E> {
    fn message(&self) -> Text {
        told(self.0).into()
    }
}

/// An error that points to one, such as `Box<dyn Error>` or `anyhow::Error`.
pub trait Pointing {
    /// Its text and those of its causes.
    fn message(&self) -> Text;
}

impl<E: Deref<Target: Chain>> Pointing for &&Fault<'_, E> {
    fn message(&self) -> Text {
        self.0.deref().chain().into()
    }
}

/// An error of unknown type.
pub trait Chain {
    /// Its text and those of its causes.
    fn chain(&self) -> String;
}

impl Chain for dyn Error + '_ {
    fn chain(&self) -> String {
        told(self)
    }
}

impl Chain for dyn Error + Send + '_ {
    fn chain(&self) -> String {
        told(self)
    }
}

impl Chain for dyn Error + Send + Sync + '_ {
    fn chain(&self) -> String {
        told(self)
    }
}

/// An error that is a text, or can be shown as one.
pub trait Showing {
    /// Its text.
    fn message(&self) -> Text;
}

impl<E: Display> Showing for &Fault<'_, E> {
    fn message(&self) -> Text {
        text(self.0)
    }
}

/// An error that cannot be shown. Its `Debug` output is not used: it may hold what nobody asked to record.
pub trait Mute {
    /// The name of its type.
    fn message(&self) -> Text;
}

impl<E> Mute for Fault<'_, E> {
    fn message(&self) -> Text {
        Text::Borrowed(std::any::type_name::<E>())
    }
}
