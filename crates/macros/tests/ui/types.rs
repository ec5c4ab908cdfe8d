//! What the compiler says, at the user's own words.

use indelible_macros::audited;
use indelible_recorder::Recorder;

#[audited(action = "a.b", intent, crate = "indelible_recorder")]
fn not_from() -> Result<(), std::num::ParseIntError> {
    Ok(())
}

#[audited(action = "a.b", crate = "indelible_recorder")]
fn wrong_type(recorder: &Recorder) -> u8 {
    let _ = recorder;
    "text"
}

struct Secret;

#[audited(action = "a.b", resource = "secret", id = secret, crate = "indelible_recorder")]
fn not_display(secret: Secret) {
    drop(secret);
}

fn main() {}
