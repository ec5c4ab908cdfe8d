//! Keys and public trails, as the events of `_system` tell: the log is the truth, this is derived.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use indelible_event::{Micros, Part, TrailName};
use indelible_log::hex;
use indelible_log::record::KeptRecord;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::key::{KeyId, Presented};
use super::role::Role;

/// A key was made.
pub const KEY_CREATE: &str = "key.create";
/// A key was revoked.
pub const KEY_REVOKE: &str = "key.revoke";
/// A trail's static tree was opened to everybody.
pub const TRAIL_PUBLISH: &str = "trail.publish";
/// It was closed again.
pub const TRAIL_UNPUBLISH: &str = "trail.unpublish";
/// A search was kept.
pub const SEARCH_SAVE: &str = "search.save";
/// A kept search was let go.
pub const SEARCH_FORGET: &str = "search.forget";
/// All of these: the only events that change something here.
pub const ACTIONS: [&str; 6] =
    [KEY_CREATE, KEY_REVOKE, TRAIL_PUBLISH, TRAIL_UNPUBLISH, SEARCH_SAVE, SEARCH_FORGET];

/// What the node knows of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its public id.
    pub id: KeyId,
    /// What it may do.
    pub role: Role,
    /// What somebody called it.
    pub name: Arc<str>,
    /// The trails it is bound to; `None` is all that its role allows.
    pub trails: Option<Arc<[TrailName]>>,
    /// When it was made.
    pub created_at: Micros,
    /// From when on it is not valid any more.
    pub expires_at: Option<Micros>,
    /// When it was revoked.
    pub revoked_at: Option<Micros>,
    /// Who made it.
    pub created_by: Option<Box<str>>,
    /// The SHA-256 of its secret.
    pub hash: [u8; 32],
}

impl Key {
    /// Itself, if it is valid; else why not.
    pub fn valid(&self, now: Micros) -> Result<&Key, &'static str> {
        if self.revoked_at.is_some() {
            return Err("revoked key");
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err("expired key");
        }
        Ok(self)
    }
}

/// A search that somebody keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its id: 16 hexadecimal digits.
    pub id: Box<str>,
    /// The credential that keeps it.
    pub owner: Box<str>,
    /// What it is called.
    pub name: Box<str>,
    /// The query.
    pub query: Box<str>,
    /// The time that goes with it, as the query language writes one; empty for all of it.
    pub time: Box<str>,
    /// When it was saved.
    pub created_at: Micros,
}

/// The details of [`SEARCH_SAVE`], as they stand in the event.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedDetails {
    pub owner: Box<str>,
    pub name: Box<str>,
    pub query: Box<str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub time: Box<str>,
}

/// What one event of `_system` changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is a new key.
    KeyCreated(Box<Key>),
    /// A key is not valid any more.
    KeyRevoked {
        /// Which.
        id: KeyId,
        /// Since when.
        at: Micros,
    },
    /// A trail's static tree is for everybody, or not any more.
    Public {
        /// Which trail.
        trail: TrailName,
        /// Whether it is.
        public: bool,
    },
    /// Somebody keeps a search.
    SearchSaved(Box<Saved>),
    /// A search is kept no longer.
    SearchForgotten {
        /// Which.
        id: Box<str>,
    },
}

/// The details of [`KEY_CREATE`], as they stand in the event.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeyDetails {
    pub id: String,
    pub role: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trails: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    pub hash: String,
}

/// What an event of `_system` changes, if it changes anything here.
pub fn change_of(record: &KeptRecord) -> Option<Change> {
    let entry = record.entry();
    let at = entry.recorded_at;
    let change = match entry.action {
        KEY_CREATE => key_of(record, at).map(|key| Change::KeyCreated(Box::new(key))),
        KEY_REVOKE => {
            target(record).and_then(|id| KeyId::parse(&id)).map(|id| Change::KeyRevoked { id, at })
        }
        action @ (TRAIL_PUBLISH | TRAIL_UNPUBLISH) => target(record)
            .and_then(|name| trail_name(&name))
            .map(|trail| Change::Public { trail, public: action == TRAIL_PUBLISH }),
        SEARCH_SAVE => saved_of(record, at).map(|saved| Change::SearchSaved(Box::new(saved))),
        SEARCH_FORGET => target(record).map(|id| Change::SearchForgotten { id: id.into() }),
        _ => return None,
    };
    if change.is_none() {
        tracing::warn!(
            seq = record.seq.0,
            action = entry.action,
            "an event of _system is not understood"
        );
    }
    change
}

/// A trail's name, `_system` included.
pub(crate) fn trail_name(text: &str) -> Option<TrailName> {
    let system = TrailName::system();
    if text == system.as_str() { Some(system) } else { TrailName::parse(text).ok() }
}

