use proptest::prelude::*;

use super::*;

const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
/// The specification's test vector.
const NOTE: &str = "This is an example message.\n\n\
    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
/// The example on the specification's first page; its text has a blank line of its own.
const POEM: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\
    — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

fn vkey() -> Vkey {
    VKEY.parse().unwrap()
}

fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, &[seed; 32]).unwrap()
}

fn parse(note: &str) -> Result<Note, NoteError> {
    Note::parse(note.as_bytes())
}

#[test]
fn the_specifications_note_verifies() {
    let note = parse(NOTE).unwrap();
    assert_eq!(note.verify(&vkey()), Ok("This is an example message.\n"));
    assert_eq!(note.to_string(), NOTE);
}

#[test]
fn a_text_may_have_blank_lines() {
    let note = parse(POEM).unwrap();
    assert!(note.unverified_text().ends_with("sole:\n\ned è subito sera.\n"));
    assert_eq!(note.signatures().len(), 1);
    assert_eq!(note.signatures()[0].name(), "quasimodo.example/salvatore");
    assert_eq!(note.to_string(), POEM);
    assert!(matches!(note.verify(&vkey()), Err(NoteError::NotSignedBy { .. })));
}

#[test]
fn signing_yields_the_bytes_that_go_yields() {
    // The example of golang.org/x/mod/sumdb/note, whose private key is public.
    let private = STANDARD.decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz").unwrap();
    let key = SigningKey::from_seed("PeterNeumann", private[1..].try_into().unwrap()).unwrap();
    assert_eq!(
        key.vkey().to_string(),
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    );
    let text = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n";
    let signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
    let note = Note::sign(text, &key).unwrap();
    assert_eq!(note.to_string(), format!("{text}\n— PeterNeumann {signature}\n"));
}

