use super::*;
use indelible_sim::SeededEntropy;

const NOW: Micros = Micros(1_000_000);

#[test]
fn a_link_is_good_once_and_for_a_while() {
    let (entropy, sessions) = (SeededEntropy::new(3), Sessions::default());
    let token = sessions.make_link(&entropy, NOW);
    assert!(!sessions.redeem("", NOW));
    assert!(sessions.redeem(&token, NOW));
    assert!(!sessions.redeem(&token, NOW), "used up");
    let late = sessions.make_link(&entropy, NOW);
    assert!(!sessions.redeem(&late, Micros(NOW.0 + limits::LINK_MICROS)));
    let first = sessions.make_link(&entropy, NOW);
    (0..limits::LINKS_MAX).for_each(|_| drop(sessions.make_link(&entropy, NOW)));
    assert!(!sessions.redeem(&first, NOW), "links are bounded");
}

#[test]
fn a_session_lasts_its_time_or_until_it_is_ended() {
    let (entropy, sessions) = (SeededEntropy::new(4), Sessions::default());
    let begin = |until| sessions.begin(Whose::Link, until, &entropy, NOW);
    let (cookie, session) = begin(None);
    assert_eq!(sessions.find(&cookie, NOW), Some(session));
    assert!(sessions.find(&cookie[1..], NOW).is_none());
    assert!(sessions.find(&cookie, Micros(NOW.0 + limits::SESSION_MICROS)).is_none());
    let (short, session) = begin(Some(Micros(NOW.0 + 5_000_000)));
    assert_eq!(session.seconds_left(NOW), 5);
    assert!(sessions.find(&short, Micros(NOW.0 + 5_000_000)).is_none());
    sessions.end(&cookie);
    assert!(sessions.find(&cookie, NOW).is_none());
}

#[test]
fn who_begins_many_sessions_ends_only_their_own() {
    let (entropy, sessions) = (SeededEntropy::new(5), Sessions::default());
    let key = |n: u8| Whose::Key(KeyId::parse(&format!("{n:016x}")).unwrap());
    let (others, _) = sessions.begin(key(1), None, &entropy, NOW);
    let later = |n: usize| Micros(NOW.0 + n as i64);
    let all: Vec<String> = (0..=limits::SESSIONS_EACH_MAX)
        .map(|n| sessions.begin(key(2), None, &entropy, later(n)).0)
        .collect();
    assert!(sessions.find(&all[0], NOW).is_none(), "the oldest is gone");
    assert!(all[1..].iter().chain([&others]).all(|cookie| sessions.find(cookie, NOW).is_some()));
}

#[test]
fn failures_are_counted_by_neighbourhood_and_minute() {
    let sessions = Sessions::default();
    let from = |text: &str| Some(text.parse::<IpAddr>().unwrap());
    let many = limits::FAILURES_A_MINUTE_MAX;
    assert!((0..many).all(|_| !sessions.failed(from("192.0.2.1"), NOW)));
    assert!(sessions.failed(from("192.0.2.1"), NOW));
    assert!(!sessions.failed(from("192.0.2.2"), NOW), "another address");
    assert!(!sessions.failed(None, NOW), "this process");
    assert!(!sessions.failed(from("192.0.2.1"), Micros(NOW.0 + limits::MINUTE_MICROS)));
    for n in 0..many {
        assert!(!sessions.failed(from(&format!("2001:db8::{n:x}")), NOW));
    }
    assert!(sessions.failed(from("2001:db8::ffff"), NOW), "one network");
}
