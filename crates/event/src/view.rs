//! A record as one flat JSON object, spliced from the very bytes that were hashed.

use crate::json::{write_string, write_u64};

/// What an entry begins with and the view leaves out.
const ENTRY_HEAD: &[u8] = b"{\"v\":1,";
/// What an entry's last member begins with, and how long that member and the closing brace are.
const ENTRY_TAIL: &[u8] = b",\"parts\":\"";
const ENTRY_TAIL_BYTES: usize = ENTRY_TAIL.len() + 43 + 2;

/// The nested event with its place: `{"trail":…,"seq":…}`, then the members of the entry (without
/// `v` and `parts`) and those of `who`, `where` and `what`, each copied as it is. Entry and parts
/// are taken as verified; bytes that are none of ours are left out rather than spliced.
pub fn view(trail: &str, seq: u64, entry: &[u8], parts: [Option<&[u8]>; 3]) -> Vec<u8> {
    let parts_len: usize = parts.iter().flatten().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(trail.len() + entry.len() + parts_len + 48);
    out.extend_from_slice(b"{\"trail\":");
    write_string(&mut out, trail.as_bytes());
    out.extend_from_slice(b",\"seq\":");
    write_u64(&mut out, seq);
    for members in std::iter::once(entry_members(entry))
        .chain(parts.map(|part| part.and_then(members)))
        .flatten()
    {
        out.push(b',');
        out.extend_from_slice(members);
    }
    out.push(b'}');
    out
}

fn entry_members(entry: &[u8]) -> Option<&[u8]> {
    let rest = entry.strip_prefix(ENTRY_HEAD)?;
    let (members, tail) = rest.split_at_checked(rest.len().checked_sub(ENTRY_TAIL_BYTES)?)?;
    tail.starts_with(ENTRY_TAIL).then_some(members)
}

fn members(part: &[u8]) -> Option<&[u8]> {
    let members = part.strip_prefix(b"{")?.strip_suffix(b"}")?;
    (!members.is_empty()).then_some(members)
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