#[derive(Deserialize)]
struct What<T> {
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default = "Option::default")]
    details: Option<T>,
}

#[derive(Deserialize)]
struct Who {
    actor: Actor,
}

#[derive(Deserialize)]
struct Actor {
    id: String,
}

#[derive(Deserialize)]
struct Target {
    id: String,
}

#[derive(Deserialize)]
struct Targets {
    targets: Vec<Target>,
}

fn target(record: &KeptRecord) -> Option<String> {
    let what: Targets = serde_json::from_slice(record.part(Part::What)?).ok()?;
    what.targets.into_iter().next().map(|target| target.id)
}

fn key_of(record: &KeptRecord, created_at: Micros) -> Option<Key> {
    let what: What<KeyDetails> = serde_json::from_slice(record.part(Part::What)?).ok()?;
    let details = what.details.filter(|_| !what.targets.is_empty())?;
    let who = record.part(Part::Who).and_then(|who| serde_json::from_slice::<Who>(who).ok());
    let trails = match details.trails {
        Some(names) => {
            Some(names.iter().map(|n| trail_name(n)).collect::<Option<Vec<_>>>()?.into())
        }
        None => None,
    };
    let expires_at = match &details.expires_at {
        Some(text) => Some(Micros::parse(text).ok()?),
        None => None,
    };
    Some(Key {
        id: KeyId::parse(&details.id)?,
        role: Role::from_name(&details.role)?,
        name: details.name.into(),
        trails,
        created_at,
        expires_at,
        revoked_at: None,
        created_by: who.map(|who| who.actor.id.into()),
        hash: hex::decode(&details.hash)?,
    })
}

fn saved_of(record: &KeptRecord, created_at: Micros) -> Option<Saved> {
    let what: What<SavedDetails> = serde_json::from_slice(record.part(Part::What)?).ok()?;
    let (id, details) = (what.targets.into_iter().next()?.id.into(), what.details?);
    let SavedDetails { owner, name, query, time } = details;
    Some(Saved { id, owner, name, query, time, created_at })
}

/// All keys, which trails are public, and the searches that are kept. Changed only by what is durable in `_system`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Registry {
    keys: HashMap<KeyId, Key>,
    public: BTreeSet<TrailName>,
    /// By their id.
    saved: BTreeMap<Box<str>, Saved>,
}

impl Registry {
    /// Takes in a change.
    pub fn apply(&mut self, change: Change) {
        match change {
            // An id that is there already would let one event replace another's key.
            Change::KeyCreated(key) => {
                self.keys.entry(key.id).or_insert(*key);
            }
            Change::KeyRevoked { id, at } => {
                if let Some(key) = self.keys.get_mut(&id) {
                    key.revoked_at.get_or_insert(at);
                }
            }
            Change::Public { trail, public: true } => {
                self.public.insert(trail);
            }
            Change::Public { trail, public: false } => {
                self.public.remove(&trail);
            }
            Change::SearchSaved(saved) => {
                self.saved.entry(saved.id.clone()).or_insert(*saved);
            }
            Change::SearchForgotten { id } => {
                self.saved.remove(&id);
            }
        }
    }

    /// A key by its id.
    pub fn key(&self, id: KeyId) -> Option<&Key> {
        self.keys.get(&id)
    }

    /// All keys, the oldest first.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.keys.values().cloned().collect();
        keys.sort_by_key(|key| (key.created_at, key.id));
        keys
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether a trail's static tree is for everybody.
    pub fn is_public(&self, trail: &TrailName) -> bool {
        self.public.contains(trail)
    }

    /// The searches that this credential keeps, the oldest first.
    pub fn saved(&self, owner: &str) -> Vec<Saved> {
        let own = self.saved.values().filter(|saved| &*saved.owner == owner);
        let mut own: Vec<Saved> = own.cloned().collect();
        own.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        own
    }

    /// How many searches are kept.
    pub fn saved_len(&self) -> usize {
        self.saved.len()
    }

    /// The key that was presented, if it is valid; else why not.
    pub fn admit(&self, presented: &Presented, now: Micros) -> Result<&Key, &'static str> {
        // An unknown id is compared too, so that time does not tell which ids there are.
        let known = self.keys.get(&presented.id);
        let hash = known.map_or([0; 32], |key| key.hash);
        let same = bool::from(hash.ct_eq(&presented.hash));
        let key = known.filter(|_| same).ok_or("unknown key")?;
        key.valid(now)
    }

    /// A key that was presented before, if it is still valid; else why not.
    pub fn valid(&self, id: KeyId, now: Micros) -> Result<&Key, &'static str> {
        self.keys.get(&id).ok_or("unknown key")?.valid(now)
    }
}
