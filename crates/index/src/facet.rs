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
    #[inline]
    pub fn get(&self, row: u32) -> u32 {
        let row = row as usize;
        match self {
            Codes::Plain(codes) => codes.get(row).copied().unwrap_or(0),
            Codes::Packed { bytes, width: 1 } => bytes.get(row).copied().unwrap_or(0).into(),
            Codes::Packed { bytes, width: 2 } => {
                let code = bytes.as_chunks::<2>().0.get(row).copied();
                u16::from_le_bytes(code.unwrap_or_default()).into()
            }
            Codes::Packed { bytes, width } => {
                let at = row * width;
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
        match self {
            Codes::Plain(codes) => tally(rows, codes.len(), counts, |row| codes[row]),
            Codes::Packed { bytes, width: 1 } => {
                tally(rows, bytes.len(), counts, |row| u32::from(bytes[row]));
            }
            Codes::Packed { bytes, width: 2 } => {
                let codes = bytes.as_chunks::<2>().0;
                tally(rows, codes.len(), counts, |row| u32::from(u16::from_le_bytes(codes[row])));
            }
            Codes::Packed { bytes, width: 3 } => {
                let codes = bytes.as_chunks::<3>().0;
                let code =
                    |[low, middle, high]: [u8; 3]| u32::from_le_bytes([low, middle, high, 0]);
                tally(rows, codes.len(), counts, |row| code(codes[row]));
            }
            Codes::Packed { bytes, width: 4 } => {
                let codes = bytes.as_chunks::<4>().0;
                tally(rows, codes.len(), counts, |row| u32::from_le_bytes(codes[row]));
            }
            Codes::Packed { width, .. } => {
                debug_assert!(false, "no column is {width} bytes wide");
            }
        }
    }
}

/// Codes that are counted in several banks at once: a frequent one, counted again and again, would wait
/// for its own count each time.
const BANKED_CODES: usize = 256;
const BANKS: usize = 4;
/// Rows of a run from which it is worth counting without a list of them.
const RUN_ROWS: u32 = 16;

/// Counts the codes of rows below `end`.
fn tally(rows: &RoaringBitmap, end: usize, counts: &mut [u32], code: impl Fn(usize) -> u32) {
    if counts.len() > BANKED_CODES {
        each(rows, end, |row, _| {
            if let Some(count) = counts.get_mut(code(row) as usize) {
                *count += 1;
            }
        });
        return;
    }
    let mut banks = [[0_u32; BANKED_CODES]; BANKS];
    each(rows, end, |row, turn| {
        if let Some(count) = banks[turn % BANKS].get_mut(code(row) as usize) {
            *count += 1;
        }
    });
    for (index, count) in counts.iter_mut().enumerate() {
        *count += banks.iter().map(|bank| bank[index]).sum::<u32>();
    }
}

/// Rows that a set of rows keeps together.
const TOGETHER: u32 = 1 << 16;

/// Shows each row below `end` with a number that goes round. Long runs are counted through, the other
/// rows come a bufferful at a time.
fn each(rows: &RoaringBitmap, end: usize, mut show: impl FnMut(usize, usize)) {
    let mut first = rows.min();
    while let Some(row) = first {
        let (from, to) = (row & !(TOGETHER - 1), row | (TOGETHER - 1));
        if rows.range_cardinality(from..=to) == u64::from(TOGETHER) {
            // Not only for speed: `next_many` takes a run of all of them for one of none.
            (from as usize..end.min(to as usize + 1)).for_each(|row| show(row, row));
        } else {
            each_of(rows.range(from..=to), end, &mut show);
        }
        first = to.checked_add(1).and_then(|next| rows.range(next..).next());
    }
}

fn each_of(mut rest: roaring::bitmap::Iter<'_>, end: usize, show: &mut impl FnMut(usize, usize)) {
    let mut buffer = [0_u32; 512];
    while let Some(run) = rest.next_range() {
        let (first, last) = (*run.start(), *run.end());
        for row in first as usize..end.min(last as usize + 1) {
            show(row, row);
        }
        if last - first < RUN_ROWS {
            for (turn, &row) in rest.next_many(&mut buffer).iter().enumerate() {
                if (row as usize) < end {
                    show(row as usize, turn);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "facet_tests.rs"]
mod tests;
