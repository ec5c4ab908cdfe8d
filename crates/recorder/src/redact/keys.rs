//! Which keys name a secret.
//!
//! A key is read as words: `client_secret`, `clientSecret`, `Client-Secret` and `client.secret` are all *client*,
//! *secret*. A pattern matches where its words stand together in the key (run together, too: `apikey`), if after
//! them come only words of [`STILL_THE_SAME`], which name the same thing in another shape. So `password_hash` is a
//! secret, `password_changed_at` and `token_count` are none.

/// Keys whose values are secrets. A leading `*` also matches at the end of a longer word (`dbpassword`).
pub const SECRET_KEYS: &[&str] = &[
    // passwords
    "*password",
    "*passwords",
    "*passwd",
    "*passphrase",
    "pwd",
    "passcode",
    "pass phrase",
    "db pass",
    "user pass",
    "smtp pass",
    "login pass",
    "pin code",
    "card pin",
    "security answer",
    // one-time codes
    "otp",
    "otp code",
    "totp",
    "totp code",
    "mfa code",
    "one time code",
    "verification code",
    "recovery code",
    "recovery codes",
    "backup codes",
    // tokens and what opens a session
    "token",
    "access tokens",
    "refresh tokens",
    "jwt",
    "bearer",
    "authorization",
    "proxy authorization",
    "cookie",
    "cookies",
    "set cookie",
    "session key",
    "jsessionid",
    "phpsessid",
    "csrf",
    "xsrf",
    "auth header",
    // keys
    "api key",
    "api keys",
    "access key",
    "secret key",
    "private key",
    "private keys",
    "signing key",
    "signature key",
    "encryption key",
    "decryption key",
    "master key",
    "account key",
    "shared key",
    "hmac key",
    "auth key",
    "license key",
    "client key",
    "seed phrase",
    "mnemonic",
    // secrets by their name
    "secret",
    "secrets",
    "credential",
    "credentials",
    "connection string",
    "shared access signature",
    // cards and persons
    "card number",
    "card no",
    "cc number",
    "ccnum",
    "credit card",
    "debit card",
    "cvv",
    "cvc",
    "cvn",
    "card verification value",
    "card security code",
    "ssn",
    "social security number",
];

/// Words that may follow a pattern: they name the same secret in another shape. So may numbers.
pub const STILL_THE_SAME: &[&str] = &[
    "again",
    "b64",
    "base64",
    "bytes",
    "confirm",
    "confirmation",
    "current",
    "data",
    "digest",
    "enc",
    "encoded",
    "encrypted",
    "hash",
    "hashed",
    "header",
    "hex",
    "json",
    "new",
    "old",
    "pem",
    "plain",
    "plaintext",
    "previous",
    "raw",
    "repeat",
    "salt",
    "str",
    "string",
    "text",
    "value",
    "values",
];

/// Keys that [`SECRET_KEYS`] would match and that open nothing: marks of a place in a list, or of a turn.
pub const NO_SECRETS: &[&str] = &[
    "cancellation token",
    "continuation token",
    "fencing token",
    "next token",
    "page token",
    "resume token",
    "sync token",
];

/// What becomes of the value of a key that matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matched {
    Secret,
    Hmac,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    BuiltIn,
    Own,
    Hmac,
    NoSecret,
}

#[derive(Clone, Debug)]
struct Pattern {
    /// Its words without anything between them.
    letters: Box<[u8]>,
    /// The last of them, which rules most words out.
    last: u8,
    meaning: Meaning,
}

/// All patterns, by their first letter.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    by_first: Vec<Vec<Pattern>>,
    /// Those that may begin in the midst of a word.
    within: Vec<Pattern>,
}

/// A key as words; kept from one key to the next for its memory.
#[derive(Debug, Default)]
pub(super) struct Words {
    letters: Vec<u8>,
    /// Where each word begins, and the end of the last.
    bounds: Vec<usize>,
}

