//! Progress on a terminal, and only there.

use indicatif::{ProgressBar, ProgressStyle};

use crate::out;

/// Something that takes a while, shown on standard error if a person looks at it.
pub struct Progress(ProgressBar);

impl Progress {
    /// So many bytes to go through; nothing is shown where their number is not known.
    pub fn bytes(len: Option<u64>, json: bool) -> Progress {
        match len {
            Some(len) if out::is_watched() && !json => Progress(ProgressBar::new(len).with_style(
                style("{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go"),
            )),
            _ => Progress(ProgressBar::hidden()),
        }
    }

    /// A count that rises to nobody knows where.
    pub fn count(what: &str, json: bool) -> Progress {
        if !out::is_watched() || json {
            return Progress(ProgressBar::hidden());
        }
        Progress(
            ProgressBar::no_length()
                .with_style(style(&format!("{{spinner}} {{human_pos}} {what}"))),
        )
    }

    /// A count of a total that is told with it.
    pub fn of(what: &str, json: bool) -> Progress {
        if !out::is_watched() || json {
            return Progress(ProgressBar::hidden());
        }
        let template = format!("{{bar:30}} {{human_pos}} of {{human_len}} {what}, {{eta}} to go");
        Progress(ProgressBar::new(0).with_style(style(&template)))
    }

    /// Something that has stages, each of its own length, if that is known.
    pub fn stages(json: bool) -> Progress {
        if !out::is_watched() || json {
            return Progress(ProgressBar::hidden());
        }
        Progress(ProgressBar::no_length().with_style(style("{spinner} {msg}")))
    }

    /// It is in this stage, and so far.
    pub fn stage(&self, name: &str, done: u64, of: Option<u64>) {
        match of {
            Some(of) => {
                self.0.set_style(style("{bar:30} {percent}% {msg}, {eta} to go"));
                self.set_of(done, of);
            }
            None => self.0.set_style(style("{spinner} {msg}")),
        }
        if self.0.message() != name {
            self.0.set_message(name.to_owned());
            self.0.reset_eta();
        }
        self.0.tick();
    }

    /// So much of so much is done.
    pub fn set_of(&self, done: u64, all: u64) {
        self.0.set_length(all);
        self.0.set_position(done);
    }

    /// So much more is done.
    pub fn advance(&self, by: u64) {
        self.0.inc(by);
    }

    /// So much is done in all.
    pub fn set(&self, done: u64) {
        self.0.set_position(done);
    }

    /// Lets something be said in between.
    pub fn pause<T>(&self, say: impl FnOnce() -> T) -> T {
        self.0.suspend(say)
    }

    /// Takes it off the screen.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
