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

impl<'a> Facets<'a> {
    /// Reads the facets from the canonical bytes of the parts. It relies on their fixed order and
    /// stops as soon as it has what it wants, so it is no check of the bytes that follow.
    pub fn read(
        who: Option<&'a [u8]>,
        where_: Option<&'a [u8]>,
        what: Option<&'a [u8]>,
    ) -> Result<Facets<'a>, FacetsError> {
        let mut facets = Facets::default();
        if let Some(mut reader) = Reader::open(who, b"{\"actor\":{")? {
            let [kind, id, email] = reader.texts([b"type", b"id", b"email"])?;
            (facets.actor_type, facets.actor_id, facets.actor_email) = (kind, id, email);
        }
        if let Some(mut reader) = Reader::open(where_, b"{\"context\":{")? {
            let [ip, service] = reader.texts([b"ip", b"service"])?;
            (facets.ip, facets.service) = (ip, service);
        }
        if let Some(mut reader) = Reader::open(what, b"{\"targets\":[{")? {
            let [kind, id] = reader.texts([b"type", b"id"])?;
            (facets.target_type, facets.target_id) = (kind, id);
        }
        Ok(facets)
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

    /// The string members with these names, which stand in this order. Members that are not
    /// strings come after all of them in every object read here, so the first one ends the search.
    fn texts<const N: usize>(
        &mut self,
        names: [&[u8]; N],
    ) -> Result<[Option<Cow<'a, str>>; N], FacetsError> {
        let mut texts = [const { None }; N];
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
                texts[found] = Some(text(value)?);
                wanted = found + 1;
            }
            match self.next() {
                Some(b',') => {}
                Some(b'}') => break,
                _ => return Err(FacetsError),
            }
        }
        Ok(texts)
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
