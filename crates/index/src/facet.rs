//! The few fields that are counted: each row has one value of each, or none.

use roaring::RoaringBitmap;

/// A field whose values are counted and suggested. Values are as written, not folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Facet {
    /// The action.
    Action = 0,
    /// The category.
    Category = 1,
    /// The outcome.
    Outcome = 2,
    /// `actor.id`.
    Actor = 3,
    /// `type` of the first target.
    ResourceType = 4,
    /// `type/id` of the first target.
    Resource = 5,
    /// `context.ip`, as written.
    Ip = 6,
    /// `context.service`.
    Service = 7,
}

impl Facet {
    /// How many there are.
    pub const COUNT: usize = 8;
    /// All, in order.
    pub const ALL: [Facet; Facet::COUNT] = [
        Facet::Action,
        Facet::Category,
        Facet::Outcome,
        Facet::Actor,
        Facet::ResourceType,
        Facet::Resource,
        Facet::Ip,
        Facet::Service,
    ];

    /// Its name in the query language, in the API and in metrics.
    pub fn name(self) -> &'static str {
        ["action", "category", "outcome", "actor", "resource_type", "resource", "ip", "service"]
            [self as usize]
    }

    /// The facet of this name.
    pub fn from_name(name: &str) -> Option<Facet> {
        Facet::ALL.into_iter().find(|facet| facet.name() == name)
    }
}

/// A column of codes, one a row: `0` is no value, `n` the value number `n - 1` of the facet's dictionary.
#[derive(Clone, Copy, Debug)]
pub enum Codes<'a> {
    /// Little-endian numbers of 1 to 4 bytes, one a row.
    Packed {
        /// The bytes.
        bytes: &'a [u8],
        /// Bytes a row.
        width: usize,
    },
    /// Numbers as they are in memory.
    Plain(&'a [u32]),
}

impl Codes<'_> {
    /// A row's code.
    pub fn get(&self, row: u32) -> u32 {
        match self {
            Codes::Plain(codes) => codes.get(row as usize).copied().unwrap_or(0),
            Codes::Packed { bytes, width } => {
                let at = row as usize * width;
                let mut code = [0; 4];
                if let Some(from) = bytes.get(at..at + width) {
                    code[..*width].copy_from_slice(from);
                }
                u32::from_le_bytes(code)
            }
        }
    }

    /// Adds one to `counts[code]` for each of the rows. Codes beyond the end are not counted.
    pub fn count(&self, rows: &RoaringBitmap, counts: &mut [u32]) {
        for row in rows {
            if let Some(count) = counts.get_mut(self.get(row) as usize) {
                *count += 1;
            }
        }
    }
}
