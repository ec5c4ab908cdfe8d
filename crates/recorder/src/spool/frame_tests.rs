use super::*;

fn event(n: usize) -> Encoded {
    let json = format!(r#"{{"n":{n},"pad":"{}"}}"#, "x".repeat(n * 7 % 90));
    Encoded { event_type: "data_access".into(), json: json.into_bytes() }
}

fn segment(events: usize) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = header().to_vec();
    let mut starts = Vec::new();
    for n in 0..events {
        starts.push(bytes.len());
        append(&mut bytes, &event(n));
    }
    (bytes, starts)
}

fn read(bytes: &[u8]) -> (Vec<Encoded>, u64, Tail) {
    let mut frames = Frames::new(bytes, HEADER_BYTES);
    let events = frames.by_ref().map(|frame| frame.event()).collect();
    (events, frames.gaps, frames.tail)
}

#[test]
fn a_frame_is_these_bytes() {
    let mut bytes = Vec::new();
    append(&mut bytes, &Encoded { event_type: "login".into(), json: b"{}".to_vec() });
    assert_eq!(bytes[..4], [8, 0, 0, 0]);
    assert_eq!(bytes[4..8], crc32c::crc32c(b"\x08\0\0\0\x05login{}").to_le_bytes());
    assert_eq!(bytes[8..], *b"\x05login{}");
    assert_eq!(header(), *b"INDSPOOL\x01\0\0\0");
}

#[test]
fn cut_anywhere_it_gives_the_whole_events_before() {
    let (bytes, starts) = segment(20);
    for cut in HEADER_BYTES..bytes.len() {
        let (events, gaps, tail) = read(&bytes[..cut]);
        let whole = starts.iter().skip(1).filter(|start| **start <= cut).count();
        assert_eq!(events.len(), whole, "cut at {cut}");
        assert_eq!(gaps, 0);
        let torn = if starts.contains(&cut) { Tail::Whole } else { Tail::Torn };
        assert_eq!(tail, torn, "cut at {cut}");
    }
}

#[test]
fn any_damaged_byte_costs_one_event_and_is_told() {
    let (bytes, starts) = segment(20);
    for at in HEADER_BYTES..bytes.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] ^= change;
            let hit = starts.iter().rposition(|start| *start <= at).unwrap();
            let (events, gaps, tail) = read(&bytes);
            let expected: Vec<_> = (0..20).filter(|n| *n != hit).map(event).collect();
            assert_eq!(events, expected, "byte {at}");
            assert!(gaps == 1 || hit == 19 && tail == Tail::Torn, "byte {at}: {gaps} {tail:?}");
        }
    }
}

#[test]
fn bytes_of_any_kind_are_read_to_an_end() {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    for round in 0..200 {
        let few = round % 2 == 0;
        let mut bytes: Vec<u8> =
            (0..4_000).map(|_| if few { (next() % 3) as u8 } else { next() as u8 }).collect();
        bytes.splice(..0, header());
        let (events, _, tail) = read(&bytes);
        assert!(events.is_empty());
        assert_ne!(tail, Tail::Whole);
    }
}
