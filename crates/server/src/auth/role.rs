//! What a credential may do.

use std::fmt;

/// What a credential may do at all; its trails narrow that down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Appends.
    Writer,
    /// Reads its trails.
    Reader,
    /// Reads all trails, `_system` too, and exports.
    Auditor,
    /// All of it, and keys and settings.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 4] = [Role::Writer, Role::Reader, Role::Auditor, Role::Admin];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Writer => "writer",
            Role::Reader => "reader",
            Role::Auditor => "auditor",
            Role::Admin => "admin",
        }
    }

    /// The role with this name.
    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether it may append events.
    pub fn may_append(self) -> bool {
        matches!(self, Role::Writer | Role::Admin)
    }

    /// Whether it may read events.
    pub fn may_read(self) -> bool {
        self != Role::Writer
    }

    /// Whether it sees the node's own trail, and may export.
    pub fn may_audit(self) -> bool {
        matches!(self, Role::Auditor | Role::Admin)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
