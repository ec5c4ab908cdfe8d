//! What events hold, made harmless. Markup is escaped by `maud`; this makes visible what no eye would see, and keeps
//! one value from turning the direction of what stands beside it.

use maud::{Markup, html};

use crate::limits;

/// Characters that steer how others are shown, or are not shown at all.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A text as it stands, isolated, with every unseen character named. Line breaks and tabs stay where `lines` is
/// true.
fn isolated(text: &str, lines: bool) -> Markup {
    let kept = |c: char| !is_unseen(c) || lines && matches!(c, '\n' | '\t');
    let mut runs: Vec<(bool, &str)> = Vec::new();
    let mut from = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| !kept(*c)) {
        runs.push((true, &text[from..at]));
        from = at + c.len_utf8();
        runs.push((false, &text[at..from]));
    }
    runs.push((true, &text[from..]));
    html! {
        bdi {
            @for (seen, run) in runs {
                @if seen { (run) } @else {
                    @for c in run.chars() { span.unseen { (format!("U+{:04X}", c as u32)) } }
                }
            }
        }
    }
}

/// A text where no markup can be, as in a tooltip or the title of a page: unseen characters are named there, too.
pub fn named(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_unseen(c) {
            true => out.push_str(&format!("U+{:04X}", c as u32)),
            false => out.push(c),
        }
    }
    out
}

/// A text on one line, cut to what a row has room for.
pub fn short(text: &str) -> Markup {
    short_to(text, limits::ROW_CHARS_MAX)
}

/// A text on one line, cut to so many characters.
pub fn short_to(text: &str, chars_max: usize) -> Markup {
    match text.char_indices().nth(chars_max) {
        None => isolated(text, false),
        Some((at, _)) => html! { (isolated(&text[..at], false)) "…" },
    }
}

/// A text for where no markup can stand, such as a title: cut, and a mark for every unseen character.
pub fn plain(text: &str, chars_max: usize) -> String {
    let seen = |c: char| if is_unseen(c) { '\u{fffd}' } else { c };
    text.chars().take(chars_max).map(seen).collect()
}

/// A text as it is, line breaks and all; folded where it is long, cut where it is beyond all reading.
pub fn whole(text: &str) -> Markup {
    let chars = text.chars().count();
    if chars <= limits::OPEN_CHARS_MAX {
        return html! { span.text { (isolated(text, true)) } };
    }
    let end = text.char_indices().nth(limits::SHOWN_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    html! {
        details.fold {
            summary { (short(text)) " " span.quiet { "(" (grouped(chars as u64)) " characters)" } }
            span.text { (isolated(&text[..end], true)) }
            @if end < text.len() { p.quiet { "Cut here; all of it is in the raw JSON." } }
        }
    }
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes, in the unit that fits.
pub fn bytes(count: u64) -> String {
    let mut size = count as f64;
    if count < 1_024 {
        return counted(count, "byte", "bytes");
    }
    let mut units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].into_iter();
    let mut unit = units.next();
    size /= 1_024.0;
    while size >= 1_024.0
        && let Some(larger) = units.next()
    {
        (size, unit) = (size / 1_024.0, Some(larger));
    }
    let shown = format!("{size:.1}");
    format!("{} {}", shown.trim_end_matches(".0"), unit.unwrap_or_default())
}

/// A number and its word.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_acts() {
        let shown = short("<script>alert(1)</script>\u{202e}gpj.exe\u{0}\n").into_string();
        assert!(shown.contains("&lt;script&gt;"), "{shown}");
        assert!(!shown.contains('\u{202e}') && !shown.contains('\u{0}'), "{shown}");
        assert!(shown.contains("U+202E") && shown.contains("U+000A"), "{shown}");
        assert_eq!(plain("a\u{202e}\nb", 3), "a\u{fffd}\u{fffd}");
        // Two names that look alike must not be the same to the eye.
        assert!("\u{34f}\u{17b4}\u{180b}\u{2800}\u{fff0}\u{1d173}".chars().all(is_unseen));
        assert!(shown.starts_with("<bdi>") && shown.ends_with("</bdi>"), "{shown}");
    }

    #[test]
    fn long_texts_are_cut_or_folded() {
        let long = "é".repeat(200_000);
        assert!(short(&long).into_string().len() < 400);
        let whole = whole(&long).into_string();
        assert!(whole.len() < 100_000 && whole.contains("200,000 characters"), "{}", whole.len());
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(123), "123");
    }

    #[test]
    fn bytes_are_in_one_unit() {
        for (count, wanted) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1_023, "1,023 bytes"),
            (1_536, "1.5 KiB"),
            (1 << 30, "1 GiB"),
            (300 << 20, "300 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(bytes(count), wanted);
        }
    }
}
