//! The few fields of the sealed parts that a segment keeps as columns, read back from their bytes.

use std::borrow::Cow;

use crate::json::{plain_until, unescape};

/// What the facet columns say of a record; `None` where its parts do not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets<'a> {
    /// `actor.type`.
    pub actor_type: Option<Cow<'a, str>>,
    /// `actor.id`.
    pub actor_id: Option<Cow<'a, str>>,
    /// `actor.email`.
    pub actor_email: Option<Cow<'a, str>>,
    /// `targets[0].type`.
    pub target_type: Option<Cow<'a, str>>,
    /// `targets[0].id`.
    pub target_id: Option<Cow<'a, str>>,
    /// `context.ip`.
    pub ip: Option<Cow<'a, str>>,
    /// `context.service`.
    pub service: Option<Cow<'a, str>>,
}

/// The bytes are not a canonical part, as far as they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the canonical bytes of a sealed part")]
pub struct FacetsError;

/// The facets as the parts write them: what stands between the quotes, with its escapes. Nothing is
/// copied and no UTF-8 checked, so that a verifier can compare every row at the cost of the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawFacets<'a>([Option<&'a [u8]>; Facets::COUNT]);

impl<'a> RawFacets<'a> {
    /// Finds the facets in the canonical bytes of the parts. It relies on their fixed order and
    /// stops as soon as it has what it wants, so it is no check of the bytes that follow.
    pub fn read(
        who: Option<&'a [u8]>,
        where_: Option<&'a [u8]>,
        what: Option<&'a [u8]>,
    ) -> Result<RawFacets<'a>, FacetsError> {
        let mut all = [None; Facets::COUNT];
        if let Some(mut reader) = Reader::open(who, b"{\"actor\":{")? {
            reader.bodies([b"type", b"id", b"email"], &mut all[..3])?;
        }
        if let Some(mut reader) = Reader::open(what, b"{\"targets\":[{")? {
            reader.bodies([b"type", b"id"], &mut all[3..5])?;
        }
        if let Some(mut reader) = Reader::open(where_, b"{\"context\":{")? {
            reader.bodies([b"ip", b"service"], &mut all[5..])?;
        }
        Ok(RawFacets(all))
    }

    /// Whether these texts, in the order of the fields of [`Facets`], are what the parts say. Bytes
    /// that are no UTF-8 are equal where both sides have them: whoever asks must know from elsewhere
    /// that the parts are text, as a record does that hashes to its leaf.
    pub fn say(&self, texts: &[Option<&[u8]>; Facets::COUNT]) -> bool {
        self.0.iter().zip(texts).all(|(body, text)| match (body, text) {
            (None, None) => true,
            (Some(body), Some(text)) => says(body, text),
            _ => false,
        })
    }
}

/// Whether a string's canonical body stands for the text.
fn says(body: &[u8], text: &[u8]) -> bool {
    // A backslash in a body begins an escape, so only a body without one can be its own text.
    match memchr::memchr(b'\\', body) {
        None => body == text,
        Some(_) => unescape(body).is_some_and(|unescaped| unescaped == text),
    }
}

impl<'a> Facets<'a> {
    /// How many there are.
    pub const COUNT: usize = 7;

    /// Reads the facets from the canonical bytes of the parts, like [`RawFacets::read`].
    pub fn read(
        who: Option<&'a [u8]>,
        where_: Option<&'a [u8]>,
        what: Option<&'a [u8]>,
    ) -> Result<Facets<'a>, FacetsError> {
        let raw = RawFacets::read(who, where_, what)?;
        let [actor_type, actor_id, actor_email, target_type, target_id, ip, service] = raw.0;
        let text = |body: Option<&'a [u8]>| body.map(text).transpose();
        Ok(Facets {
            actor_type: text(actor_type)?,
            actor_id: text(actor_id)?,
            actor_email: text(actor_email)?,
            target_type: text(target_type)?,
            target_id: text(target_id)?,
            ip: text(ip)?,
            service: text(service)?,
        })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader inside the first object of a part, if the part begins with that object.
    fn open(part: Option<&'a [u8]>, head: &[u8]) -> Result<Option<Reader<'a>>, FacetsError> {
        match part {
            None => Ok(None),
            Some(bytes) if bytes.starts_with(head) => Ok(Some(Reader { bytes, at: head.len() })),
            Some([b'{', b'"', ..]) => Ok(None),
            Some(_) => Err(FacetsError),
        }
    }

    /// The bodies of the string members with these names, which stand in this order. Members that are
    /// not strings come after all of them in every object read here, so the first one ends the search.
    fn bodies<const N: usize>(
        &mut self,
        names: [&[u8]; N],
        bodies: &mut [Option<&'a [u8]>],
    ) -> Result<(), FacetsError> {
        let mut wanted = 0;
        while wanted < N {
            let key = self.string()?;
            if self.next() != Some(b':') {
                return Err(FacetsError);
            }
            if self.bytes.get(self.at) != Some(&b'"') {
                break;
            }
            let value = self.string()?;
            if let Some(found) = (wanted..N).find(|&i| names[i] == key) {
                bodies[found] = Some(value);
                wanted = found + 1;
            }
            match self.next() {
                Some(b',') => {}
                Some(b'}') => break,
                _ => return Err(FacetsError),
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// What stands between the quotes of the string here.
    fn string(&mut self) -> Result<&'a [u8], FacetsError> {
        if self.next() != Some(b'"') {
            return Err(FacetsError);
        }
        let start = self.at;
        loop {
            self.at = plain_until(self.bytes, self.at);
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                _ => return Err(FacetsError),
            }
        }
        let body = &self.bytes[start..self.at];
        self.at += 1;
        Ok(body)
    }
}

fn text(body: &[u8]) -> Result<Cow<'_, str>, FacetsError> {
    if memchr::memchr(b'\\', body).is_none() {
        return std::str::from_utf8(body).map(Cow::Borrowed).map_err(|_| FacetsError);
    }
    let text = unescape(body).ok_or(FacetsError)?;
    String::from_utf8(text).map(Cow::Owned).map_err(|_| FacetsError)
}

#[cfg(test)]
#[path = "facets_tests.rs"]
mod tests;
