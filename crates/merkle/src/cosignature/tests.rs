use super::*;
use crate::{Checkpoint, TreeSize};

/// A checkpoint as a public log served it, with the cosignatures of public witnesses.
const REAL: &str = "arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
";
const LOG: &str =
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";
const WITNESSES: [&str; 4] = [
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
];

fn time(seconds: u64) -> PosixSeconds {
    PosixSeconds::new(seconds).unwrap()
}

#[test]
fn a_public_logs_checkpoint_and_its_witnesses_verify() {
    let log: Vkey = LOG.parse().unwrap();
    let checkpoint = Checkpoint::open(REAL.as_bytes(), &log).unwrap();
    assert_eq!(checkpoint.size, TreeSize(1_432_088_532));
    let note = Note::parse(REAL.as_bytes()).unwrap();
    assert_eq!(note.to_string(), REAL);
    for witness in WITNESSES {
        let witness: Vkey = witness.parse().unwrap();
        assert_eq!(verify_cosignature(&note, &witness), Ok(time(1_779_573_024)), "{witness}");
        let seen = Checkpoint::open_of(&checkpoint.origin, REAL.as_bytes(), &witness);
        assert_eq!(seen, Ok(checkpoint.clone()));
    }
}

#[test]
fn a_changed_checkpoint_is_cosigned_by_nobody() {
    let changed = REAL.replacen("1432088532", "1432088533", 1);
    let note = Note::parse(changed.as_bytes()).unwrap();
    assert!(Checkpoint::open(changed.as_bytes(), &LOG.parse().unwrap()).is_err());
    for witness in WITNESSES {
        let verdict = verify_cosignature(&note, &witness.parse().unwrap());
        assert!(matches!(verdict, Err(NoteError::BadSignature { .. })));
    }
}

fn cosigned() -> (Note, CosigningKey) {
    let log = SigningKey::from_seed("example.com/log", &[1; 32]).unwrap();
    let note = Note::sign("example.com/log\n1\nAAAA\n", &log).unwrap();
    (note, CosigningKey::from_seed("witness.example.com/w1", &[2; 32]).unwrap())
}

#[test]
fn the_signed_message_is_the_specifications() {
    let (note, _) = cosigned();
    assert_eq!(
        signed_message(&note, time(1_679_315_147)),
        "cosignature/v1\ntime 1679315147\nexample.com/log\n1\nAAAA\n"
    );
}

#[test]
fn cosigning_states_a_time_that_cannot_be_changed() {
    let (mut note, witness) = cosigned();
    let signature = witness.cosign(&note, time(1_679_315_147));
    assert_eq!(signature.bytes().len(), 8 + 64);
    for at in 0..signature.bytes().len() {
        let mut bytes = signature.bytes().to_vec();
        bytes[at] ^= 0x01;
        let mut forged = note.clone();
        forged.add(NoteSignature::by(witness.vkey(), bytes)).unwrap();
        assert!(verify_cosignature(&forged, witness.vkey()).is_err(), "byte {at}");
    }
    note.add(signature).unwrap();
    assert_eq!(verify_cosignature(&note, witness.vkey()), Ok(time(1_679_315_147)));
    // A witness may come back later; the latest time counts.
    note.add(witness.cosign(&note, time(1_679_315_200))).unwrap();
    note.add(witness.cosign(&note, time(1_679_315_100))).unwrap();
    let note = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(verify_cosignature(&note, witness.vkey()), Ok(time(1_679_315_200)));
}

#[test]
fn a_logs_signature_is_no_cosignature() {
    let (note, witness) = cosigned();
    let log = SigningKey::from_seed("example.com/log", &[1; 32]).unwrap();
    assert!(note.verify(log.vkey()).is_ok());
    assert!(matches!(verify_cosignature(&note, log.vkey()), Err(NoteError::NotSignedBy { .. })));
    assert!(matches!(
        verify_cosignature(&note, witness.vkey()),
        Err(NoteError::NotSignedBy { .. })
    ));
}

#[test]
fn times_are_bounded() {
    assert_eq!(
        PosixSeconds::new(COSIGNATURE_TIME_MAX).map(PosixSeconds::get),
        Some(i64::MAX as u64)
    );
    assert_eq!(PosixSeconds::new(COSIGNATURE_TIME_MAX + 1), None);
    let (mut note, witness) = cosigned();
    let beyond = COSIGNATURE_TIME_MAX + 1;
    let message = format!("cosignature/v1\ntime {beyond}\n{}", note.unverified_text());
    let mut bytes = beyond.to_be_bytes().to_vec();
    bytes.extend(witness.0.sign_bytes(message.as_bytes()));
    note.add(NoteSignature::by(witness.vkey(), bytes)).unwrap();
    assert!(verify_cosignature(&note, witness.vkey()).is_err());
}
