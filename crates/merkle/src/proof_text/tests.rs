use proptest::prelude::*;

use super::*;
use crate::testing::{Grown, grow};
use crate::{
    Checkpoint, SigningKey, TreeSize, Vkey, consistency_proof, empty_root, inclusion_proof,
};

const ORIGIN: &str = "log.example.com/t1";

fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[5; 32]).unwrap()
}

fn note_of(grown: &Grown) -> String {
    Checkpoint::new(ORIGIN, grown.tree.size(), grown.tree.root()).sign(&key()).unwrap()
}

fn inclusion(grown: &Grown, index: u64, extra: Option<&[u8]>) -> TlogProof {
    TlogProof {
        extra: extra.map(<[u8]>::to_vec),
        index,
        hashes: inclusion_proof(&grown.tiles, index, grown.tree.size()).unwrap(),
        checkpoint_note: note_of(grown),
    }
}

fn consistency(grown: &Grown, from: u64) -> ConsistencyProof {
    let old_size = TreeSize(from);
    ConsistencyProof {
        old_size,
        old_root: grown.roots[from as usize],
        hashes: consistency_proof(&grown.tiles, old_size, grown.tree.size()).unwrap(),
        checkpoint_note: note_of(grown),
    }
}

#[test]
fn a_file_is_laid_out_as_specified() {
    let grown = grow(3);
    let proof = inclusion(&grown, 1, Some(b"more"));
    let (first, second) = (proof.hashes[0].to_base64(), proof.hashes[1].to_base64());
    let note = &proof.checkpoint_note;
    assert_eq!(
        proof.encode(),
        format!("c2sp.org/tlog-proof@v1\nextra bW9yZQ==\nindex 1\n{first}\n{second}\n\n{note}")
    );
    let proof = consistency(&grown, 2);
    let (root, hash) = (proof.old_root.to_base64(), proof.hashes[0].to_base64());
    assert_eq!(
        proof.encode(),
        format!("indelible/consistency-proof@v1\nold 2\nold-root {root}\n{hash}\n\n{note}")
    );
}

#[test]
fn files_read_back_and_verify() {
    for size in [1, 2, 7, 256, 300] {
        let grown = grow(size);
        let head = Checkpoint::new(ORIGIN, grown.tree.size(), grown.tree.root());
        for index in [0, size / 2, size - 1] {
            for extra in [None, Some(&b"{}"[..])] {
                let proof = inclusion(&grown, index, extra);
                let decoded = TlogProof::decode(proof.encode().as_bytes()).unwrap();
                assert_eq!(decoded, proof);
                let leaf = &grown.leaves[index as usize];
                assert_eq!(decoded.verify(leaf, key().vkey()), Ok(head.clone()));
            }
        }
        for from in [0, 1, size / 2, size] {
            let proof = consistency(&grown, from);
            let decoded = ConsistencyProof::decode(proof.encode().as_bytes()).unwrap();
            assert_eq!(decoded, proof);
            let old = (TreeSize(from), grown.roots[from as usize]);
            assert_eq!(decoded.verify(key().vkey()), Ok((old.0, old.1, head.clone())));
        }
    }
}

