use proptest::prelude::*;

use super::*;
use crate::{empty_root, leaf_hash};

const EXAMPLE: &str =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

fn key(name: &str) -> SigningKey {
    SigningKey::from_seed(name, &[9; 32]).unwrap()
}

#[test]
fn the_specifications_example_parses() {
    let checkpoint = Checkpoint::parse(EXAMPLE).unwrap();
    assert_eq!(checkpoint.origin, "example.com/behind-the-sofa");
    assert_eq!(checkpoint.size, TreeSize(20_852_163));
    assert_eq!(checkpoint.root.to_base64(), "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=");
    assert_eq!(checkpoint.extensions, Vec::<String>::new());
    assert_eq!(checkpoint.text(), EXAMPLE);
}

#[test]
fn the_specifications_signature_is_the_go_checksum_databases() {
    // The example's signature line carries the key id of sum.golang.org, whose signature over this
    // size and root it is, under the log's real origin.
    let vkey: Vkey =
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8".parse().unwrap();
    let text = EXAMPLE.replace("example.com/behind-the-sofa", "go.sum database tree");
    let note = format!(
        "{text}\n— sum.golang.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    );
    let opened = Checkpoint::open_of("go.sum database tree", note.as_bytes(), &vkey).unwrap();
    assert_eq!(opened.size, TreeSize(20_852_163));
}

#[test]
fn extension_lines_are_kept_and_signed_over() {
    let text = format!("{EXAMPLE}one more\nand another\n");
    let checkpoint = Checkpoint::parse(&text).unwrap();
    assert_eq!(checkpoint.extensions, ["one more", "and another"]);
    assert_eq!(checkpoint.text(), text);
    let key = key("example.com/behind-the-sofa");
    let note = checkpoint.sign(&key).unwrap();
    assert_eq!(Checkpoint::open(note.as_bytes(), key.vkey()), Ok(checkpoint));
    let stripped = note.replace("and another\n", "");
    assert!(Checkpoint::open(stripped.as_bytes(), key.vkey()).is_err());
}

#[test]
fn malformed_checkpoints_are_refused() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let cases = [
        (String::new(), CheckpointError::Lines),
        ("\n".into(), CheckpointError::Lines),
        (format!("origin\n1\n{root}"), CheckpointError::Lines),
        ("origin\n1\n".into(), CheckpointError::Lines),
        (format!("origin\n1\n{root}\n\n"), CheckpointError::Lines),
        (format!("origin\n1\n{root}\next\n\next\n"), CheckpointError::Lines),
        (format!("\n1\n{root}\n"), CheckpointError::Origin),
        (format!("or\u{7f}igin\n1\n{root}\n"), CheckpointError::Origin),
        (format!("{}\n1\n{root}\n", "x".repeat(256)), CheckpointError::Origin),
        (format!("origin\n\n{root}\n"), CheckpointError::Size),
        (format!("origin\n01\n{root}\n"), CheckpointError::Size),
        (format!("origin\n00\n{root}\n"), CheckpointError::Size),
        (format!("origin\n+1\n{root}\n"), CheckpointError::Size),
        (format!("origin\n-1\n{root}\n"), CheckpointError::Size),
        (format!("origin\n 1\n{root}\n"), CheckpointError::Size),
        (format!("origin\n0x1\n{root}\n"), CheckpointError::Size),
        (format!("origin\n9223372036854775808\n{root}\n"), CheckpointError::Size),
        (format!("origin\n18446744073709551616\n{root}\n"), CheckpointError::Size),
        (format!("origin\n1\n{}\n", &root[1..]), CheckpointError::Root),
        (format!("origin\n1\n {root}\n"), CheckpointError::Root),
        ("origin\n1\n\n".into(), CheckpointError::Root),
    ];
    for (text, error) in cases {
        assert_eq!(Checkpoint::parse(&text), Err(error), "{text:?}");
    }
    let most = format!("origin\n9223372036854775807\n{root}\n");
    assert_eq!(Checkpoint::parse(&most).unwrap().size, TreeSize(TREE_SIZE_MAX));
    let zero = Checkpoint::new("origin", TreeSize(0), empty_root());
    assert_eq!(Checkpoint::parse(&zero.text()), Ok(zero));
}

#[test]
fn a_signed_checkpoint_opens_and_no_changed_one_does() {
    let key = key("log.example.com/t1");
    let checkpoint = Checkpoint::new("log.example.com/t1", TreeSize(42), leaf_hash(b"root"));
    let note = checkpoint.sign(&key).unwrap();
    assert_eq!(Checkpoint::open(note.as_bytes(), key.vkey()), Ok(checkpoint.clone()));
    for at in 0..note.len() {
        let mut bytes = note.as_bytes().to_vec();
        bytes[at] ^= 1;
        assert!(Checkpoint::open(&bytes, key.vkey()).is_err(), "byte {at}");
    }
    let stranger = SigningKey::from_seed("log.example.com/t1", &[8; 32]).unwrap();
    assert!(Checkpoint::open(note.as_bytes(), stranger.vkey()).is_err());
}

#[test]
fn one_trails_signature_is_not_anothers() {
    // Both trails sign with one key, and a signature does not cover the name on its line.
    let (one, other) = (key("log.example.com/t1"), key("log.example.com/t2"));
    let checkpoint = Checkpoint::new("log.example.com/t1", TreeSize(42), leaf_hash(b"root"));
    let note = Note::parse(checkpoint.sign(&one).unwrap().as_bytes()).unwrap();
    let moved = crate::NoteSignature::by(other.vkey(), note.signatures()[0].bytes().to_vec());
    let forged = format!("{}\n{moved}\n", note.unverified_text());
    assert!(Note::parse(forged.as_bytes()).unwrap().verify(other.vkey()).is_ok());
    assert!(matches!(
        Checkpoint::open(forged.as_bytes(), other.vkey()),
        Err(CheckpointError::OriginMismatch { .. })
    ));
    assert!(matches!(checkpoint.sign(&other), Err(CheckpointError::OriginMismatch { .. })));
}

#[test]
fn what_would_not_read_back_is_not_signed() {
    let key = key("origin");
    let mut checkpoint = Checkpoint::new("origin", TreeSize(1), empty_root());
    checkpoint.extensions = vec!["two\nlines".into()];
    assert!(checkpoint.sign(&key).is_err());
    checkpoint.extensions = vec![String::new()];
    assert!(checkpoint.sign(&key).is_err());
    let split = Checkpoint::new("origin\n5", TreeSize(1), empty_root());
    assert!(split.sign(&key).is_err());
    let huge = Checkpoint::new("origin", TreeSize(u64::MAX), empty_root());
    assert_eq!(huge.sign(&key), Err(CheckpointError::Size));
}

proptest! {
    #[test]
    fn any_text_parses_to_itself_or_not_at_all(
        random in "(.|\n){0,80}",
        at in 0..EXAMPLE.len(),
        byte in 0u8..128,
    ) {
        let mut damaged = EXAMPLE.as_bytes().to_vec();
        damaged[at] = byte;
        for text in [random, String::from_utf8(damaged).unwrap()] {
            if let Ok(checkpoint) = Checkpoint::parse(&text) {
                prop_assert_eq!(checkpoint.text(), text);
            }
        }
    }
}
