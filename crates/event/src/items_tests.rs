use proptest::prelude::*;

use super::*;

type Seen = Vec<(u64, Result<String, RefusalKind>)>;

fn split_at(stream: &[u8], cuts: &[usize], bytes_max: usize) -> Seen {
    let mut items = Items::with_limit(bytes_max);
    let mut seen = Vec::new();
    let mut sink = |number, item: Result<&[u8], Refusal>| {
        let text = item.map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
        seen.push((number, text.map_err(|refusal| refusal.reason)));
    };
    let mut start = 0;
    for &cut in cuts.iter().chain([&stream.len()]) {
        items.feed(&stream[start..cut], &mut sink);
        start = cut;
    }
    items.finish(&mut sink);
    seen
}

fn split(stream: &str) -> Seen {
    split_at(stream.as_bytes(), &[], 64)
}

fn good(items: &[(u64, &str)]) -> Seen {
    items.iter().map(|&(number, text)| (number, Ok(text.to_owned()))).collect()
}

#[test]
fn lines() {
    assert_eq!(split("{\"a\":1}\r\n\n  \n{\"b\":2}"), good(&[(1, "{\"a\":1}"), (4, "{\"b\":2}")]));
    assert_eq!(split("\n \n{}\n"), good(&[(3, "{}")]));
    assert_eq!(split(""), []);
    assert_eq!(split(" \n\r\n"), []);
    assert_eq!(split("{\n}"), good(&[(1, "{"), (2, "}")]));
}

#[test]
fn arrays() {
    assert_eq!(split(" [ ] "), []);
    assert_eq!(
        split("[{\"a\":[1,{\"]\":2}]} ,\n{\"\\\",\":\"\\\\\"}, 3]\n"),
        good(&[(0, "{\"a\":[1,{\"]\":2}]}"), (1, "{\"\\\",\":\"\\\\\"}"), (2, "3")])
    );
}

#[test]
fn broken_arrays_end_with_an_error() {
    for (stream, kept) in [
        ("[{}", 0),
        ("[", 0),
        ("[{},", 1),
        ("[{} {}", 0),
        ("[,]", 0),
        ("[{},]", 1),
        ("[{},,{}]", 1),
        ("[{}] x", 1),
        ("[{}][{}]", 1),
        ("[}]", 0),
        ("[\"", 0),
        ("[{}}, {}]", 0),
        ("[\"\\", 0),
        ("[:1]", 0),
    ] {
        let seen = split(stream);
        assert_eq!(seen.len(), kept + 1, "{stream}: {seen:?}");
        let reason = seen.last().unwrap().1.clone().unwrap_err();
        assert!(matches!(reason, RefusalKind::Truncated | RefusalKind::Syntax { .. }), "{stream}");
    }
    let mut items = Items::new();
    items.feed(b"[{}],", |_, _| {});
    assert!(items.is_broken());
}

#[test]
fn an_item_too_long_is_skipped_alone() {
    let long = format!("{{\"a\":\"{}\"}}", "],\\\"".repeat(40));
    let too_long = Err(RefusalKind::TooLong { bytes_max: 64 });
    let expected = vec![(1, Ok("{}".to_owned())), (2, too_long.clone()), (3, Ok("[]".to_owned()))];
    assert_eq!(split(&format!("{{}}\n{long}\n[]\n")), expected);
    let expected = vec![(0, Ok("{}".to_owned())), (1, too_long.clone()), (2, Ok("[]".to_owned()))];
    assert_eq!(split(&format!("[{{}},{long},[]]")), expected);
    assert_eq!(split(&format!("{}\n{}", "x".repeat(64), "x".repeat(65)))[1..], [(2, too_long)]);
}

#[test]
fn memory_stays_bounded() {
    let mut items = Items::with_limit(1000);
    items.feed(b"[\"", |_, _| {});
    for _ in 0..1000 {
        items.feed(&[b'x'; 999], |_, _| {});
        assert!(items.carry.capacity() <= 4000);
    }
}

#[test]
fn cut_at_every_place() {
    let streams = [
        "{\"a\":1}\r\n\n  \n{\"b\":\"\\\"\"}\n{\"c",
        " [ {\"a\":\"]\\\\\\\",\"} , [1,[2]],{\"b\":\"é\"} ] \n",
        "[{},{\"long\":\"0123456789012345678901234567890123456789\\\"0123456789012345678901234567\"},{}]",
        "{}\n{\"long\":\"01234567890123456789012345678901234567890123456789012345678901234567\"}\n{}",
        "[{},,]",
        "[{}] ]",
    ];
    for stream in streams {
        let bytes = stream.as_bytes();
        let whole = split(stream);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                assert_eq!(
                    split_at(bytes, &[first, second], 64),
                    whole,
                    "{stream} at {first}, {second}"
                );
            }
        }
        let each: Vec<usize> = (0..bytes.len()).collect();
        assert_eq!(split_at(bytes, &each, 64), whole);
    }
}

proptest! {
    #[test]
    fn any_stream_any_cuts(stream in "[\\[\\]{},:\"\\\\a \n]{0,40}", cuts in proptest::collection::vec(0..40_usize, 0..6)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.sort_unstable();
        prop_assert_eq!(split_at(stream.as_bytes(), &cuts, 10), split_at(stream.as_bytes(), &[], 10));
    }

    #[test]
    fn never_panics(stream in any::<Vec<u8>>()) {
        split_at(&stream, &[], 16);
        split_at(&[b"[", &stream[..]].concat(), &[], 16);
    }
}
