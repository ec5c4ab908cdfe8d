//! Who signs: the node's description and its key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use indelible_log::storage::{Storage, read_whole, replace_durably};
use indelible_log::trail::TrailId;
use indelible_merkle::{SigningKey, Vkey};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::text;

/// The node's description.
pub const NODE: &str = "node.json";
/// The node's secret key.
pub const KEY: &str = "node.key";

const KEY_HEADER: &str = "indelible node key v1";
const VERSION: u32 = 1;

/// What is public about a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    version: u32,
    /// The host part of every trail's origin.
    pub origin: String,
    /// The public key, base64.
    pub public_key: String,
}

impl Node {
    /// Describes a node with this secret key.
    pub fn new(origin: &str, seed: &[u8; 32]) -> Result<Node, StoreError> {
        if !valid_origin(origin) {
            let why = format!(
                "origin {origin:?}: give a host name that you control, such as audit.example.com, with a path \
                 if you like; letters, digits and . - _ : / only"
            );
            return Err(StoreError::file(NODE, why));
        }
        let key = SigningKey::from_seed(origin, seed).map_err(|e| StoreError::file(KEY, e))?;
        let public_key = BASE64.encode(key.vkey().public_key());
        Ok(Node { version: VERSION, origin: origin.to_owned(), public_key })
    }

    /// Whether there is a description, readable or not.
    pub(crate) fn exists(storage: &dyn Storage) -> Result<bool, StoreError> {
        match storage.open(NODE, false) {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(StoreError::io(NODE)(e)),
        }
    }

    /// Reads the description.
    pub fn load(storage: &dyn Storage) -> Result<Node, StoreError> {
        let missing = || StoreError::file(NODE, "not there; `indelible init` makes it");
        let node: Node = text::load(storage, NODE)?.ok_or_else(missing)?;
        if node.version != VERSION {
            return Err(StoreError::file(NODE, format!("version {} is not known", node.version)));
        }
        node.vkey(TrailId([0; 16]))?;
        Ok(node)
    }

    /// Writes the description.
    pub(crate) fn store(&self, storage: &dyn Storage) -> Result<(), StoreError> {
        text::store(storage, NODE, self)
    }

    /// A trail's origin: the log's name in the world, which names no tenant.
    pub fn origin_of(&self, trail: TrailId) -> String {
        format!("{}/{trail}", self.origin)
    }

    /// A trail's verifier key: what a stranger needs to check its proofs.
    pub fn vkey(&self, trail: TrailId) -> Result<Vkey, StoreError> {
        let bytes = BASE64.decode(&self.public_key).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
        let bytes = bytes
            .ok_or_else(|| StoreError::file(NODE, "the public key is not 32 bytes of base64"))?;
        Vkey::new(&self.origin_of(trail), indelible_merkle::Algorithm::Ed25519, &bytes)
            .map_err(|e| StoreError::file(NODE, e))
    }

    /// A node as somebody else describes it: its origin and its public key in base64.
    pub fn described(origin: &str, public_key: &str) -> Result<Node, StoreError> {
        let (origin, public_key) = (origin.to_owned(), public_key.to_owned());
        let node = Node { version: VERSION, origin, public_key };
        node.vkey(TrailId([0; 16]))?;
        Ok(node)
    }

    /// Fails unless a `node.key` of these bytes is the key that the description names.
    pub fn check_key(&self, file: &[u8]) -> Result<(), StoreError> {
        match Node::new(&self.origin, &parse_key(file)?)?.public_key == self.public_key {
            true => Ok(()),
            false => Err(StoreError::file(KEY, "this is not the key that node.json names")),
        }
    }

    /// Reads the secret key and makes the signing key of a trail. It must be the key that the
    /// description names.
    pub(crate) fn signing_keys(&self, storage: &dyn Storage) -> Result<Keys, StoreError> {
        let missing = || StoreError::io(KEY)(std::io::ErrorKind::NotFound.into());
        let seed = load_key(storage)?.ok_or_else(missing)?;
        if Node::new(&self.origin, &seed)?.public_key != self.public_key {
            let why = "alarm: this is not the key that node.json names; nothing is signed with it";
            return Err(StoreError::file(KEY, why));
        }
        Ok(Keys { node: self.clone(), seed })
    }
}

/// Reads the secret key; `None` if there is none.
pub(crate) fn load_key(storage: &dyn Storage) -> Result<Option<[u8; 32]>, StoreError> {
    let bytes = match read_whole(storage, KEY, 4096) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io(KEY)(e)),
    };
    parse_key(&bytes).map(Some)
}

fn parse_key(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    let bad = || StoreError::file(KEY, "not a node key");
    let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
    let base64 =
        text.strip_prefix(KEY_HEADER).and_then(|rest| rest.strip_prefix('\n')).ok_or_else(bad)?;
    let seed = BASE64.decode(base64.trim_end_matches('\n')).map_err(|_| bad())?;
    <[u8; 32]>::try_from(seed).map_err(|_| bad())
}

/// Writes the secret key.
pub(crate) fn store_key(storage: &dyn Storage, seed: &[u8; 32]) -> Result<(), StoreError> {
    let text = format!("{KEY_HEADER}\n{}\n", BASE64.encode(seed));
    replace_durably(storage, KEY, text.as_bytes()).map_err(StoreError::io(KEY))
}

/// The node's secret key, good for every trail.
pub(crate) struct Keys {
    node: Node,
    seed: [u8; 32],
}

impl Keys {
    /// The key under a trail's origin.
    pub fn of(&self, trail: TrailId) -> Result<SigningKey, StoreError> {
        SigningKey::from_seed(&self.node.origin_of(trail), &self.seed)
            .map_err(|e| StoreError::file(KEY, e))
    }
}

fn valid_origin(origin: &str) -> bool {
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || b".-_:/".contains(&b);
    !origin.is_empty()
        && origin.len() <= 200
        && origin.bytes().all(alphabet)
        && !origin.starts_with('/')
        && !origin.ends_with('/')
}
