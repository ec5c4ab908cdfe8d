//! The facets: a dictionary of values and a column of codes each.

use std::borrow::Cow;
use std::io;

use super::dictionary::shared;
use super::file::{Fields, FileWriter, PagedFile, Section, bad};
use super::varint;
use crate::facet::Codes;
use crate::index::IndexError;

/// Values of a group; the first of each stands whole.
const GROUP_VALUES: u32 = 16;
const GROUP_BYTES: u64 = 8;
const COUNT_BYTES: u64 = 4;

/// Bytes of a code where there are so many values.
fn width(values: u32) -> usize {
    match values {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xff_ffff => 3,
        _ => 4,
    }
}

/// Writes the dictionary of a facet after its codes.
#[derive(Debug, Default)]
struct ValueWriter {
    values: Vec<u8>,
    groups: Vec<u8>,
    count: u32,
    last: Vec<u8>,
}

impl ValueWriter {
    fn add(&mut self, value: &[u8]) {
        if self.count.is_multiple_of(GROUP_VALUES) {
            self.groups.extend_from_slice(&(self.values.len() as u64).to_le_bytes());
            self.last.clear();
        }
        let common = shared(&self.last, value);
        varint::put(&mut self.values, common as u64);
        varint::put(&mut self.values, (value.len() - common) as u64);
        self.values.extend_from_slice(&value[common..]);
        self.last.truncate(common);
        self.last.extend_from_slice(&value[common..]);
        self.count += 1;
    }
}

/// Writes one facet: the rows' codes, the sorted values, and how often each code occurs.
pub(crate) fn write<'v>(
    out: &mut FileWriter<'_>,
    facet: usize,
    codes: &mut dyn Iterator<Item = io::Result<u32>>,
    values: impl ExactSizeIterator<Item = &'v [u8]>,
    counts: &[u32],
) -> io::Result<()> {
    let width = width(values.len() as u32);
    for code in codes {
        out.write(&code?.to_le_bytes()[..width])?;
    }
    out.end(Section::Codes(facet));
    let mut writer = ValueWriter::default();
    values.for_each(|value| writer.add(value));
    out.write(&writer.values)?;
    out.end(Section::Values(facet));
    out.write(&writer.groups)?;
    out.end(Section::ValueGroups(facet));
    for count in counts {
        out.write(&count.to_le_bytes())?;
    }
    out.end(Section::Counts(facet));
    Ok(())
}

/// One facet in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FacetColumn {
    facet: usize,
    len: u32,
}

impl FacetColumn {
    /// Of a file whose sections must fit each other.
    pub(crate) fn open(
        file: &PagedFile,
        facet: usize,
        rows: u32,
    ) -> Result<FacetColumn, IndexError> {
        let counts = file.len(Section::Counts(facet));
        let len = u32::try_from(counts / COUNT_BYTES).ok().and_then(|counts| counts.checked_sub(1));
        let len = len
            .filter(|_| counts.is_multiple_of(COUNT_BYTES))
            .ok_or_else(|| bad("a facet has no counts"))?;
        let groups = u64::from(len.div_ceil(GROUP_VALUES));
        if file.len(Section::Codes(facet)) != u64::from(rows) * width(len) as u64
            || file.len(Section::ValueGroups(facet)) != groups * GROUP_BYTES
        {
            return Err(bad("a facet's column is not as long as it should be"));
        }
        Ok(FacetColumn { facet, len })
    }

    /// How many values it has.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// Each row's code.
    pub(crate) fn codes<'a>(&self, file: &'a PagedFile) -> Result<Codes<'a>, IndexError> {
        let bytes = file.section(Section::Codes(self.facet))?;
        Ok(Codes::Packed { bytes, width: width(self.len) })
    }

    /// How often each code occurs.
    pub(crate) fn counts(&self, file: &PagedFile) -> Result<Vec<u32>, IndexError> {
        let bytes = file.section(Section::Counts(self.facet))?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|count| u32::from_le_bytes(*count)).collect())
    }

    fn group<'a>(&self, file: &'a PagedFile, group: u32) -> Result<&'a [u8], IndexError> {
        let from = u64::from(group) * GROUP_BYTES;
        let section = Section::ValueGroups(self.facet);
        let start = Fields(file.part(section, from..from + GROUP_BYTES)?).u64();
        let end = if group + 1 < self.len.div_ceil(GROUP_VALUES) {
            Fields(file.part(section, from + GROUP_BYTES..from + 2 * GROUP_BYTES)?).u64()
        } else {
            file.len(Section::Values(self.facet))
        };
        file.part(Section::Values(self.facet), start..end)
    }

    /// The value of a code less one.
    pub(crate) fn value<'a>(
        &self,
        file: &'a PagedFile,
        index: u32,
    ) -> Result<Cow<'a, str>, IndexError> {
        if index >= self.len {
            return Err(bad("a facet has no such value"));
        }
        let group = self.group(file, index / GROUP_VALUES)?;
        let mut value = Vec::new();
        let mut at = 0;
        for _ in 0..=index % GROUP_VALUES {
            next_value(group, &mut at, &mut value)?;
        }
        String::from_utf8(value).map(Cow::Owned).map_err(|_| bad("a value is not text"))
    }

    /// The code of a value, 0 if there is none.
    pub(crate) fn code(&self, file: &PagedFile, wanted: &[u8]) -> Result<u32, IndexError> {
        let mut value = Vec::new();
        let (mut low, mut high) = (0, self.len.div_ceil(GROUP_VALUES));
        while low < high {
            let middle = low.midpoint(high);
            value.clear();
            next_value(self.group(file, middle)?, &mut 0, &mut value)?;
            if value.as_slice() <= wanted { low = middle + 1 } else { high = middle }
        }
        let Some(group) = low.checked_sub(1) else {
            return Ok(0);
        };
        let (first, entries) = (group * GROUP_VALUES, self.group(file, group)?);
        let mut at = 0;
        value.clear();
        for index in first..self.len.min(first + GROUP_VALUES) {
            next_value(entries, &mut at, &mut value)?;
            if value == wanted {
                return Ok(index + 1);
            }
        }
        Ok(0)
    }

    /// All values in order, one after the other in one piece of memory, and where each ends.
    pub(crate) fn values(&self, file: &PagedFile) -> Result<Values, IndexError> {
        let mut all = Values::default();
        let mut value = Vec::new();
        for group in 0..self.len.div_ceil(GROUP_VALUES) {
            let entries = self.group(file, group)?;
            let mut at = 0;
            value.clear();
            while at < entries.len() {
                next_value(entries, &mut at, &mut value)?;
                all.bytes.extend_from_slice(&value);
                all.ends.push(all.bytes.len());
            }
        }
        if all.ends.len() != self.len as usize {
            return Err(bad("a facet has not as many values as counts"));
        }
        Ok(all)
    }
}

/// Values of a facet, decoded.
#[derive(Debug, Default)]
pub(crate) struct Values {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Values {
    /// Those there are.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|index| {
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            &self.bytes[start..self.ends[index]]
        })
    }
}

fn next_value(entries: &[u8], at: &mut usize, value: &mut Vec<u8>) -> Result<(), IndexError> {
    let common = varint::get_len(entries, at, value.len())?;
    let length = varint::get_len(entries, at, entries.len())?;
    let suffix = entries.get(*at..).and_then(|rest| rest.get(..length));
    value.truncate(common);
    value.extend_from_slice(suffix.ok_or_else(|| bad("a value reaches beyond its section"))?);
    *at += length;
    Ok(())
}
