//! The parts of a configuration that have rules of their own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indelible_event::TrailName;

use super::environment::Environment;
use super::read::{Field, Table, is_secret};
use super::{RedactSettings, Secret, SettingsError, SpoolSettings, Storage, read_text};
use crate::limits::{
    FLUSH_INTERVAL_MAX, HMAC_KEY_CHARS_MIN, RETENTION_DAYS_MAX, SIZE_MB_MAX, SPOOL_BYTES_MAX,
};

/// Where events are kept, unless it is said.
const STORAGE_PATH: &str = "./audit";
pub(super) const STORAGE_KEYS: &[&str] =
    &["type", "path", "retention_days", "max_size_mb", "url", "key", "key_file"];
const STORAGE_TYPES: &[&str] = &["database", "file", "remote"];
pub(super) const SPOOL_KEYS: &[&str] = &["path", "max_size_mb"];
pub(super) const REDACT_KEYS: &[&str] =
    &["enabled", "keys", "allow", "deny", "hmac", "hmac_key_file"];
/// The members of an event that redaction may touch; all others must keep their form.
const REDACTABLE: &[&str] =
    &["actor", "subjects", "targets", "changes", "details", "error", "context"];

pub(super) fn trail(field: Field<'_>) -> Result<String, SettingsError> {
    let name = TrailName::parse(field.text()?)
        .map_err(|error| field.refused(&format!("is a trail's name: {error}")))?;
    Ok(name.as_str().to_owned())
}

pub(super) fn flush_interval(field: Field<'_>) -> Result<Duration, SettingsError> {
    let max = FLUSH_INTERVAL_MAX.as_secs();
    let allowed = format!("is a number of seconds above 0 and up to {max}; fractions are fine");
    let seconds = field.number(&allowed, |seconds| {
        // So small that it rounds to nothing is as good as nothing.
        Duration::try_from_secs_f64(seconds)
            .is_ok_and(|time| !time.is_zero() && time <= FLUSH_INTERVAL_MAX)
    })?;
    Ok(Duration::from_secs_f64(seconds))
}

pub(super) fn storage(
    mut table: Table<'_>,
    environment: &Environment,
) -> Result<Storage, SettingsError> {
    let kind = table.field("type").map_or(Ok(0), |field| field.word(STORAGE_TYPES))?;
    let is_remote = STORAGE_TYPES[kind] == "remote";
    let foreign = if is_remote { &STORAGE_KEYS[1..4] } else { &STORAGE_KEYS[4..] };
    for name in foreign {
        if let Some(field) = table.field(name) {
            let said = format!(
                "is not for a storage of type {}; remove it, or set another type",
                STORAGE_TYPES[kind]
            );
            return Err(field.wrong(&said));
        }
    }
    if is_remote {
        return remote(table, environment);
    }
    let path = table.field("path").map_or_else(|| Ok(PathBuf::from(STORAGE_PATH)), Field::path)?;
    let days = table
        .field("retention_days")
        .map(|field| field.whole(1, RETENTION_DAYS_MAX.into()))
        .transpose()?;
    let retention_days = days.and_then(|days| u32::try_from(days).ok());
    let max_size_mb =
        table.field("max_size_mb").map(|field| field.whole(1, SIZE_MB_MAX)).transpose()?;
    Ok(match STORAGE_TYPES[kind] {
        "file" => Storage::File { path, retention_days, max_size_mb },
        _ => Storage::Database { path, retention_days, max_size_mb },
    })
}

