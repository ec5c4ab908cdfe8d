//! What changed within a text, word by word.

use crate::limits;

/// A run of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run<'a> {
    /// In both.
    Same(&'a str),
    /// Only in this one.
    Own(&'a str),
}

/// The runs of the older and of the newer text. `None` where they have so little in common that two whole texts tell
/// more.
pub fn runs<'a>(before: &'a str, after: &'a str) -> Option<[Vec<Run<'a>>; 2]> {
    let (old, new) = (words(before), words(after));
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = tail.take_while(|(a, b)| a == b).count();
    let (old_middle, new_middle) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let pairs = common(old_middle, new_middle);
    let mut kept = [vec![false; old.len()], vec![false; new.len()]];
    for (side, words) in kept.iter_mut().enumerate() {
        let length = words.len();
        words[..head].fill(true);
        words[length - tail..].fill(true);
        for pair in &pairs {
            words[head + [pair.0, pair.1][side]] = true;
        }
    }
    let same: usize =
        old.iter().zip(&kept[0]).filter(|(_, kept)| **kept).map(|(w, _)| w.len()).sum();
    let enough = same * 100 >= before.len().max(after.len()) * limits::EMPHASIS_SAME_PERCENT_MIN;
    enough.then(|| [joined(before, &old, &kept[0]), joined(after, &new, &kept[1])])
}

/// Runs of letters and digits, of white space, and every other character alone.
fn words(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        _ if c.is_alphanumeric() => 1,
        _ if c.is_whitespace() => 2,
        _ => 0,
    };
    let mut words = Vec::new();
    let mut from = 0;
    let mut last = None;
    for (at, c) in text.char_indices() {
        let now = kind(c);
        if last.is_some_and(|last| last != now || now == 0) {
            words.push(&text[from..at]);
            from = at;
        }
        last = Some(now);
    }
    words.push(&text[from..]);
    words
}

/// The longest common subsequence, as pairs of places; none where it would take too long to find.
fn common(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    if old.is_empty() || new.is_empty() || old.len() * new.len() > limits::EMPHASIS_STEPS_MAX {
        return Vec::new();
    }
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i * width + j] = match old[i] == new[j] {
                true => lengths[(i + 1) * width + j + 1] + 1,
                false => lengths[(i + 1) * width + j].max(lengths[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// Neighbours of one kind as one run.
fn joined<'a>(text: &'a str, words: &[&'a str], kept: &[bool]) -> Vec<Run<'a>> {
    let mut runs = Vec::new();
    let (mut from, mut at) = (0, 0);
    for (place, word) in words.iter().enumerate() {
        at += word.len();
        if kept.get(place + 1) != Some(&kept[place]) {
            let run = &text[from..at];
            if !run.is_empty() {
                runs.push(if kept[place] { Run::Same(run) } else { Run::Own(run) });
            }
            from = at;
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::Run::{Own, Same};
    use super::*;

    #[test]
    fn changed_words_stand_out() {
        let [old, new] = runs("allow 10.0.0.0/8 to all", "allow 10.0.0.0/16 to most").unwrap();
        assert_eq!(old, [Same("allow 10.0.0.0/"), Own("8"), Same(" to "), Own("all")]);
        assert_eq!(new, [Same("allow 10.0.0.0/"), Own("16"), Same(" to "), Own("most")]);
        let [old, new] = runs("a b", "a x b").unwrap();
        assert_eq!((old, new), (vec![Same("a b")], vec![Same("a "), Own("x "), Same("b")]));
    }

    #[test]
    fn texts_without_much_in_common_stand_whole() {
        for (before, after) in
            [("", "x"), ("x", ""), ("draft", "final"), ("one two", "three four five")]
        {
            assert_eq!(runs(before, after), None, "{before} {after}");
        }
    }

    #[test]
    fn the_runs_are_the_text_and_long_texts_take_no_time() {
        let long = |word: &str| (0..60_000).map(|n| format!("{word}{n} ")).collect::<String>();
        for (before, after) in [
            ("é\u{301}x y", "é\u{301}x z"),
            (&*long("a"), &*(long("a") + "b")),
            (&*long("a"), &*long("b")),
        ] {
            let Some(sides) = runs(before, after) else { continue };
            for (runs, text) in sides.iter().zip([before, after]) {
                let all: String = runs
                    .iter()
                    .map(|run| match run {
                        Same(text) | Own(text) => *text,
                    })
                    .collect();
                assert_eq!(all, text);
            }
        }
    }
}
