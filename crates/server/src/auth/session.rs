//! Browsers: a one-time link or a key begins a session, a cookie carries it. Links and sessions live in memory only,
//! by the hash of their secret, so a restart ends them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use indelible_event::Micros;
use indelible_log::{Entropy, hex, sha256};
use subtle::ConstantTimeEq as _;

use super::key::KeyId;
use crate::limits;

/// The name of the cookie.
const COOKIE: &str = "indelible_session";
/// Its name where it is sent over TLS alone: the prefix has browsers take it from this very host only, for all of it.
const COOKIE_SECURE: &str = "__Host-indelible_session";

/// The name of the cookie, where it is `secure` or not.
pub fn cookie_name(secure: bool) -> &'static str {
    if secure { COOKIE_SECURE } else { COOKIE }
}

/// What a session may do is what this may do, at each moment anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// An admin's, who has the link that the node printed.
    Link,
    /// A key's: what that may, and as long as that is valid.
    Key(KeyId),
}

/// A session that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    hash: [u8; 32],
    began: Micros,
    until: Micros,
    /// Whose it is.
    pub whose: Whose,
}

impl Session {
    /// Its public id: 16 hexadecimal digits.
    pub fn id(&self) -> String {
        id_of(&self.hash)
    }

    /// How long it lasts still, in seconds.
    pub fn seconds_left(&self, now: Micros) -> i64 {
        (self.until.0.saturating_sub(now.0) / 1_000_000).max(0)
    }
}

/// One-time links, sessions, and who tried in vain.
#[derive(Default)]
pub struct Sessions {
    /// Oldest first.
    links: Mutex<Vec<Link>>,
    /// By their public id.
    sessions: Mutex<HashMap<String, Session>>,
    failures: Mutex<Failures>,
}

/// A one-time link that was not used yet.
struct Link {
    hash: [u8; 32],
    until: Micros,
}

/// Sign-ins that were refused in this minute, by address.
#[derive(Default)]
struct Failures {
    window: Micros,
    by: HashMap<IpAddr, u32>,
}

impl Sessions {
    /// Makes a one-time link's token.
    pub fn make_link(&self, entropy: &dyn Entropy, now: Micros) -> String {
        let (text, hash) = secret(entropy);
        let mut links = self.links.lock().expect("nothing panics while holding the links");
        if links.len() >= limits::LINKS_MAX {
            links.remove(0);
        }
        links.push(Link { hash, until: Micros(now.0 + limits::LINK_MICROS) });
        text
    }

    /// Uses a link up. False if it is not good, or was used.
    pub fn redeem(&self, token: &str, now: Micros) -> bool {
        let hash = sha256(token.as_bytes());
        let mut links = self.links.lock().expect("nothing panics while holding the links");
        let at = links.iter().position(|link| bool::from(link.hash.ct_eq(&hash)));
        at.is_some_and(|at| links.remove(at).until > now)
    }

    /// Begins a session, which ends by itself at `until` or before: the cookie's value, and the session. One
    /// credential has so many; its oldest goes when one more begins.
    pub fn begin(
        &self,
        whose: Whose,
        until: Option<Micros>,
        entropy: &dyn Entropy,
        now: Micros,
    ) -> (String, Session) {
        let (text, hash) = secret(entropy);
        let longest = Micros(now.0 + limits::SESSION_MICROS);
        let until = until.map_or(longest, |until| until.min(longest));
        let session = Session { hash, began: now, until, whose };
        let mut sessions = self.sessions.lock().expect("nothing panics while holding the sessions");
        let own = |sessions: &HashMap<_, Session>| {
            sessions.values().filter(|session| session.whose == whose).count()
        };
        if own(&sessions) >= limits::SESSIONS_EACH_MAX {
            remove_oldest(&mut sessions, |session| session.whose == whose);
        }
        if sessions.len() >= limits::SESSIONS_MAX {
            sessions.retain(|_, session| session.until > now);
        }
        if sessions.len() >= limits::SESSIONS_MAX {
            remove_oldest(&mut sessions, |_| true);
        }
        sessions.insert(session.id(), session);
        (text, session)
    }

    /// The session that a cookie's value names, if it still lasts.
    pub fn find(&self, value: &str, now: Micros) -> Option<Session> {
        let hash = sha256(value.as_bytes());
        let sessions = self.sessions.lock().expect("nothing panics while holding the sessions");
        let session = sessions.get(&id_of(&hash))?;
        (bool::from(session.hash.ct_eq(&hash)) && session.until > now).then_some(*session)
    }

    /// Whether the session of this public id still lasts.
    pub fn lasts(&self, id: &str, now: Micros) -> bool {
        let sessions = self.sessions.lock().expect("nothing panics while holding the sessions");
        sessions.get(id).is_some_and(|session| session.until > now)
    }

    /// Ends a session.
    pub fn end(&self, value: &str) {
        let id = id_of(&sha256(value.as_bytes()));
        self.sessions.lock().expect("nothing panics while holding the sessions").remove(&id);
    }

    /// Counts a sign-in that was refused, and tells whether there were too many from there in this minute. Nobody is
    /// locked out by it: what is right is taken all the same.
    pub fn failed(&self, from: Option<IpAddr>, now: Micros) -> bool {
        let Some(from) = from.map(neighbourhood) else { return false };
        let mut failures = self.failures.lock().expect("counting does not panic");
        if !(0..limits::MINUTE_MICROS).contains(&(now.0 - failures.window.0)) {
            *failures = Failures { window: now, by: HashMap::new() };
        }
        let full = failures.by.len() >= limits::FAILURE_ADDRESSES_MAX;
        match failures.by.get_mut(&from) {
            Some(count) => {
                *count = count.saturating_add(1);
                *count > limits::FAILURES_A_MINUTE_MAX
            }
            None if full => true,
            None => {
                failures.by.insert(from, 1);
                false
            }
        }
    }
}

fn id_of(hash: &[u8; 32]) -> String {
    hex::encode(&hash[..8])
}

fn remove_oldest(sessions: &mut HashMap<String, Session>, of: impl Fn(&Session) -> bool) {
    let oldest = sessions.values().filter(|session| of(session));
    let oldest = oldest.min_by_key(|session| (session.began, session.hash)).map(Session::id);
    if let Some(oldest) = oldest {
        sessions.remove(&oldest);
    }
}

/// One household has a whole network of IPv6 addresses to try from.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => {
            let mut octets = six.octets();
            octets[8..].fill(0);
            octets.into()
        }
    }
}

/// A secret of 256 bits, and its hash.
fn secret(entropy: &dyn Entropy) -> (String, [u8; 32]) {
    let mut secret = [0; 32];
    entropy.fill(&mut secret);
    let text = URL_SAFE_NO_PAD.encode(secret);
    let hash = sha256(text.as_bytes());
    (text, hash)
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
