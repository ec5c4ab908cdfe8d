//! What asks before something is changed: what is, what will be, and a button that does it.

use maud::{Markup, html};

/// A change that is about to be made.
pub struct Asked<'a> {
    /// What is to be done.
    pub title: &'a str,
    /// What that means.
    pub means: Markup,
    /// Member, what it is now, and what it will be.
    pub rows: Vec<(&'a str, Markup, Markup)>,
    /// What the form goes to.
    pub action: &'a str,
    /// What it sends along, the state that was seen among them.
    pub hidden: Vec<(&'a str, String)>,
    /// The word on the button.
    pub button: &'a str,
    /// Whether something ends by it.
    pub danger: bool,
    /// Where one goes who does not want it.
    pub back: &'a str,
}

impl Asked<'_> {
    /// As a piece of a page.
    pub fn markup(&self) -> Markup {
        html! {
            section #confirm.panel.confirm aria-labelledby="confirm-title" {
                h2 #confirm-title { (self.title) }
                (self.means)
                table.stack.change {
                    thead { tr { th { span.sr { "What" } } th { "Now" } th { "Then" } } }
                    tbody { @for (what, before, after) in &self.rows {
                        tr { th scope="row" { (what) } td data-label="Now" { (before) } td data-label="Then" { (after) } }
                    } }
                }
                form method="post" action=(self.action) data-once {
                    @for (name, value) in &self.hidden { input type="hidden" name=(name) value=(value); }
                    p.acts {
                        button.danger[self.danger] name="confirm" value="yes" { (self.button) }
                        a.button.plain href=(self.back) { "Leave it" }
                    }
                    p.quiet { "This is recorded in the trail, with your name." }
                }
            }
        }
    }
}
