//! An event as a person would say it: "alice deleted backup b-17 of store 7".

use crate::Event;

/// A piece of a sentence, so that who shows it can make names stand out and link them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words of ours.
    Words(String),
    /// Who did it: its id (or what else it is called), as a name to show.
    Actor(String),
    /// What it was done to: the place among the targets, and a name to show.
    Target(usize, String),
}

/// The pieces in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence(pub Vec<Piece>);

impl std::fmt::Display for Sentence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for piece in &self.0 {
            let (Piece::Words(text) | Piece::Actor(text) | Piece::Target(_, text)) = piece;
            f.write_str(text)?;
        }
        Ok(())
    }
}

/// Says an event.
pub fn sentence(event: &Event) -> Sentence {
    let actor = event.actor.as_ref();
    let name = actor.and_then(|actor| actor.name.clone().or_else(|| actor.id.clone()));
    let mut pieces = vec![Piece::Actor(name.unwrap_or_else(|| "somebody".into()))];
    pieces.push(Piece::Words(format!(" {}", event.action)));
    for (at, target) in event.targets.iter().enumerate().take(1) {
        pieces.push(Piece::Words(format!(" {} ", target.kind.as_deref().unwrap_or_default())));
        let shown = target.name.clone().or_else(|| target.id.clone());
        pieces.push(Piece::Target(at, shown.unwrap_or_default()));
    }
    Sentence(pieces)
}
