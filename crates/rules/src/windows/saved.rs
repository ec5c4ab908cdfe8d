//! Windows written down, and read again.
//!
//! A magic, log time, place and late events, the trails with their watermarks, then for each rule its digest, when it
//! fired last, and its windows; at the end SHA-256 of all of it. The same state is the same bytes: all stands in the
//! order in which it was touched.

use std::collections::HashMap;
use std::sync::Arc;

use indelible_event::Micros;
use sha2::{Digest, Sha256};

use crate::set::RuleSet;

use super::codec::{COUNT, NUMBER, Reader, Writer, damaged};
use super::lane::Lane;
use super::{Windows, WindowsError};

/// The format, with its version.
const MAGIC: &[u8; 8] = b"ilwind\0\x01";
const DIGEST: usize = 32;

impl Windows {
    /// All state, to go on from later: at most [`STATE_BYTES_MAX`](crate::limits::STATE_BYTES_MAX), the names of the
    /// trails and 60 bytes for each rule.
    pub fn save(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.0.reserve(self.lanes.iter().flatten().map(Lane::saved_weight).sum());
        to.bytes(MAGIC);
        to.i64(self.now);
        to.u64(self.pos);
        to.u64(self.late);
        to.count(self.trails.len());
        for (trail, newest) in self.trails.iter() {
            to.text(trail);
            to.i64(*newest);
        }
        to.count(self.lanes.len());
        for ((rule, lane), tally) in self.rules.rules.iter().zip(&self.lanes).zip(&self.tallies) {
            to.bytes(&rule.digest);
            to.u8(u8::from(tally.last_fired_at.is_some()));
            to.i64(tally.last_fired_at.unwrap_or_default());
            // The length comes first, so that windows of a rule that is gone can be passed over.
            let begin = to.0.len();
            to.count(0);
            if let Some(lane) = lane {
                lane.write(self.now, &mut to);
            }
            let length = u32::try_from(to.0.len() - begin - COUNT).unwrap_or(u32::MAX);
            to.0[begin..begin + COUNT].copy_from_slice(&length.to_le_bytes());
        }
        let digest = Sha256::digest(&to.0);
        to.bytes(&digest);
        to.0
    }

    /// Goes on from saved state. Rules whose digest is another begin anew; `true` tells of which the state was taken over.
    pub fn restore(
        rules: &Arc<RuleSet>,
        lateness: Micros,
        saved: &[u8],
    ) -> Result<(Windows, Vec<bool>), WindowsError> {
        let mut windows = Windows::new(rules, lateness);
        let mut taken = vec![false; rules.rules.len()];
        let mut from = Reader::new(checked(saved)?);
        windows.now = from.time()?;
        windows.pos = from.u64()?;
        windows.late = from.u64()?;
        for _ in 0..from.count(COUNT + NUMBER)? {
            let (trail, newest) = (from.name()?, from.time()?);
            if windows.trails.find(&*trail).is_some() {
                return Err(damaged("a trail is there twice"));
            }
            windows.trails.insert(trail, newest);
        }
        let ours: HashMap<[u8; DIGEST], usize> =
            rules.rules.iter().enumerate().rev().map(|(no, rule)| (rule.digest, no)).collect();
        for _ in 0..from.count(DIGEST + 1 + NUMBER + COUNT)? {
            let (digest, has_fired, fired_at) = (from.digest()?, from.flag()?, from.time()?);
            let length = from.count(1)?;
            let windows_of_rule = from.bytes(length)?;
            let Some(no) = ours.get(&digest).copied().filter(|no| !taken[*no]) else { continue };
            taken[no] = true;
            windows.tallies[no].last_fired_at = has_fired.then_some(fired_at);
            if let Some(lane) = &mut windows.lanes[no] {
                let mut from = from.of(windows_of_rule);
                lane.read(&mut from)?;
                from.ended()?;
            }
        }
        from.ended()?;
        windows.count_up();
        Ok((windows, taken))
    }
}

/// What is between magic and checksum.
fn checked(saved: &[u8]) -> Result<&[u8], WindowsError> {
    let whole = saved.strip_prefix(MAGIC).and_then(|rest| rest.split_last_chunk::<DIGEST>());
    let (body, digest) = whole.ok_or_else(|| damaged("they are of another format"))?;
    if Sha256::digest(&saved[..saved.len() - DIGEST])[..] != digest[..] {
        return Err(damaged("they are not what was written"));
    }
    Ok(body)
}
