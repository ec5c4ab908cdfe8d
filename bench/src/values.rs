//! What is asked for: values that exist, drawn from the very events that were loaded.

use std::collections::HashMap;

use anyhow::{Result, ensure};

use crate::generator::Generator;
use crate::peers::row::Row;
use crate::random::Random;
use crate::vocabulary::WORDS;

/// An actor with no more events than this is rare: all of them fit on one page.
pub const RARE_EVENTS_MAX: u32 = 50;
/// Events that are looked at for each draw, so that rare actors are among them.
const CANDIDATES: usize = 24;
/// How many events are made at a time while drawing.
const CHUNK: usize = 100_000;
/// Draws from other events than the generator's own choices.
const SALT: u64 = 0x5eed_0f00_7a1e;

/// The values of one round of questions. All of them were loaded.
#[derive(Clone, Debug)]
pub struct Draw {
    /// An actor with few events.
    pub rare_actor: String,
    /// A correlation id.
    pub correlation: String,
    /// The type of a resource.
    pub resource_type: String,
    /// Its id.
    pub resource_id: String,
    /// A trail, with an action and an outcome that happened in it.
    pub trail: String,
    /// That action.
    pub action: String,
    /// That outcome.
    pub outcome: String,
    /// A word out of an event's details.
    pub word: String,
    /// The middle and the end of a word in some actor's address, which few events have.
    pub substring: String,
    /// A regular expression that finds it.
    pub pattern: String,
    /// When a span of days begins, as text of RFC 3339 in UTC; events follow.
    pub from: String,
    /// When it ends, seven days later.
    pub to: String,
}

/// What of an event may be asked for.
struct Candidate {
    actor: String,
    email: Option<String>,
    draw: Draw,
}

/// Draws `rounds` rounds of values from the first `count` events of a seed.
pub fn draw(seed: u64, count: usize, rounds: usize) -> Result<Vec<Draw>> {
    ensure!(count > 0 && rounds > 0, "nothing to draw from");
    let mut random = Random::new(seed ^ SALT);
    let mut wanted: Vec<usize> =
        (0..rounds * CANDIDATES).map(|_| random.below(count as u64) as usize).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut wanted = wanted.into_iter().peekable();
    let mut events_of: HashMap<String, u32> = HashMap::new();
    let (mut candidates, mut generator, mut done) = (Vec::new(), Generator::new(seed), 0);
    while done < count {
        let events = generator.take(CHUNK.min(count - done));
        for (index, event) in events.iter().enumerate() {
            let row = Row::parse(event)?;
            let actor = row.values[3].unwrap_or_default();
            match events_of.get_mut(actor) {
                Some(count) => *count += 1,
                None => drop(events_of.insert(actor.to_owned(), 1)),
            }
            if wanted.next_if_eq(&(done + index)).is_some() {
                candidates.extend(candidate(&row));
            }
        }
        done += events.len();
    }
    finish(candidates, &events_of, &mut random, rounds)
}

fn candidate(row: &Row<'_>) -> Option<Candidate> {
    let text = |index: usize| row.values[index].unwrap_or_default().to_owned();
    let details = row.values[16]?;
    let word = WORDS.into_iter().find(|word| details.contains(word))?;
    let from = text(2);
    Some(Candidate {
        actor: text(3),
        email: row.values[4].map(str::to_owned),
        draw: Draw {
            rare_actor: String::new(),
            correlation: text(13),
            resource_type: text(8),
            resource_id: text(9),
            trail: text(1),
            action: text(5),
            outcome: text(7),
            word: word.to_owned(),
            substring: String::new(),
            pattern: String::new(),
            to: days_later(&from, 7)?,
            from,
        },
    })
}

/// The generator's events all happened in January 2026, early enough for a week more.
fn days_later(time: &str, days: u32) -> Option<String> {
    let day: u32 = time.get(8..10)?.parse().ok()?;
    (day + days <= 31).then(|| format!("{}{:02}{}", &time[..8], day + days, &time[10..]))
}

/// Gives each draw an actor that turned out to be rare; they are found only when all were counted.
fn finish(
    mut candidates: Vec<Candidate>,
    events_of: &HashMap<String, u32>,
    random: &mut Random,
    rounds: usize,
) -> Result<Vec<Draw>> {
    // They came in the order of time, and what is asked must not.
    for place in (1..candidates.len()).rev() {
        candidates.swap(place, random.below(place as u64 + 1) as usize);
    }
    let count_of = |c: &Candidate| events_of.get(&c.actor).copied().unwrap_or(0);
    let rare: Vec<String> = candidates
        .iter()
        .filter(|c| count_of(c) <= RARE_EVENTS_MAX)
        .map(|c| c.actor.clone())
        .collect();
    let mut with_email: Vec<&Candidate> = candidates.iter().filter(|c| c.email.is_some()).collect();
    with_email.sort_by_key(|c| count_of(c));
    let words: Vec<(String, String)> =
        with_email.iter().take(rounds).filter_map(|c| part_of(c.email.as_deref()?)).collect();
    ensure!(!rare.is_empty() && !words.is_empty(), "no rare actor among these events");
    let draws = candidates.into_iter().take(rounds).enumerate().map(|(round, candidate)| {
        let (substring, pattern) = words[round % words.len()].clone();
        let rare_actor = rare[round % rare.len()].clone();
        Draw { rare_actor, substring, pattern, ..candidate.draw }
    });
    Ok(draws.collect())
}

/// Of `grace.hopper417@example.com`: `pper417`, and `ho\w*417` as a regular expression.
fn part_of(email: &str) -> Option<(String, String)> {
    let word = email.split('@').next()?.rsplit('.').next()?;
    let digits = word.trim_start_matches(|c: char| !c.is_ascii_digit());
    let middle = word.get(2..)?;
    (!digits.is_empty() && middle.len() > digits.len())
        .then(|| (middle.to_owned(), format!(r"{}\w*{digits}", &word[..2])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::Events;

    #[test]
    fn what_is_drawn_was_loaded_and_is_the_same_again() {
        let (count, rounds) = (5_000, 20);
        let draws = draw(3, count, rounds).expect("values");
        assert_eq!(draws.len(), rounds);
        assert_eq!(
            format!("{draws:?}"),
            format!("{:?}", draw(3, count, rounds).expect("the same values"))
        );
        let events = Events::generate(3, count);
        let texts: Vec<&str> =
            events.iter().map(|event| std::str::from_utf8(event).expect("an event")).collect();
        for draw in &draws {
            let all = [
                &draw.correlation,
                &draw.resource_id,
                &draw.trail,
                &draw.word,
                &draw.substring,
                &draw.from,
            ];
            for value in all {
                assert!(texts.iter().any(|text| text.contains(value.as_str())), "{value}");
            }
            let id = format!("\"id\":\"{}\"", draw.rare_actor);
            let found = texts.iter().filter(|text| text.contains(&id)).count();
            assert!((1..=RARE_EVENTS_MAX as usize).contains(&found), "{id}: {found}");
        }
    }

    #[test]
    fn a_part_of_an_address_is_found_by_its_pattern() {
        let (part, pattern) = part_of("grace.hopper417@example.com").expect("a part");
        assert_eq!((part.as_str(), pattern.as_str()), ("pper417", r"ho\w*417"));
        assert_eq!(part_of("grace@example.com"), None);
    }
}
