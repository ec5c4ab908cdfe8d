//! Numbers packed into bits, as Parquet packs them: run lengths and differences.

use bytes::Bytes;

use super::SegmentError;

fn damaged(what: &str) -> SegmentError {
    SegmentError::damaged(what)
}

/// Eight bytes from here on; zeros behind the end.
fn word(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            u64::from_le_bytes(word)
        }
    }
}

/// So many bits from this bit on, at most 64.
fn bits(bytes: &[u8], bit: usize, width: u32) -> u64 {
    let (at, shift) = (bit / 8, (bit % 8) as u32);
    let low = word(bytes, at) >> shift;
    let value = match shift + width > 64 {
        true => low | u64::from(bytes.get(at + 8).copied().unwrap_or(0)) << (64 - shift),
        false => low,
    };
    if width < 64 { value & ((1 << width) - 1) } else { value }
}

/// An unsigned variable-length number and where it ends.
fn varint(bytes: &[u8], at: usize) -> Result<(u64, usize), SegmentError> {
    let mut value = 0;
    for shift in 0..10 {
        let byte = *bytes.get(at + shift).ok_or_else(|| damaged("a number cut short"))?;
        value |= u64::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            return Ok((value, at + shift + 1));
        }
    }
    Err(damaged("a number of more than ten bytes"))
}

/// Parquet's hybrid of run lengths and bit packing.
pub(super) struct Hybrid {
    data: Bytes,
    at: usize,
    width: u8,
    left: usize,
    run: Run,
}

/// What is left of a run: one value, or where the next packed one begins.
enum Run {
    Same(u32),
    Packed { bit: usize },
}

impl Hybrid {
    /// Values of so many bits each.
    pub(super) fn new(data: Bytes, width: u8) -> Hybrid {
        Hybrid { data, at: 0, width, left: 0, run: Run::Same(0) }
    }

    /// Appends the next values.
    pub(super) fn read(
        &mut self,
        mut count: usize,
        out: &mut Vec<u32>,
    ) -> Result<(), SegmentError> {
        while count > 0 {
            if self.left == 0 {
                self.next_run()?;
            }
            let here = count.min(self.left);
            match &mut self.run {
                Run::Same(value) => out.resize(out.len() + here, *value),
                Run::Packed { bit } => {
                    let width = usize::from(self.width);
                    let data = &self.data[..];
                    let from = *bit;
                    out.extend(
                        (0..here).map(|n| bits(data, from + n * width, width as u32) as u32),
                    );
                    *bit += here * width;
                }
            }
            self.left -= here;
            count -= here;
        }
        Ok(())
    }

    /// Passes over the next values.
    pub(super) fn skip(&mut self, mut count: usize) -> Result<(), SegmentError> {
        while count > 0 {
            if self.left == 0 {
                self.next_run()?;
            }
            let here = count.min(self.left);
            if let Run::Packed { bit } = &mut self.run {
                *bit += here * usize::from(self.width);
            }
            self.left -= here;
            count -= here;
        }
        Ok(())
    }

    fn next_run(&mut self) -> Result<(), SegmentError> {
        let (header, at) = varint(&self.data, self.at)?;
        let count = usize::try_from(header >> 1).map_err(|_| damaged("a run too long"))?;
        let bytes = if header & 1 == 1 {
            self.left = count.saturating_mul(8);
            self.run = Run::Packed { bit: at * 8 };
            count.saturating_mul(usize::from(self.width))
        } else {
            self.left = count;
            let value = bits(&self.data, at * 8, u32::from(self.width.div_ceil(8)) * 8);
            self.run = Run::Same(value as u32);
            usize::from(self.width.div_ceil(8))
        };
        self.at = at.saturating_add(bytes);
        if self.left == 0 || self.at > self.data.len() {
            return Err(damaged("a run that reaches beyond its page"));
        }
        Ok(())
    }
}

/// Parquet's DELTA_BINARY_PACKED.
pub(super) struct Delta {
    data: Bytes,
    at: usize,
    first: bool,
    last: i64,
    left: usize,
    minis: usize,
    per_mini: usize,
    /// Where the current block's widths stand, and which of its miniblocks is read.
    widths: usize,
    mini: usize,
    mini_left: usize,
    min_delta: i64,
    width: u32,
    bit: usize,
}

impl Delta {
    /// A page of so many values.
    pub(super) fn new(data: Bytes, values: usize) -> Result<Delta, SegmentError> {
        let (block, at) = varint(&data, 0)?;
        let (minis, at) = varint(&data, at)?;
        let (total, at) = varint(&data, at)?;
        let (first, at) = varint(&data, at)?;
        let sound = (1..=1 << 16).contains(&block)
            && (1..=block).contains(&minis)
            && block.is_multiple_of(minis)
            && (block / minis).is_multiple_of(32)
            && total == values as u64;
        if !sound {
            return Err(damaged("a page of differences with an impossible header"));
        }
        let (minis, per_mini) = (minis as usize, (block / minis) as usize);
        Ok(Delta {
            data,
            at,
            first: true,
            last: zigzag(first),
            left: values,
            minis,
            per_mini,
            widths: 0,
            mini: minis,
            mini_left: 0,
            min_delta: 0,
            width: 0,
            bit: 0,
        })
    }

    /// Appends the next values.
    pub(super) fn read(
        &mut self,
        mut count: usize,
        out: &mut Vec<i64>,
    ) -> Result<(), SegmentError> {
        self.left =
            self.left.checked_sub(count).ok_or_else(|| damaged("a page of too few values"))?;
        if self.first && count > 0 {
            self.first = false;
            out.push(self.last);
            count -= 1;
        }
        while count > 0 {
            if self.mini_left == 0 {
                self.next_mini()?;
            }
            let here = count.min(self.mini_left);
            if self.width == 0 && self.min_delta == 0 {
                out.resize(out.len() + here, self.last);
                (self.mini_left, count) = (self.mini_left - here, count - here);
                continue;
            }
            for n in 0..here {
                let delta = bits(&self.data, self.bit + n * self.width as usize, self.width) as i64;
                self.last = self.last.wrapping_add(self.min_delta).wrapping_add(delta);
                out.push(self.last);
            }
            self.bit += here * self.width as usize;
            self.mini_left -= here;
            count -= here;
        }
        Ok(())
    }

    fn next_mini(&mut self) -> Result<(), SegmentError> {
        if self.mini == self.minis {
            let (min_delta, at) = varint(&self.data, self.at)?;
            (self.min_delta, self.widths, self.mini) = (zigzag(min_delta), at, 0);
            self.at = at + self.minis;
        }
        let width = self.data.get(self.widths + self.mini).copied();
        let width = width.filter(|width| *width <= 64);
        self.width = u32::from(width.ok_or_else(|| damaged("differences wider than 64 bits"))?);
        self.bit = self.at * 8;
        self.at += self.per_mini / 8 * self.width as usize;
        if self.at > self.data.len() {
            return Err(damaged("differences that reach beyond their page"));
        }
        self.mini += 1;
        self.mini_left = self.per_mini;
        Ok(())
    }
}

fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
