//! A recorded time as a number, for formats that count.

/// Milliseconds since 1970 of `YYYY-MM-DDThh:mm:ss.ffffffZ`, cut off. `None` for anything else.
pub(crate) fn millis(time: &str) -> Option<i64> {
    let bytes = time.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0, |sum, byte| {
            byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    let marks = is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':');
    if !marks || bytes.last() != Some(&b'Z') {
        return None;
    }
    let millis = match bytes.len() {
        20 => 0,
        24.. if is(19, b'.') => number(20, 23)?,
        _ => return None,
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    Some((((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millis)
}

/// Days since 1970. Years begin in March here, so that a leap day is the last of its year and needs no rule of its own.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::millis;

    #[test]
    fn times_are_counted() {
        let cases = [
            ("1970-01-01T00:00:00.000000Z", Some(0)),
            ("1969-12-31T23:59:59.999999Z", Some(-1)),
            ("2000-02-29T12:00:00.123456Z", Some(951_825_600_123)),
            ("2026-01-31T10:00:00.000000Z", Some(1_769_853_600_000)),
            ("2026-01-31T10:00:00Z", Some(1_769_853_600_000)),
            ("9999-12-31T23:59:59.999999Z", Some(253_402_300_799_999)),
            ("0000-03-01T00:00:00.000000Z", Some(-62_162_035_200_000)),
            ("2026-01-31T10:00:00+01:00", None),
            ("2026-13-31T10:00:00Z", None),
            ("2026-01-31", None),
            ("é026-01-31T10:00:00Z", None),
            ("", None),
        ];
        for (time, told) in cases {
            assert_eq!(millis(time), told, "{time}");
        }
    }
}
