//! By which time of an event: when it was recorded, or when it happened.

/// By which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// When it was recorded.
    Recorded,
    /// When it happened, as the caller said.
    Happened,
}

impl By {
    /// As an address has it; `otherwise` where it says neither.
    pub fn read(text: Option<&str>, otherwise: By) -> By {
        let known = [By::Recorded, By::Happened];
        known.into_iter().find(|by| Some(by.text()) == text).unwrap_or(otherwise)
    }

    /// As an address has it.
    pub fn text(self) -> &'static str {
        if self == By::Happened { "happened" } else { "recorded" }
    }

    /// As an address has it, where this one need not be said.
    pub fn unless(self, otherwise: By) -> &'static str {
        if self == otherwise { "" } else { self.text() }
    }

    /// What an event did then.
    pub fn past(self) -> &'static str {
        if self == By::Happened { "happened" } else { "was recorded" }
    }

    /// The other one.
    pub fn other(self) -> By {
        if self == By::Happened { By::Recorded } else { By::Happened }
    }

    /// The key of the query language.
    pub fn key(self) -> &'static str {
        if self == By::Happened { "occurred" } else { "created" }
    }

    /// The name of the field.
    pub fn field(self) -> &'static str {
        if self == By::Happened { "occurred_at" } else { "recorded_at" }
    }
}
