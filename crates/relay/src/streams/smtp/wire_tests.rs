use super::*;

#[test]
fn addresses_are_of_mail_servers_and_show_no_password() {
    for (url, wanted) in [
        ("smtps://mail.example.com", "smtps://mail.example.com:465"),
        ("smtp://mail.example.com/", "smtp://mail.example.com:587"),
        ("smtp://[2001:db8::1]:25", "smtp://[2001:db8::1]:25"),
    ] {
        assert_eq!(Address::parse(url).unwrap().to_string(), wanted);
    }
    for bad in [
        "mail.example.com",
        "https://mail.example.com",
        "smtp://u:hunter2@h",
        "smtp://",
        "smtp://h:0",
        "smtp://h:x",
    ] {
        let Err(SinkError::Wrong { why, hint }) = Address::parse(bad) else { panic!("{bad}") };
        assert!(!format!("{why}{hint}").contains("hunter2"));
    }
}

#[test]
fn no_line_of_a_mail_ends_it() {
    assert_eq!(stuffed(b"a\r\n.\r\n..b\r\n"), b"a\r\n..\r\n...b\r\n");
    assert_eq!(stuffed(b".a"), b"..a\r\n");
}