impl Words {
    fn split(&mut self, key: &[u8]) {
        self.letters.clear();
        self.bounds.clear();
        let mut previous = b' ';
        for (at, &byte) in key.iter().enumerate() {
            if is_letter(byte) {
                if !continues(previous, byte, key.get(at + 1).copied()) {
                    self.bounds.push(self.letters.len());
                }
                self.letters.push(byte.to_ascii_lowercase());
            }
            previous = byte;
        }
        self.bounds.push(self.letters.len());
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// Whether a letter belongs to the word of the one before it.
fn continues(previous: u8, byte: u8, next: Option<u8>) -> bool {
    if !is_letter(previous) || previous.is_ascii_digit() != byte.is_ascii_digit() {
        return false;
    }
    // `clientSecret` begins a word at S, `APIKey` at K.
    let begins = byte.is_ascii_uppercase()
        && (!previous.is_ascii_uppercase() || next.is_some_and(|next| next.is_ascii_lowercase()));
    !begins
}

impl Keys {
    pub(super) fn built_in() -> Keys {
        let mut keys = Keys { by_first: vec![Vec::new(); 256], within: Vec::new() };
        SECRET_KEYS.iter().for_each(|pattern| keys.add(pattern, Meaning::BuiltIn));
        NO_SECRETS.iter().for_each(|pattern| keys.add(pattern, Meaning::NoSecret));
        keys
    }

    pub(super) fn add_own(&mut self, pattern: &str) {
        self.add(pattern, Meaning::Own);
    }

    pub(super) fn add_hmac(&mut self, pattern: &str) {
        self.add(pattern, Meaning::Hmac);
    }

    fn add(&mut self, pattern: &str, meaning: Meaning) {
        let mut words = Words::default();
        words.split(pattern.as_bytes());
        let (Some(&first), Some(&last)) = (words.letters.first(), words.letters.last()) else {
            return;
        };
        let pattern_within = pattern.starts_with('*');
        let pattern = Pattern { letters: words.letters.into(), last, meaning };
        if pattern_within {
            self.within.push(pattern);
        } else {
            self.by_first[usize::from(first)].push(pattern);
        }
    }

    /// What a key says of its value. Linear in the key: each word is tried against the few patterns that begin
    /// with its letter.
    pub(super) fn matched(&self, key: &str, words: &mut Words) -> Option<Matched> {
        words.split(key.as_bytes());
        let Words { letters, bounds } = &*words;
        let (mut found, mut same) = (None, None);
        // Whether the pattern ends where a word ends, and what follows says that it is still the same thing.
        let mut ends_well = |word: usize, end: usize| {
            bounds[word + 1..].iter().position(|&bound| bound >= end).is_some_and(|after| {
                let at = word + 1 + after;
                bounds[at] == end && at >= *same.get_or_insert_with(|| still_the_same_from(words))
            })
        };
        for (word, span) in bounds.windows(2).enumerate() {
            let (start, end) = (span[0], span[1]);
            for pattern in &self.by_first[usize::from(letters[start])] {
                if letters[start..].starts_with(&pattern.letters)
                    && ends_well(word, start + pattern.letters.len())
                {
                    found = stronger(found, pattern.meaning);
                }
            }
            for pattern in &self.within {
                if letters[end - 1] == pattern.last
                    && letters[..end].ends_with(&pattern.letters)
                    && ends_well(word, end)
                {
                    found = stronger(found, pattern.meaning);
                }
            }
        }
        match found? {
            Meaning::NoSecret => None,
            Meaning::Hmac => Some(Matched::Hmac),
            Meaning::BuiltIn | Meaning::Own => Some(Matched::Secret),
        }
    }
}

/// What counts where several patterns match: an HMAC was asked for by name, and so was a pattern of one's own.
fn stronger(found: Option<Meaning>, other: Meaning) -> Option<Meaning> {
    let rank = |meaning| match meaning {
        Meaning::BuiltIn => 0,
        Meaning::NoSecret => 1,
        Meaning::Own => 2,
        Meaning::Hmac => 3,
    };
    match found {
        Some(found) if rank(found) >= rank(other) => Some(found),
        _ => Some(other),
    }
}

/// The first word from which on all say that it is still the same thing.
fn still_the_same_from(Words { letters, bounds }: &Words) -> usize {
    let others = bounds.windows(2).rposition(|word| {
        let word = &letters[word[0]..word[1]];
        !word.iter().all(u8::is_ascii_digit)
            && !STILL_THE_SAME.iter().any(|same| same.as_bytes() == word)
    });
    others.map_or(0, |other| other + 1)
}
