//! What a route and its path say about the deed: the resource's type and id, what contains it, and the action.

use std::borrow::Cow;

use super::classify::Verb;
use super::limits::{SEGMENTS_MAX, WORD_BYTES_MAX};
use super::singular::singular;
use crate::event::{Target, Text};

/// A segment of a route's template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment<'a> {
    Literal(&'a str),
    Param(&'a str),
    /// A parameter that takes all the rest.
    Rest(&'a str),
}

/// A piece of a path: a literal, or a parameter with its name (if a template gave it one) and value.
#[derive(Debug)]
enum Piece<'a> {
    Literal(&'a str),
    Param { name: Option<&'a str>, value: Option<&'a str> },
}

/// What a path is about.
#[derive(Debug, Default)]
pub(super) struct Deed {
    /// `post.delete`; none if there is no telling.
    pub(super) action: Option<String>,
    /// The resource first, then what contains it.
    pub(super) targets: Vec<Target>,
}

/// Reads a deed from the route's template and the path; from the path alone, where there is no template,
/// only as far as ids can be told by their form.
pub(super) fn deed(verb: Verb, template: Option<&str>, path: &str) -> Deed {
    let pieces = match template {
        Some(template) => by_template(template, path),
        None => by_form(path),
    };
    let things = things(&pieces);
    let action = action(verb, &pieces, &things);
    let target = |thing: Thing| Some(Target::new(thing.kind, thing.id?));
    Deed { action, targets: things.into_iter().rev().filter_map(target).collect() }
}

/// The path with `{name}` for the values of parameters that are secrets by their name.
pub(super) fn without_secrets<'p>(template: Option<&str>, path: &'p str) -> Cow<'p, str> {
    let Some(template) = template else { return Cow::Borrowed(path) };
    if !segments(template).any(
        |segment| matches!(segment, Segment::Param(name) | Segment::Rest(name) if is_secret(name)),
    ) {
        return Cow::Borrowed(path);
    }
    let mut out = String::with_capacity(path.len());
    let mut values = split(path);
    for segment in segments(template) {
        let Some(value) = values.next() else { break };
        out.push('/');
        match segment {
            Segment::Param(name) if is_secret(name) => out.extend(["{", name, "}"]),
            // What is behind a secret that may hold slashes is a part of it, perhaps.
            Segment::Rest(name) if is_secret(name) => {
                out.extend(["{", name, "}"]);
                return Cow::Owned(out);
            }
            _ => out.push_str(value),
        }
    }
    for value in values {
        out.push('/');
        out.push_str(value);
    }
    Cow::Owned(out)
}

/// Whether a path is one of this template.
pub(super) fn fits(template: &str, path: &str) -> bool {
    let mut values = split(path);
    for segment in segments(template) {
        match (segment, values.next()) {
            (Segment::Rest(_), _) => return true,
            (Segment::Literal(word), Some(value)) if word == value => {}
            (Segment::Param(_), Some(_)) => {}
            _ => return false,
        }
    }
    values.next().is_none()
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    super::pattern::trimmed(path).strip_prefix('/').unwrap_or_default().split('/')
}

/// The segments of a template, as axum (`{id}`, `{*rest}`), actix (`{id:\d+}`) and others (`:id`) write them. A
/// slash within braces belongs to a pattern.
fn segments(template: &str) -> impl Iterator<Item = Segment<'_>> {
    let mut depth = 0_usize;
    let template = super::pattern::trimmed(template);
    let template = template.strip_prefix('/').unwrap_or(template);
    template
        .split(move |c| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == '/' && depth == 0
        })
        .map(segment)
}

fn segment(text: &str) -> Segment<'_> {
    if let Some(name) = text.strip_prefix(':') {
        return Segment::Param(name);
    }
    if let Some(name) = text.strip_prefix('*') {
        return Segment::Rest(name);
    }
    let Some((_, inside)) = text.split_once('{') else { return Segment::Literal(text) };
    let inside = inside.rsplit_once('}').map_or(inside, |(inside, _)| inside);
    if let Some(name) = inside.strip_prefix('*') {
        return Segment::Rest(name);
    }
    match inside.split_once(':') {
        Some((name, ".*" | ".+")) => Segment::Rest(name),
        Some((name, _)) => Segment::Param(name),
        None => Segment::Param(inside),
    }
}

fn by_template<'a>(template: &'a str, path: &'a str) -> Vec<Piece<'a>> {
    let count = segments(template).count();
    let same = split(path).count() == count;
    let mut values = split(path);
    let mut rest = super::pattern::trimmed(path);
    let mut pieces = Vec::with_capacity(count.min(SEGMENTS_MAX));
    for segment in segments(template).take(SEGMENTS_MAX) {
        rest = rest.strip_prefix('/').unwrap_or(rest);
        let value = values.next();
        pieces.push(match segment {
            Segment::Literal(word) => Piece::Literal(word),
            // Where template and path do not lie side by side, there is no telling which value is whose.
            Segment::Param(name) => {
                let shown = value.filter(|value| same && !value.is_empty());
                Piece::Param { name: Some(name), value: shown }
            }
            Segment::Rest(name) => {
                Piece::Param { name: Some(name), value: Some(rest).filter(|rest| !rest.is_empty()) }
            }
        });
        if let Some(value) = value {
            rest = rest.strip_prefix(value).unwrap_or(rest);
        }
    }
    pieces
}