#[test]
fn any_changed_byte_of_a_file_is_refused() {
    let grown = grow(20);
    let leaf = &grown.leaves[7];
    let text = inclusion(&grown, 7, None).encode();
    for at in 0..text.len() {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 1;
        let verdict = TlogProof::decode(&bytes).and_then(|proof| proof.verify(leaf, key().vkey()));
        assert!(verdict.is_err(), "byte {at}: {}", String::from_utf8_lossy(&bytes));
    }
    let text = consistency(&grown, 7).encode();
    for at in 0..text.len() {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 1;
        let verdict = ConsistencyProof::decode(&bytes).and_then(|proof| proof.verify(key().vkey()));
        assert!(verdict.is_err(), "byte {at}: {}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_proof_of_something_else_is_refused() {
    let grown = grow(20);
    let proof = inclusion(&grown, 7, None);
    assert_eq!(
        proof.verify(&grown.leaves[8], key().vkey()),
        Err(ProofTextError::Proof(ProofError::RootMismatch))
    );
    let stranger = SigningKey::from_seed(ORIGIN, &[6; 32]).unwrap();
    let verdict = proof.verify(&grown.leaves[7], stranger.vkey());
    assert!(matches!(verdict, Err(ProofTextError::Checkpoint(_))));
    let elsewhere: Vkey = SigningKey::from_seed("other", &[5; 32]).unwrap().vkey().clone();
    assert!(proof.verify(&grown.leaves[7], &elsewhere).is_err());
    let mut rewritten = consistency(&grown, 7);
    rewritten.old_root = empty_root();
    assert_eq!(
        rewritten.verify(key().vkey()),
        Err(ProofTextError::Proof(ProofError::OldRootMismatch))
    );
}

#[test]
fn malformed_files_are_refused() {
    let grown = grow(3);
    let good = inclusion(&grown, 1, Some(b"more")).encode();
    let bad = |from: &str, to: &str| {
        assert!(good.contains(from));
        TlogProof::decode(good.replacen(from, to, 1).as_bytes()).unwrap_err()
    };
    let line = |line, expected| ProofTextError::Line { line, expected };
    let header = ProofTextError::Header { expected: "c2sp.org/tlog-proof@v1" };
    assert_eq!(bad("@v1", "@v2"), header);
    assert_eq!(bad("@v1\n", "@v1\r\n"), header);
    let extra = line(2, "extra and base64");
    assert_eq!(bad("bW9yZQ==", "bW9yZQ"), extra);
    assert_eq!(bad("bW9yZQ==", "bW9yZR=="), extra);
    assert_eq!(bad("bW9yZQ==", ""), extra);
    let index = line(3, "index and a decimal number");
    assert_eq!(bad("index 1", "index 01"), index);
    assert_eq!(bad("index 1", "index +1"), index);
    assert_eq!(bad("index 1", "index  1"), index);
    assert_eq!(bad("index 1", "index 18446744073709551616"), index);
    assert_eq!(bad("extra bW9yZQ==\nindex 1\n", ""), line(2, "index and a decimal number"));
    assert_eq!(bad("index 1\n", "index 1\nx\n"), line(4, "a hash or a blank line"));
    assert!(matches!(bad("index 1\n", "index 1\n\n"), ProofTextError::Checkpoint(_)));
    let hashes = format!("index 1\n{}", format!("{}\n", empty_root().to_base64()).repeat(63));
    assert_eq!(bad("index 1\n", &hashes), ProofTextError::TooManyHashes);
    assert_eq!(TlogProof::decode(b"\xff"), Err(ProofTextError::NotText));
    let huge = vec![b'a'; PROOF_BYTES_MAX + 1];
    assert_eq!(TlogProof::decode(&huge), Err(ProofTextError::TooLarge));

    let good = consistency(&grown, 2).encode();
    for (from, to) in [
        ("old 2", "old 02"),
        ("old 2", "old 9223372036854775808"),
        ("old-root ", "old-root  "),
        ("old-root ", "root "),
        ("indelible/", "Indelible/"),
    ] {
        assert!(good.contains(from));
        assert!(ConsistencyProof::decode(good.replacen(from, to, 1).as_bytes()).is_err());
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let grown = grow(20);
    let (proof, other) = (inclusion(&grown, 7, None).encode(), consistency(&grown, 7).encode());
    for end in 0..proof.len() {
        assert!(TlogProof::decode(&proof.as_bytes()[..end]).is_err());
    }
    for end in 0..other.len() {
        assert!(ConsistencyProof::decode(&other.as_bytes()[..end]).is_err());
    }
}

#[test]
fn empty_extra_data_is_none() {
    let proof = inclusion(&grow(3), 1, Some(b""));
    let decoded = TlogProof::decode(proof.encode().as_bytes()).unwrap();
    assert_eq!(decoded.extra, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_decode_to_themselves_or_not_at_all(
        random in prop::collection::vec(any::<u8>(), 0..200),
        alike in "(c2sp.org/tlog-proof@v1|indelible/consistency-proof@v1)\n(.|\n){0,80}",
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let grown = grow(9);
        let mut inclusion = inclusion(&grown, 4, Some(b"more")).encode().into_bytes();
        let mut consistency = consistency(&grown, 5).encode().into_bytes();
        for bytes in [&mut inclusion, &mut consistency] {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for bytes in [random, alike.into_bytes(), inclusion, consistency] {
            if let Ok(proof) = TlogProof::decode(&bytes) {
                prop_assert_eq!(proof.encode().into_bytes(), bytes);
            } else if let Ok(proof) = ConsistencyProof::decode(&bytes) {
                prop_assert_eq!(proof.encode().into_bytes(), bytes);
            }
        }
    }
}
