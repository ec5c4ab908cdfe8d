//! Functions of every kind keep their types, lifetimes and bounds.

use std::cell::Cell;
use std::fmt::Display;

use futures_executor::block_on;
use indelible_macros::audited;
use indelible_recorder::Recorder;

use crate::{only, told};

struct Shelf<T> {
    recorder: Recorder,
    items: Vec<T>,
}

fn shelf() -> Shelf<String> {
    Shelf { recorder: Recorder::memory(), items: vec!["a".into(), "b".into()] }
}

impl<T: Clone + Send + Sync> Shelf<T> {
    #[audited(action = "shelf.get", recorder = self.recorder)]
    fn get(&self, index: usize) -> Option<&T> {
        self.items.get(index)
    }

    #[audited(action = "shelf.get_mut", before = self.items.len(), recorder = self.recorder)]
    fn get_mut(&mut self, index: usize) -> Result<&mut T, &'static str> {
        self.items.get_mut(index).ok_or("not there")
    }

    #[audited(action = "shelf.push", after = result.items.len(), recorder = self.recorder)]
    fn push(&mut self, item: T) -> &mut Self {
        self.items.push(item);
        self
    }

    #[audited(action = "shelf.take", recorder = self.recorder)]
    fn take(self) -> Vec<T> {
        self.items
    }

    #[audited(action = "shelf.take_later", recorder = self.recorder)]
    async fn take_later(mut self, mut extra: Vec<T>) -> Vec<T> {
        self.items.append(&mut extra);
        self.items
    }

    #[audited(action = "shelf.add", before = self.items.len(), after = self.items.len(), recorder = self.recorder)]
    async fn add(&mut self, item: T) -> Result<usize, String> {
        self.items.push(item);
        Ok(self.items.len())
    }

    #[audited(action = "shelf.iter", details(least), recorder = self.recorder)]
    fn iter<'a, F>(&'a self, least: usize, keep: F) -> impl Iterator<Item = &'a T> + use<'a, T, F>
    where
        F: Fn(&T) -> bool,
    {
        self.items.iter().skip(least).filter(move |item| keep(item))
    }
}

#[test]
fn methods_by_reference_and_by_value() {
    assert_eq!(shelf().get(1).unwrap(), "b");
    let mut mutable = shelf();
    mutable.get_mut(1).unwrap().push('!');
    assert_eq!(mutable.items[1], "b!");
    assert_eq!(told(&mutable.recorder, "changes.before"), 2);
    let taken = shelf();
    let recorder = taken.recorder.clone();
    assert_eq!(taken.take().len(), 2);
    assert_eq!(only(&recorder).action(), "shelf.take");
    assert_eq!(block_on(shelf().take_later(vec!["c".into()])).len(), 3);
    assert_eq!(shelf().iter(1, |item| item != "a").count(), 1);
}

#[test]
fn a_state_after_that_is_asked_of_an_argument() {
    let mut shelf = shelf();
    block_on(shelf.add("c".into())).unwrap();
    assert_eq!(told(&shelf.recorder, "changes.before"), 2);
    assert_eq!(told(&shelf.recorder, "changes.after"), 3);
}

