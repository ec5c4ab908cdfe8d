//! Browsers: a one-time link makes a session, a cookie carries it. Both live in memory only, by the hash of
//! their secret, so a restart ends them.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use indelible_event::Micros;
use indelible_log::{Entropy, hex, sha256};
use subtle::ConstantTimeEq as _;

use crate::limits;

/// The name of the cookie.
pub const COOKIE: &str = "indelible_session";

/// One-time links and sessions.
#[derive(Default)]
pub struct Sessions {
    /// Oldest first.
    links: Mutex<Vec<Held>>,
    /// Oldest first.
    sessions: Mutex<Vec<Held>>,
}

/// A secret that is good for a while.
struct Held {
    hash: [u8; 32],
    until: Micros,
}

impl Sessions {
    /// Makes a one-time link's token.
    pub fn make_link(&self, entropy: &dyn Entropy, now: Micros) -> String {
        hold(&self.links, entropy, Micros(now.0 + limits::LINK_MICROS), limits::LINKS_MAX)
    }

    /// Uses a link up and begins a session: the cookie's value. `None` if the link is not good, or was used.
    pub fn redeem(&self, token: &str, entropy: &dyn Entropy, now: Micros) -> Option<String> {
        let hash = sha256(token.as_bytes());
        let mut links = self.links.lock().expect("nothing panics while holding the links");
        let at = links.iter().position(|link| bool::from(link.hash.ct_eq(&hash)))?;
        let link = links.remove(at);
        drop(links);
        if link.until <= now {
            return None;
        }
        let until = Micros(now.0 + limits::SESSION_MICROS);
        Some(hold(&self.sessions, entropy, until, limits::SESSIONS_MAX))
    }

    /// The id of the session that a cookie's value names, if it still lasts.
    pub fn find(&self, value: &str, now: Micros) -> Option<String> {
        let hash = sha256(value.as_bytes());
        let sessions = self.sessions.lock().expect("nothing panics while holding the sessions");
        let session = sessions.iter().find(|s| bool::from(s.hash.ct_eq(&hash)))?;
        (session.until > now).then(|| format!("session:{}", hex::encode(&hash[..8])))
    }

    /// Ends a session.
    pub fn end(&self, value: &str) {
        let hash = sha256(value.as_bytes());
        let mut sessions = self.sessions.lock().expect("nothing panics while holding the sessions");
        sessions.retain(|session| !bool::from(session.hash.ct_eq(&hash)));
    }
}

fn hold(held: &Mutex<Vec<Held>>, entropy: &dyn Entropy, until: Micros, max: usize) -> String {
    let mut secret = [0; 32];
    entropy.fill(&mut secret);
    let text = URL_SAFE_NO_PAD.encode(secret);
    let mut held = held.lock().expect("nothing panics while holding what is held");
    if held.len() >= max {
        held.remove(0);
    }
    held.push(Held { hash: sha256(text.as_bytes()), until });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_once_and_for_a_while() {
        let entropy = indelible_sim::SeededEntropy::new(3);
        let sessions = Sessions::default();
        let now = Micros(1_000_000);
        let token = sessions.make_link(&entropy, now);
        assert!(sessions.redeem("", &entropy, now).is_none());
        let cookie = sessions.redeem(&token, &entropy, now).unwrap();
        assert!(sessions.redeem(&token, &entropy, now).is_none());
        assert!(sessions.find(&token, now).is_none());
        assert!(sessions.find(&cookie, now).is_some());
        assert!(sessions.find(&cookie, Micros(now.0 + limits::SESSION_MICROS)).is_none());
        let late = sessions.make_link(&entropy, now);
        assert!(sessions.redeem(&late, &entropy, Micros(now.0 + limits::LINK_MICROS)).is_none());
        sessions.end(&cookie);
        assert!(sessions.find(&cookie, now).is_none());
        let first = sessions.make_link(&entropy, now);
        (0..limits::LINKS_MAX).for_each(|_| drop(sessions.make_link(&entropy, now)));
        assert!(sessions.redeem(&first, &entropy, now).is_none(), "links are bounded");
    }
}
