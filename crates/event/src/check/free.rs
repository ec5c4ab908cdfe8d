//! Free JSON: any value, made canonical while it is read. White space goes, strings are escaped
//! minimally, numbers and the order of keys stay as received.

use std::fmt::Write as _;

use super::scan::{Fault, Path, Scan, Span, Step};
use crate::{RefusalKind, limits};

/// Up to so many keys are compared each with each; larger objects are sorted once they are
/// complete, so that a thousand keys do not cost half a million comparisons.
const COMPARED_KEYS_MAX: usize = 16;

/// A value of free JSON being read, without recursion: depth is a number here, not a stack frame.
struct Free<'s, 'a> {
    scan: &'s mut Scan<'a>,
    /// The beginning of the received bytes that are canonical as they are and not yet copied.
    run: usize,
    /// Where the value begins in the scratch, once something had to change.
    changed: Option<usize>,
    /// A bit for each open container: whether it is an object.
    objects: u64,
    /// For each open container: an object's first key in `scan.keys`, or an array's index.
    levels: [u32; limits::DEPTH_MAX],
    /// How many containers are open.
    open: usize,
    /// How many more may be.
    open_max: usize,
}

impl Scan<'_> {
    /// The canonical bytes of the value here; `depth` levels are open around it.
    pub fn free(&mut self, path: &Path<'_>, depth: usize) -> Step<Span> {
        self.keys.clear();
        let start = self.at;
        let open_max = limits::DEPTH_MAX.saturating_sub(depth);
        let levels = [0; limits::DEPTH_MAX];
        let mut free =
            Free { run: start, changed: None, objects: 0, levels, open: 0, open_max, scan: self };
        if let Err(mut fault) = free.value() {
            free.locate(&mut fault, path);
            return Err(fault);
        }
        let Free { run, changed, .. } = free;
        Ok(match changed {
            None => Span::input(start, self.at),
            Some(mark) => {
                self.scratch.extend_from_slice(&self.bytes[run..self.at]);
                Span::scratch(mark, self.scratch.len())
            }
        })
    }
}

