//! How things look to a person: width, colour, the local time, and text that does nothing to a terminal.

use std::fmt::Write;
use std::io::IsTerminal;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What ends a text that was cut.
const CUT: char = '…';
/// Narrower than this nothing is cut to: such a terminal is no terminal.
const WIDTH_MIN: usize = 40;

/// What standard output can show, and in which zone times are told.
pub struct Look {
    /// Results go to a person, not to a program.
    pub for_people: bool,
    width: Option<usize>,
    colour: bool,
    zone: TimeZone,
}

/// What something is painted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// As everything else.
    Plain,
    /// Went wrong.
    Bad,
    /// Went well, or was added.
    Good,
    /// Open, or worth a look.
    Odd,
    /// Less important.
    Dim,
    /// More important.
    Strong,
}

impl Look {
    /// What is right for this standard output.
    pub fn new(json: bool, text: bool, utc: bool) -> Look {
        let terminal = std::io::stdout().is_terminal();
        let size = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Look {
            for_people: !json && (text || terminal),
            width: size.filter(|_| terminal).map(|width| width.max(WIDTH_MIN)),
            colour: terminal && !plain,
            zone: if utc { TimeZone::UTC } else { TimeZone::system() },
        }
    }

    /// Columns of the terminal, if it is one.
    pub fn width(&self) -> Option<usize> {
        self.width
    }

    /// A time as the event has it, in the zone and to the second.
    pub fn time(&self, text: &str) -> String {
        match text.parse::<Timestamp>() {
            Ok(time) => time.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            Err(_) => clean(text),
        }
    }

    /// A time with all its digits and its offset.
    pub fn exact_time(&self, text: &str) -> String {
        match text.parse::<Timestamp>() {
            Ok(time) => {
                let format = "%Y-%m-%d %H:%M:%S%.6f %:z";
                time.to_zoned(self.zone.clone()).strftime(format).to_string()
            }
            Err(_) => clean(text),
        }
    }

    /// The text in its colour, where there is any.
    pub fn paint(&self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.to_owned(),
            Paint::Bad => "31",
            Paint::Good => "32",
            Paint::Odd => "33",
            Paint::Dim => "2",
            Paint::Strong => "1",
        };
        if self.colour && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// The text, cut to what is left beside `taken` columns.
    pub fn fit(&self, text: &str, taken: usize) -> String {
        match self.width {
            Some(width) => cut(text, width.saturating_sub(taken).max(WIDTH_MIN / 2)),
            None => text.to_owned(),
        }
    }

    #[cfg(test)]
    pub fn plain() -> Look {
        Look { for_people: true, width: None, colour: false, zone: TimeZone::UTC }
    }
}

/// The text with at most so many characters.
pub fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain([CUT]).collect()
}

/// The text padded to so many characters.
pub fn pad(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

/// The text without anything that a terminal would obey or that would turn its direction: whoever writes
/// to the trail must not write to the screen of the one who reads it.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => cleaned.push('⏎'),
            '\t' => cleaned.push(' '),
            c if is_harmful(c) => {
                let _ = write!(cleaned, "\\u{{{:x}}}", u32::from(c));
            }
            c => cleaned.push(c),
        }
    }
    cleaned
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A bar for `count` out of `max`, of at most `width` columns; what is there at all shows.
pub fn bar(count: u64, max: u64, width: usize) -> String {
    if count == 0 || max == 0 {
        return String::new();
    }
    let eighths = (count as f64 / max as f64 * (width * 8) as f64).round().max(1.0) as usize;
    let mut bar = "█".repeat(eighths / 8);
    bar.extend(
        [None, Some('▏'), Some('▎'), Some('▍'), Some('▌'), Some('▋'), Some('▊'), Some('▉')]
            [eighths % 8],
    );
    bar
}

/// Many counts on one line.
pub fn spark(counts: &[u64]) -> String {
    let max = counts.iter().copied().max().unwrap_or(0).max(1);
    let step = |count: &u64| match *count {
        0 => ' ',
        count => ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
            [((count * 8).div_ceil(max) as usize).clamp(1, 8) - 1],
    };
    counts.iter().map(step).collect()
}

/// A span of time in the largest unit that fits.
pub fn span(seconds: f64) -> String {
    let (unit, divisor) = match seconds {
        s if s >= 172_800.0 => ("days", 86_400.0),
        s if s >= 7_200.0 => ("h", 3_600.0),
        s if s >= 120.0 => ("min", 60.0),
        _ => ("s", 1.0),
    };
    format!("{:.0} {unit}", seconds / divisor)
}

/// Bytes in the unit that fits, of a thousand of the one below.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.95 {
            let digits = usize::from(unit != "B");
            return format!("{value:.digits$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_fits() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (2_500_000_000_000, "2.5 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn nothing_reaches_the_terminal_but_text() {
        assert_eq!(clean("a\x1b[2Jb\u{202e}c\nd\u{9b}"), "a\\u{1b}[2Jb\\u{202e}c⏎d\\u{9b}");
        assert_eq!(clean("Paweł 中"), "Paweł 中");
    }

    #[test]
    fn texts_are_cut_and_bars_are_drawn() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
        assert_eq!(
            (bar(10, 10, 3), bar(5, 10, 3), bar(1, 1_000_000, 3)),
            ("███".into(), "█▌".into(), "▏".into())
        );
        assert_eq!(spark(&[0, 1, 8, 4]), " ▁█▄");
        assert_eq!(
            (span(30.0), span(7_200.0), span(200_000.0)),
            ("30 s".into(), "2 h".into(), "2 days".into())
        );
    }

    #[test]
    fn times_are_told_in_the_zone() {
        let look = Look::plain();
        assert_eq!(look.time("2026-11-20T12:00:00.123456Z"), "2026-11-20 12:00:00");
        assert_eq!(
            look.exact_time("2026-11-20T12:00:00.123456Z"),
            "2026-11-20 12:00:00.123456 +00:00"
        );
        assert_eq!(look.time("non\x07sense"), "non\\u{7}sense");
    }
}