#[audited(action = "a.join", recorder = recorder)]
fn join<'a, const N: usize>(
    recorder: &Recorder,
    parts: [&'a str; N],
    (left, right): (char, char),
    with: impl Fn(&'a str) -> String,
    _: u8,
) -> Result<impl Display + Clone, std::num::ParseIntError> {
    let _number: u8 = parts[0].parse()?;
    Ok(format!("{left}{}{right}", parts.map(with).concat()))
}

#[audited(action = "a.join", recorder = recorder)]
async fn join_later(
    recorder: &Recorder,
    parts: &[impl Display],
) -> Result<impl Display + Clone, Box<dyn std::error::Error>> {
    if parts.is_empty() {
        return Err("nothing to join".into());
    }
    let _number: u8 = parts[0].to_string().parse()?;
    Ok(parts.iter().map(ToString::to_string).collect::<String>())
}

#[test]
fn impl_trait_in_arguments_and_returned() {
    let recorder = Recorder::memory();
    let joined = join(&recorder, ["1", "2"], ('<', '>'), str::to_owned, 0).unwrap();
    assert_eq!(joined.to_string(), "<12>");
    assert!(join(&recorder, ["x"], ('<', '>'), str::to_owned, 0).is_err());
    assert_eq!(block_on(join_later(&recorder, &[1, 2])).unwrap().to_string(), "12");
    assert!(block_on(join_later(&recorder, &["x"])).is_err());
    assert_eq!(recorder.events().len(), 4);
}

trait Store {
    fn put(&mut self, key: &str) -> Result<(), String>;

    #[audited(action = "store.close", details(size = self.size()), recorder = self.recorder())]
    fn close(&mut self) -> usize {
        self.size()
    }

    fn size(&self) -> usize;
    fn recorder(&self) -> &Recorder;
}

impl Store for Shelf<String> {
    #[audited(action = "store.put", resource = "object", id = key, recorder = self.recorder)]
    fn put(&mut self, key: &str) -> Result<(), String> {
        self.items.push(key.to_owned());
        Ok(())
    }

    fn size(&self) -> usize {
        self.items.len()
    }

    fn recorder(&self) -> &Recorder {
        &self.recorder
    }
}

#[test]
fn methods_of_traits() {
    let mut shelf = shelf();
    shelf.put("k").unwrap();
    assert_eq!(Store::close(&mut shelf), 3);
    let events = shelf.recorder.events();
    assert_eq!(events[0].get("targets.0.id"), Some("k".into()));
    assert_eq!(events[1].get("details.size"), Some(3.into()));
}

/// # Safety
/// The pointer must be one that can be read.
#[expect(unsafe_code, reason = "it is about unsafe functions")]
#[audited(action = "memory.read", recorder = recorder)]
unsafe fn read(recorder: &Recorder, at: *const u8) -> u8 {
    // SAFETY: as the caller promised.
    unsafe { *at }
}

#[test]
#[expect(unsafe_code, reason = "it is about unsafe functions")]
fn unsafe_functions() {
    let recorder = Recorder::memory();
    // SAFETY: a reference can be read.
    assert_eq!(unsafe { read(&recorder, &7) }, 7);
    assert_eq!(only(&recorder).action(), "memory.read");
}

#[audited(action = "tree.walk", details(depth), recorder = recorder)]
fn walk(recorder: &Recorder, depth: u8) -> u8 {
    if depth == 0 { 0 } else { 1 + walk(recorder, depth - 1) }
}

#[test]
fn recursion() {
    let recorder = Recorder::memory();
    assert_eq!(walk(&recorder, 2), 2);
    let depths: Vec<_> =
        recorder.events().iter().map(|e| e.get("details.depth").unwrap()).collect();
    assert_eq!(depths, [0, 1, 2], "the inner calls end first");
}

macro_rules! audited_fn {
    ($name:ident, $action:literal) => {
        #[audited(action = $action, after = result, recorder = recorder)]
        fn $name(recorder: &Recorder) -> u8 {
            let result = 7;
            result
        }
    };
}

audited_fn!(made, "macro.made");

#[test]
fn functions_made_by_macros() {
    let recorder = Recorder::memory();
    assert_eq!(made(&recorder), 7);
    assert_eq!(told(&recorder, "changes.after"), 7);
}

#[audited(action = "two.outer", recorder = recorder)]
#[audited(action = "two.inner", recorder = recorder)]
async fn twice(recorder: &Recorder) -> Result<u8, String> {
    Ok(1)
}

#[test]
fn two_attributes_record_two_events() {
    let recorder = Recorder::memory();
    block_on(twice(&recorder)).unwrap();
    let actions: Vec<_> = recorder.events().iter().map(|e| e.action().to_owned()).collect();
    assert_eq!(
        actions,
        ["two.outer", "two.inner"],
        "the lower attribute is applied last, around the other"
    );
}

mod renamed {
    use super::*;

    /// Stands before the name that the attribute would use.
    mod indelible {}

    #[audited(action = "a.b", recorder = recorder, crate = "indelible_recorder")]
    fn elsewhere(recorder: &Recorder) {}

    #[test]
    fn the_crate_may_have_another_name() {
        let recorder = Recorder::memory();
        elsewhere(&recorder);
        assert_eq!(only(&recorder).action(), "a.b");
    }
}

mod global {
    use super::*;

    #[audited(action = "global.use")]
    fn anywhere() {}

    #[test]
    fn without_a_recorder_the_global_one_records() {
        let recorder = Recorder::memory();
        assert!(indelible_recorder::set_global(recorder.clone()));
        anywhere();
        assert!(recorder.events().iter().any(|event| event.action() == "global.use"));
    }
}

#[audited(action = "cell.count", recorder = recorder)]
async fn count(recorder: Recorder, cell: Cell<u32>) -> u32 {
    cell.set(cell.get() + 1);
    std::future::ready(()).await;
    cell.get()
}

#[test]
fn a_future_that_could_be_sent_still_can() {
    fn sent<T: Send>(value: T) -> T {
        value
    }
    let recorder = Recorder::memory();
    let counted = sent(count(recorder.clone(), Cell::new(1)));
    assert_eq!(block_on(counted), 2);
    assert_eq!(block_on(sent(shelf().take_later(vec![]))).len(), 2);
    let mut shelf = shelf();
    assert!(block_on(sent(shelf.add("c".into()))).is_ok());
}