fn remote(mut table: Table<'_>, environment: &Environment) -> Result<Storage, SettingsError> {
    let url = table.or_shared("url", environment.url.as_ref());
    let url = url.ok_or_else(|| {
        table.wrong("has no url; type remote needs one, here or in INDELIBLE_URL")
    })?;
    let text = url.text()?;
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match authority.and_then(|rest| rest.split(['/', '?', '#']).next()) {
        // What stands before the @ may be a password, and is not shown.
        Some(authority) if authority.contains('@') => {
            return Err(url.wrong("has a user or password in it; allowed is an address without, and the API key in key_file"));
        }
        Some(authority) if !authority.is_empty() && !text.contains(char::is_whitespace) => {}
        _ => return Err(url.refused("is an address that begins with https:// or http://")),
    }
    let url = text.to_owned();
    let (key, file) = (table.or_shared("key", environment.key.as_ref()), table.field("key_file"));
    let key = match (key, file) {
        (Some(key), Some(_)) if !key.is_of_environment() => {
            return Err(key.wrong("stands beside key_file; allowed is one of the two"));
        }
        (Some(key), _) => key.secret()?,
        (None, Some(file)) => secret_in(file, 1)?,
        (None, None) => {
            return Err(table.wrong("has no key_file; type remote needs one, or INDELIBLE_KEY"));
        }
    };
    Ok(Storage::Remote { url, key })
}

pub(super) fn spool(mut table: Table<'_>) -> Result<SpoolSettings, SettingsError> {
    let max = table.field("max_size_mb").map(|field| field.whole(1, SIZE_MB_MAX)).transpose()?;
    Ok(SpoolSettings {
        path: table.field("path").map(Field::path).transpose()?,
        max_bytes: max.map_or(SPOOL_BYTES_MAX, |megabytes| megabytes * 1_000_000),
    })
}

pub(super) fn redact(mut table: Table<'_>) -> Result<RedactSettings, SettingsError> {
    let mut texts = |name: &str, allowed: &str, is_good: fn(&str) -> bool| {
        let all = table.field(name).map_or_else(|| Ok(Vec::new()), Field::texts)?;
        let good = |field: Field<'_>| match field.text()? {
            text if is_good(text) => Ok(text.to_owned()),
            _ => Err(field.refused(allowed)),
        };
        all.into_iter().map(good).collect::<Result<Vec<_>, _>>()
    };
    let path = format!(
        "is a path that begins with one of {}, such as details.email",
        REDACTABLE.join(", ")
    );
    let keys = texts(
        "keys",
        "is a pattern of keys with a letter in it, such as door_code",
        is_key_pattern,
    )?;
    let (allow, deny) = (texts("allow", &path, is_path)?, texts("deny", &path, is_path)?);
    let hmac =
        texts("hmac", &format!("{path}, or a pattern of keys without a point"), |text| match text
            .contains('.')
        {
            true => is_path(text),
            false => is_key_pattern(text),
        })?;
    let enabled = table.field("enabled").map_or(Ok(true), Field::boolean)?;
    let key_file = table.field("hmac_key_file");
    if !hmac.is_empty() && key_file.is_none() {
        return Err(table.wrong("has hmac but no hmac_key_file; HMACs need a key"));
    }
    let hmac_key = key_file.map(|file| secret_in(file, HMAC_KEY_CHARS_MIN)).transpose()?;
    Ok(RedactSettings { enabled, keys, allow, deny, hmac, hmac_key })
}

fn is_key_pattern(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

fn is_path(text: &str) -> bool {
    let mut segments = text.split('.');
    segments.next().is_some_and(|first| REDACTABLE.contains(&first))
        && segments.all(|segment| !segment.is_empty())
}

/// The secret in a file, without the white space around it.
fn secret_in(field: Field<'_>, chars_min: usize) -> Result<Secret, SettingsError> {
    let text = match read_text(Path::new(field.text()?)) {
        Ok(text) => text,
        Err(error) => return Err(field.refused(&format!("is a file that can be read: {error}"))),
    };
    let text = text.trim();
    if !is_secret(text) || text.len() < chars_min {
        return Err(field.refused(&format!(
            "is a file with at least {chars_min} visible ASCII characters, in one line"
        )));
    }
    Ok(Secret::new(text))
}