fn by_form(path: &str) -> Vec<Piece<'_>> {
    let piece = |value| match is_id(value) {
        true => Piece::Param { name: None, value: Some(value) },
        false => Piece::Literal(value),
    };
    let pieces: Vec<_> = split(path).take(SEGMENTS_MAX).map(piece).collect();
    // Words of a path that nobody declared are the caller's own, unless ids among them show what they are.
    let known = pieces.iter().any(|piece| matches!(piece, Piece::Param { .. }));
    if known { pieces } else { Vec::new() }
}

/// Whether a segment is a number or a UUID.
fn is_id(text: &str) -> bool {
    let number = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let digit = |(at, byte): (usize, u8)| {
        if dash(at) { byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    number || text.len() == 36 && text.bytes().enumerate().all(digit)
}

/// A resource of the path.
struct Thing {
    kind: String,
    id: Option<String>,
}

fn things(pieces: &[Piece<'_>]) -> Vec<Thing> {
    let mut things = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let Piece::Param { name, value } = piece else { continue };
        let before = at.checked_sub(1).map(|before| &pieces[before]);
        let kind = match before {
            Some(Piece::Literal(word)) if !is_noise(word) => kind_of(word),
            _ => None,
        };
        let named = || name.map(|name| name.strip_suffix("_id").unwrap_or(name)).and_then(kind_of);
        let kind = kind.or_else(|| named().filter(|name| name != "id"));
        let shown = value.filter(|_| !name.is_some_and(is_secret));
        let id = shown.map(decoded);
        things.push(Thing { kind: kind.unwrap_or_else(|| "resource".into()), id });
    }
    things
}

fn action(verb: Verb, pieces: &[Piece<'_>], things: &[Thing]) -> Option<String> {
    let literal = |piece: &Piece<'_>| match piece {
        Piece::Literal(word) if !is_noise(word) => word_of(word),
        _ => None,
    };
    let (last, front) = pieces.split_last()?;
    let Some(word) = literal(last) else {
        let thing = things.last().filter(|_| matches!(last, Piece::Param { .. }))?;
        return Some(format!("{}.{}", thing.kind, verb.deed(false)?));
    };
    let one = singular(&word);
    if one != word {
        return Some(format!("{one}.{}", verb.deed(true)?));
    }
    let collection = front.last().and_then(literal).and_then(|word| {
        let one = singular(&word);
        (one != word).then_some(one)
    });
    let base = collection.or_else(|| things.last().map(|thing| thing.kind.clone()));
    match (base, verb) {
        (Some(base), Verb::Post) => Some(format!("{base}.{word}")),
        (Some(base), verb) => Some(format!("{base}.{word}.{}", verb.deed(false)?)),
        // A POST to a single word may be anything.
        (None, Verb::Post) => None,
        (None, verb) => Some(format!("{word}.{}", verb.deed(false)?)),
    }
}

/// A literal as the type of a resource.
fn kind_of(literal: &str) -> Option<String> {
    word_of(literal).map(|word| singular(&word))
}

/// A literal in the alphabet of actions.
fn word_of(literal: &str) -> Option<String> {
    if literal.is_empty() || literal.len() > WORD_BYTES_MAX {
        return None;
    }
    let plain = |byte: u8| match byte.to_ascii_lowercase() {
        byte @ (b'a'..=b'z' | b'0'..=b'9') => Some(char::from(byte)),
        b'-' | b'_' | b'.' => Some('_'),
        _ => None,
    };
    literal.bytes().map(plain).collect()
}

/// Segments that say nothing about what is behind them.
fn is_noise(literal: &str) -> bool {
    let version = literal.strip_prefix('v');
    let version = version.is_some_and(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit()));
    version || literal.is_empty() || ["api", "rest", "rpc"].contains(&literal)
}

/// Whether a parameter of this name is a secret: whoever has the link can use it.
fn is_secret(name: &str) -> bool {
    let names_it = name.ends_with("_id") || name.ends_with("Id");
    let name = name.to_ascii_lowercase();
    let has = |word| name.contains(word);
    let secret = has("token") || has("secret") || has("password");
    !names_it && (secret || has("api_key") || has("apikey") || has("api-key")) || name == "otp"
}

/// A segment's value with its percent encoding undone.
fn decoded(value: &str) -> String {
    if !value.contains('%') {
        return value.to_owned();
    }
    let bytes = value.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The action of a gRPC method: `/users.v1.UserService/GetUser` is `user.get_user`; and its last word's first.
pub(super) fn grpc(path: &str) -> Option<(Text, String)> {
    let (service, method) = path.strip_prefix('/')?.rsplit_once('/')?;
    let service = service.rsplit('.').next()?;
    let service = service.strip_suffix("Service").filter(|s| !s.is_empty()).unwrap_or(service);
    let (service, method) = (word_of(&snake(service))?, word_of(&snake(method))?);
    let first = method.split('_').next().unwrap_or_default().to_owned();
    Some((format!("{service}.{method}").into(), first))
}

fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut lower = false;
    for c in name.chars().take(WORD_BYTES_MAX) {
        if c.is_ascii_uppercase() && lower {
            out.push('_');
        }
        lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        out.push(c);
    }
    out
}
