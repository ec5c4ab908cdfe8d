use indelible_event::{EventId, Micros};

use super::*;
use crate::streams::smtp::MailAddress;

fn to() -> SmtpTo {
    let address = |text: &str| MailAddress::try_from(text.to_owned()).unwrap();
    SmtpTo {
        url: crate::secret::Value::Plain("smtps://mail.example.com".into()),
        starttls: Default::default(),
        from: address("Indelible <indelible@example.com>"),
        to: vec![address("ada@example.com"), address("Bob <bob@example.net>")],
        user: None,
        password: None,
        tls: Default::default(),
    }
}

fn event() -> Outgoing {
    Outgoing {
        pos: 4,
        trail: "_system".into(),
        seq: 4,
        id: EventId::derived("e", 4),
        leaf: [7; 32],
        recorded_at: Micros(1_767_268_800_000_000),
        json: "{}".into(),
    }
}

fn message() -> Message {
    Message {
        headline: "[high] Password spray: 203.0.113.9".into(),
        summary: "ten people failed to log in from one address ".repeat(4),
        facts: vec![("context.ip".into(), "203.0.113.9".into())],
        paragraphs: vec![("What to do", "Löschen Sie nichts.".into())],
        events: vec!["shop/7 x".into()],
        url: Some("https://audit.example.com/alerts/1".into()),
        alert: Some("0192aa-bb".into()),
    }
}

#[test]
fn a_mail_says_who_when_and_what_and_is_the_same_each_time() {
    let mail = of(&to(), "alerts-c", &event(), &message()).unwrap();
    assert_eq!(mail, of(&to(), "alerts-c", &event(), &message()).unwrap());
    let mail = String::from_utf8(mail).unwrap();
    assert!(mail.is_ascii());
    let id = event().id;
    for line in [
        "From: Indelible <indelible@example.com>",
        "To: ada@example.com, Bob <bob@example.net>",
        "Subject: [high] Password spray: 203.0.113.9",
        "Date: Thu, 01 Jan 2026 12:00:00 +0000",
        &format!("Message-ID: <{id}.alerts-c@example.com>"),
        "References: <0192aabb.alert@example.com>",
        "Auto-Submitted: auto-generated",
        "X-Indelible-Alert: 0192aa-bb",
        "MIME-Version: 1.0",
    ] {
        assert!(mail.contains(&format!("{line}\r\n")), "{line}\n{mail}");
    }
    assert!(mail.split("\r\n").all(|line| line.len() <= 78 && !line.contains('\n')), "{mail}");
}

#[test]
fn lines_are_short_and_words_stay_whole() {
    let text = text(&event(), &message());
    assert!(text.lines().all(|line| line.chars().count() <= MAIL_COLUMNS), "{text}");
    assert!(text.starts_with("ten people failed"), "{text}");
    assert!(text.contains("\nWhat to do:\n  Löschen Sie nichts.\n"), "{text}");
    let mut long = String::new();
    wrap(&mut long, "  ", &format!("see https://example.com/{} there", "x".repeat(100)));
    assert_eq!(long.lines().count(), 3);
}

#[test]
fn no_header_is_of_others() {
    // What a message says is one line already; that it need not be believed is the point of this.
    let message = Message {
        headline: "a\r\nBcc: eve@example.com\r\n\r\nhello ü".into(),
        alert: Some("x\r\nBcc: eve@example.com".into()),
        ..message()
    };
    let mail = String::from_utf8(of(&to(), "s", &event(), &message).unwrap()).unwrap();
    let head = mail.split("\r\n\r\n").next().unwrap();
    assert!(!head.lines().any(|line| line.starts_with("Bcc:")), "{head}");
    assert!(head.contains("MIME-Version"), "{head}");
    for bad in [
        "",
        "ada",
        "a@b\r\nBcc: c@d",
        "ada@example.com>\r\nRCPT TO:<eve@example.com",
        "ü@example.com",
    ] {
        assert!(MailAddress::try_from(bad.to_owned()).is_err(), "{bad:?}");
    }
}