#[test]
fn any_changed_byte_is_refused() {
    for at in 0..NOTE.len() {
        for bit in 0..8 {
            let mut bytes = NOTE.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let verdict = Note::parse(&bytes).map(|note| note.verify(&vkey()).is_ok());
            assert!(!verdict.unwrap_or(false), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn malformed_notes_are_refused() {
    let line = NOTE.split_once("\n\n").unwrap().1.trim_end();
    let signature = NoteError::SignatureLine { line: 1 };
    let cases = [
        (String::new(), NoteError::Unsigned),
        ("text\n".into(), NoteError::Unsigned),
        ("text\n\n".into(), NoteError::Unsigned),
        (format!("text\n{line}\n"), NoteError::Unsigned),
        (format!("text\n\n{line}"), signature.clone()),
        (format!("text\n\n{line}\n\n"), NoteError::Unsigned),
        (format!("text\n\n{line}\n{line} \n"), NoteError::SignatureLine { line: 2 }),
        (format!("text\n\n{}\n", line.replace('—', "-")), signature.clone()),
        (format!("text\n\n{}\n", line.replace("— ", "—")), signature.clone()),
        (format!("text\n\n{}\n", line.replace("foo ", "foo  ")), signature.clone()),
        (format!("text\n\n{}\n", line.replace("foo", "f+o")), signature.clone()),
        (format!("text\n\n{}\n", line.replace('=', "")), signature.clone()),
        ("text\n\n— a AAAAAA==\n".into(), signature),
        (format!("te\txt\n\n{line}\n"), NoteError::NotText),
        (format!("text\r\n\r\n{line}\n"), NoteError::NotText),
        (format!("te\0xt\n\n{line}\n"), NoteError::NotText),
        ("x".repeat(NOTE_BYTES_MAX + 1), NoteError::TooLarge),
        (
            format!("text\n\n{}", format!("{line}\n").repeat(NOTE_SIGNATURES_MAX + 1)),
            NoteError::TooManySignatures,
        ),
    ];
    for (note, error) in cases {
        assert_eq!(parse(&note), Err(error), "{:?}", &note[..note.len().min(200)]);
    }
    assert_eq!(Note::parse(b"te\xffxt\n\n"), Err(NoteError::NotText));
    let most = format!("text\n\n{}", format!("{line}\n").repeat(NOTE_SIGNATURES_MAX));
    assert_eq!(parse(&most).unwrap().signatures().len(), NOTE_SIGNATURES_MAX);
}

#[test]
fn unknown_signatures_are_ignored() {
    let ours = key("example.com/a", 1);
    let mut note = Note::sign("text\n", &key("example.com/other", 2)).unwrap();
    let NoteError::NotSignedBy { name, id } = note.verify(ours.vkey()).unwrap_err() else {
        panic!("another error")
    };
    assert_eq!((name.as_str(), id), ("example.com/a", ours.vkey().id()));
    // One with our name and another id, one with our id and another name, both worthless.
    let same_name = Note::sign("other\n", &key("example.com/a", 3)).unwrap();
    note.add(same_name.signatures()[0].clone()).unwrap();
    let mut same_id = NoteSignature::by(ours.vkey(), vec![0; 64]);
    same_id.name = "example.com/b".into();
    note.add(same_id).unwrap();
    assert!(matches!(note.verify(ours.vkey()), Err(NoteError::NotSignedBy { .. })));
    note.add(Note::sign("text\n", &ours).unwrap().signatures()[0].clone()).unwrap();
    let note = parse(&note.to_string()).unwrap();
    assert_eq!(note.verify(ours.vkey()), Ok("text\n"));
}

#[test]
fn every_signature_that_claims_to_be_ours_must_be() {
    let ours = key("example.com/a", 1);
    let good = Note::sign("text\n", &ours).unwrap();
    let genuine = good.signatures()[0].clone();
    let mut twice = good.clone();
    twice.add(genuine.clone()).unwrap();
    assert_eq!(twice.verify(ours.vkey()), Ok("text\n"));
    for bytes in [vec![0; 64], genuine.bytes()[..63].to_vec(), [genuine.bytes(), &[0]].concat()] {
        let forged = NoteSignature::by(ours.vkey(), bytes);
        for pair in [[&genuine, &forged], [&forged, &genuine]] {
            let text = format!("text\n\n{}\n{}\n", pair[0], pair[1]);
            let verdict = parse(&text).unwrap();
            assert!(matches!(verdict.verify(ours.vkey()), Err(NoteError::BadSignature { .. })));
        }
    }
}

#[test]
fn what_could_not_be_read_is_not_signed() {
    let key = key("example.com/a", 1);
    assert_eq!(Note::sign("", &key), Err(NoteError::TextUnterminated));
    assert_eq!(Note::sign("text", &key), Err(NoteError::TextUnterminated));
    assert_eq!(Note::sign("te\rxt\n", &key), Err(NoteError::NotText));
    let long = format!("{}\n", "x".repeat(NOTE_BYTES_MAX));
    assert_eq!(Note::sign(&long, &key), Err(NoteError::TooLarge));
    let mut full = Note::sign("text\n", &key).unwrap();
    let line = full.signatures()[0].clone();
    while full.signatures().len() < NOTE_SIGNATURES_MAX {
        full.add(line.clone()).unwrap();
    }
    assert_eq!(full.add(line), Err(NoteError::TooManySignatures));
}

proptest! {
    #[test]
    fn any_bytes_parse_to_themselves_or_not_at_all(
        random in prop::collection::vec(any::<u8>(), 0..300),
        alike in "[a —\n+=A/]{0,120}",
        at in 0..NOTE.len(),
        byte: u8,
    ) {
        let mut damaged = NOTE.as_bytes().to_vec();
        damaged[at] = byte;
        for bytes in [random, alike.into_bytes(), damaged] {
            if let Ok(note) = Note::parse(&bytes) {
                prop_assert_eq!(note.to_string().into_bytes(), bytes);
            }
        }
    }

    #[test]
    fn any_text_signs_and_opens(text in "([^\\x00-\\x1f]|\n){0,60}\n") {
        let key = key("example.com/a", 1);
        let note = parse(&Note::sign(&text, &key).unwrap().to_string()).unwrap();
        prop_assert_eq!(note.verify(key.vkey()), Ok(text.as_str()));
    }
}