impl Free<'_, '_> {
    fn value(&mut self) -> Step<()> {
        'value: loop {
            match self.token() {
                b'"' => {
                    self.string()?;
                }
                b'{' => {
                    self.open(true)?;
                    if self.token() != b'}' {
                        self.key()?;
                        continue 'value;
                    }
                    self.close()?;
                }
                b'[' => {
                    self.open(false)?;
                    if self.token() != b']' {
                        continue 'value;
                    }
                    self.close()?;
                }
                b'-' | b'0'..=b'9' => {
                    self.scan.number()?;
                }
                b't' => self.scan.literal("true")?,
                b'f' => self.scan.literal("false")?,
                b'n' => self.scan.literal("null")?,
                _ => return Err(self.scan.unexpected("a value")),
            }
            // The value is complete, and perhaps completes the containers around it.
            while self.open > 0 {
                match (self.token(), self.in_object()) {
                    (b',', true) => {
                        self.scan.at += 1;
                        self.key()?;
                        continue 'value;
                    }
                    (b',', false) => {
                        self.scan.at += 1;
                        self.levels[self.open - 1] += 1;
                        continue 'value;
                    }
                    (b'}', true) | (b']', false) => self.close()?,
                    (_, true) => {
                        return Err(self.scan.unexpected("a comma or the end of the object"));
                    }
                    (_, false) => {
                        return Err(self.scan.unexpected("a comma or the end of the array"));
                    }
                }
            }
            return Ok(());
        }
    }

    /// The next byte that is not white space; white space is cut out of the canonical bytes.
    #[inline]
    fn token(&mut self) -> u8 {
        let byte = self.scan.peek();
        if byte > b' ' {
            return byte;
        }
        let end = self.scan.at;
        let byte = self.scan.token();
        if self.scan.at > end {
            self.copy_run(end);
            self.run = self.scan.at;
        }
        byte
    }

    fn copy_run(&mut self, end: usize) {
        self.changed.get_or_insert(self.scan.scratch.len());
        self.scan.scratch.extend_from_slice(&self.scan.bytes[self.run..end]);
    }

    #[inline]
    fn in_object(&self) -> bool {
        self.objects >> (self.open - 1) & 1 == 1
    }

    #[inline]
    fn open(&mut self, object: bool) -> Step<()> {
        if self.open >= self.open_max {
            return Err(self.scan.fault(RefusalKind::TooDeep));
        }
        self.scan.at += 1;
        self.objects = self.objects & !(1 << self.open) | u64::from(object) << self.open;
        self.levels[self.open] = if object { self.scan.keys.len() as u32 } else { 0 };
        self.open += 1;
        Ok(())
    }

    #[inline]
    fn close(&mut self) -> Step<()> {
        if self.in_object() {
            let first = self.levels[self.open - 1] as usize;
            if self.scan.keys.len() - first > COMPARED_KEYS_MAX {
                self.refuse_equal_keys(first)?;
            }
            self.scan.keys.truncate(first);
        }
        self.scan.at += 1;
        self.open -= 1;
        Ok(())
    }

    /// The canonical body of the string here, which stays in the run if it needs no change.
    #[inline]
    fn string(&mut self) -> Step<Span> {
        let body = self.scan.at + 1;
        let end = crate::json::plain_until(self.scan.bytes, body);
        if self.scan.bytes.get(end) == Some(&b'"') {
            self.scan.at = end + 1;
            return Ok(Span::input(body, end));
        }
        self.copy_run(body);
        let mark = self.scan.scratch.len();
        self.scan.transcode()?;
        self.run = self.scan.at - 1;
        Ok(Span::scratch(mark, self.scan.scratch.len()))
    }

    /// A key and its colon.
    #[inline]
    fn key(&mut self) -> Step<()> {
        if self.token() != b'"' {
            return Err(self.scan.unexpected("a key in quotes"));
        }
        let key_at = self.scan.at;
        let key = self.string()?;
        let first = self.levels[self.open - 1] as usize;
        let others = &self.scan.keys[first..];
        let body = self.scan.get(key);
        let twice = others.len() < COMPARED_KEYS_MAX
            && others.iter().any(|&other| self.scan.get(other) == body);
        // Kept before anything is refused, so that a refusal names this key and not the one before.
        self.scan.keys.push(key);
        self.scan.count_key(key, key_at)?;
        if twice {
            return Err(self.scan.fault_at(RefusalKind::DuplicateKey, key_at));
        }
        if self.token() != b':' {
            return Err(self.scan.unexpected("a colon after the key"));
        }
        self.scan.at += 1;
        Ok(())
    }

    fn refuse_equal_keys(&mut self, first: usize) -> Step<()> {
        let mut keys = self.scan.keys.split_off(first);
        keys.sort_unstable_by(|&a, &b| self.scan.get(a).cmp(self.scan.get(b)));
        let twice = keys.windows(2).find(|pair| self.scan.get(pair[0]) == self.scan.get(pair[1]));
        if let Some(pair) = twice {
            self.scan.keys.push(pair[1]);
            return Err(self.scan.fault(RefusalKind::DuplicateKey));
        }
        self.scan.keys.append(&mut keys);
        Ok(())
    }

    /// Writes where reading stopped as a JSON Pointer from the event down.
    #[cold]
    fn locate(&self, fault: &mut Fault, path: &Path<'_>) {
        let mut pointer = path.pointer();
        for level in 0..self.open {
            if self.objects >> level & 1 == 0 {
                // Writing to a string cannot fail.
                let _ = write!(pointer, "/{}", self.levels[level]);
                continue;
            }
            let deeper = (level + 1..self.open).find(|deeper| self.objects >> deeper & 1 == 1);
            let end = deeper.map_or(self.scan.keys.len(), |deeper| self.levels[deeper] as usize);
            if end > self.levels[level] as usize {
                let key = self.scan.key_shown(self.scan.keys[end - 1]);
                let _ = write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1"));
            }
        }
        fault.field = Some(pointer);
    }
}
