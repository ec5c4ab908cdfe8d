//! References between rules: in their order, without circles.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::correlation::{Named, Written, WrittenKind};
use super::document::{Body, Document};
use super::refusal::{Bad, listed, meant, shown};
use super::{Broken, Draft, Read};
use crate::limits::CHAIN_MAX;
use crate::mapping::Mapping;
use crate::model::{Correlation, CorrelationKind, GroupField, Kind, Path, Rule, RuleNo};
use crate::set::{Refused, RuleSet};

/// What is known of a rule to those that refer to it.
struct Known {
    /// Its place in the set.
    no: RuleNo,
    digest: [u8; 32],
    name: Option<Arc<str>>,
    id: Arc<str>,
    fields: Fields,
    /// How many refer to each other in a row, with it.
    chain: usize,
}

/// Where its values are.
enum Fields {
    /// In its event.
    Event(Arc<Mapping>),
    /// In its group.
    Group(Vec<Arc<str>>),
}

/// What became of a draft.
enum State {
    Waits,
    Refused(String),
    Known(Known),
}

/// Makes a set of what was read.
pub(super) fn resolve(read: Read, off: &[String]) -> RuleSet {
    let Read { drafts, broken, mut refused } = read;
    let found = References::new(&drafts, &broken);
    let references: Vec<Result<Vec<usize>, Bad>> =
        drafts.iter().map(|draft| found.of(draft)).collect();
    let (mut waits, mut referring) = (vec![0; drafts.len()], vec![Vec::new(); drafts.len()]);
    for (at, of) in references.iter().enumerate() {
        for other in of.iter().flatten() {
            waits[at] += 1;
            referring[*other].push(at);
        }
    }
    let silent: HashSet<usize> = references.iter().flatten().flatten().copied().collect();
    let loud = loud(&drafts, &references, off);
    let mut ready: BTreeSet<usize> = (0..drafts.len()).filter(|at| waits[*at] == 0).collect();
    let mut states: Vec<State> = drafts.iter().map(|_| State::Waits).collect();
    let mut rules = Vec::new();
    let tells: Vec<_> = drafts
        .iter()
        .map(|draft| (Arc::clone(&draft.file), draft.line, Arc::clone(&draft.document.title)))
        .collect();
    let circles: Vec<Option<String>> = circles(&drafts, &references);
    let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    while let Some(at) = ready.pop_first() {
        let draft = drafts[at].take().expect("a draft is ready once");
        let is_off = called_any(&draft.document, off);
        let state = match &references[at] {
            Err(bad) => Err(bad.clone()),
            Ok(members) => finish(draft, members, &states, RuleNo(rules.len() as u32)),
        };
        states[at] = match state {
            Err(bad) => {
                let (file, line, title) = &tells[at];
                refused.push(Refused {
                    file: Arc::clone(file),
                    line: bad.line.or(Some(*line)),
                    rule: Some(Arc::clone(title)),
                    reason: bad.reason.clone(),
                });
                State::Refused(bad.reason)
            }
            Ok((mut rule, known)) => {
                rule.alerts = !is_off && (!silent.contains(&at) || loud.contains(&at));
                rules.push(rule);
                State::Known(known)
            }
        };
        for other in &referring[at] {
            waits[*other] -= 1;
            if waits[*other] == 0 {
                ready.insert(*other);
            }
        }
    }
    for (at, circle) in circles.into_iter().enumerate() {
        let (Some(reason), State::Waits) = (circle, &states[at]) else { continue };
        let (file, line, title) = tells[at].clone();
        refused.push(Refused { file, line: Some(line), rule: Some(title), reason });
    }
    RuleSet { rules: without(rules, off), refused }
}

fn called_any(document: &Document, names: &[String]) -> bool {
    let Document { id, name, title, .. } = document;
    names.iter().any(|said| **said == **id || **said == **title || name.as_deref() == Some(said))
}

/// Those that give alerts although something refers to them.
fn loud(
    drafts: &[Draft],
    references: &[Result<Vec<usize>, Bad>],
    off: &[String],
) -> HashSet<usize> {
    let generating = drafts.iter().zip(references).filter(|(draft, _)| {
        let generates =
            matches!(&draft.document.body, Body::Correlation(written) if written.generate);
        generates && !called_any(&draft.document, off)
    });
    generating.flat_map(|(_, of)| of.iter().flatten().copied()).collect()
}

/// Who is called what.
struct References<'a> {
    drafts: &'a [Draft],
    broken: &'a [Broken],
    called: HashMap<&'a str, Vec<usize>>,
    called_broken: HashMap<&'a str, Vec<usize>>,
}

impl<'a> References<'a> {
    fn new(drafts: &'a [Draft], broken: &'a [Broken]) -> References<'a> {
        let (mut called, mut called_broken): (HashMap<_, Vec<_>>, HashMap<_, Vec<_>>) =
            Default::default();
        for (at, draft) in drafts.iter().enumerate() {
            let Document { id, name, .. } = &draft.document;
            for name in [Some(id), name.as_ref()].into_iter().flatten() {
                called.entry(&**name).or_default().push(at);
            }
        }
        for (at, broken) in broken.iter().enumerate() {
            for name in [&broken.names.id, &broken.names.name].into_iter().flatten() {
                called_broken.entry(&**name).or_default().push(at);
            }
        }
        References { drafts, broken, called, called_broken }
    }

    /// The drafts that one refers to.
    fn of(&self, draft: &Draft) -> Result<Vec<usize>, Bad> {
        let Body::Correlation(written) = &draft.document.body else { return Ok(Vec::new()) };
        let found: Vec<usize> =
            written.rules.iter().map(|named| self.one(draft, named)).collect::<Result<_, Bad>>()?;
        for (i, at) in found.iter().enumerate() {
            if found[..i].contains(at) {
                let (line, name) = &written.rules[i];
                return Err(Bad::at(
                    *line,
                    format!("`rules` names `{}` twice, by its name and its id", shown(name)),
                ));
            }
        }
        Ok(found)
    }

    fn one(&self, draft: &Draft, (line, name): &Named) -> Result<usize, Bad> {
        // What is near is meant: of the same file, else of the same origin.
        let far = |at: &usize| {
            let other = &self.drafts[*at];
            (other.file != draft.file, other.origin != draft.origin)
        };
        if let Some(at) =
            self.called.get(&**name).and_then(|called| called.iter().min_by_key(|at| far(at)))
        {
            return Ok(*at);
        }
        if let Some(broken) = self.called_broken.get(&**name).and_then(|called| called.first()) {
            let broken = &self.broken[*broken];
            let (name, file) = (shown(name), &broken.file);
            return Err(Bad::at(
                *line,
                format!(
                    "the rule `{name}` ({file}) that it refers to is refused: {}",
                    broken.reason
                ),
            ));
        }
        let titled = self.drafts.iter().find(|other| *other.document.title == **name);
        let hint = match titled {
            Some(_) => {
                "; there is one of this title: give it a `name` and refer to that".to_owned()
            }
            None => meant(name, self.called.keys().copied()),
        };
        Err(Bad::at(*line, format!("there is no rule of the name or id `{}`{hint}", shown(name))))
    }
}

/// For each draft that leads into a circle, how.
fn circles(drafts: &[Draft], references: &[Result<Vec<usize>, Bad>]) -> Vec<Option<String>> {
    let mut waits: Vec<usize> = references.iter().map(|of| of.iter().flatten().count()).collect();
    let mut referring = vec![Vec::new(); drafts.len()];
    for (at, of) in references.iter().enumerate() {
        of.iter().flatten().for_each(|other| referring[*other].push(at));
    }
    let mut done: Vec<usize> = (0..drafts.len()).filter(|at| waits[*at] == 0).collect();
    while let Some(at) = done.pop() {
        for other in &referring[at] {
            waits[*other] -= 1;
            if waits[*other] == 0 {
                done.push(*other);
            }
        }
    }
    let title = |at: usize| format!("`{}`", shown(&drafts[at].document.title));
    let told = |begin: usize| {
        let mut way = vec![begin];
        loop {
            let last = *way.last().expect("it begins with one");
            let next = references[last].iter().flatten().copied().find(|at| waits[*at] > 0)?;
            let seen = way.iter().position(|at| *at == next);
            way.push(next);
            match seen {
                None if way.len() <= CHAIN_MAX => {}
                Some(0) => {
                    let way: Vec<String> = way.into_iter().map(title).collect();
                    return Some(format!("it refers to itself: {}", way.join(" → ")));
                }
                _ => {
                    return Some(format!(
                        "it refers to {}, which leads in a circle",
                        title(way[1])
                    ));
                }
            }
        }
    };
    (0..drafts.len()).map(|at| (waits[at] > 0).then(|| told(at)).flatten()).collect()
}

/// Makes a rule of a draft whose references are known.
fn finish(
    draft: Draft,
    members: &[usize],
    states: &[State],
    no: RuleNo,
) -> Result<(Rule, Known), Bad> {
    let Draft { document, file, origin, line, text } = draft;
    let mut digest = Sha256::new();
    digest.update((text.len() as u64).to_le_bytes());
    digest.update(text.as_bytes());
    let (kind, fields, chain) = match document.body {
        Body::Event(condition, mapping) => {
            digest.update(mapping.digest);
            (Kind::Event(condition), Fields::Event(mapping), 1)
        }
        Body::Correlation(written) => {
            let members = known(&written, members, states)?;
            members.iter().for_each(|member| digest.update(member.digest));
            let chain = 1 + members.iter().map(|member| member.chain).max().unwrap_or(0);
            if chain > CHAIN_MAX {
                return Err(Bad::at(
                    line,
                    format!("more than {CHAIN_MAX} rules refer to each other in a row"),
                ));
            }
            let correlation = correlation(written, &members)?;
            let names = correlation.group_by.iter().map(|field| Arc::clone(&field.name)).collect();
            (Kind::Correlation(correlation), Fields::Group(names), chain)
        }
    };
    let digest: [u8; 32] = digest.finalize().into();
    let known = Known {
        no,
        digest,
        name: document.name.clone(),
        id: Arc::clone(&document.id),
        fields,
        chain,
    };
    let rule = Rule {
        id: document.id,
        name: document.name,
        title: document.title,
        description: document.description,
        advice: document.advice,
        level: document.level,
        tags: document.tags,
        file,
        line,
        origin,
        text,
        digest,
        alerts: true,
        kind,
    };
    Ok((rule, known))
}

fn known<'s>(
    written: &Written,
    members: &[usize],
    states: &'s [State],
) -> Result<Vec<&'s Known>, Bad> {
    let one = |(at, (line, name)): (&usize, &Named)| match &states[*at] {
        State::Known(known) => Ok(known),
        State::Refused(reason) => {
            // The reason at the root is told, however long the way to it.
            let reason = reason.rsplit("refers to is refused: ").next().unwrap_or_default();
            Err(Bad::at(
                *line,
                format!("the rule `{}` that it refers to is refused: {reason}", shown(name)),
            ))
        }
        State::Waits => unreachable!("a rule is looked at when all that it refers to were"),
    };
    members.iter().zip(&written.rules).map(one).collect()
}

/// Makes a correlation of what is written.
fn correlation(written: Written, members: &[&Known]) -> Result<Correlation, Bad> {
    let groups = Groups { written: &written, members };
    groups.check_aliases()?;
    let group_by =
        written.group_by.iter().map(|named| groups.field(named)).collect::<Result<_, Bad>>()?;
    let kind = match &written.kind {
        WrittenKind::EventCount(at_least) => CorrelationKind::EventCount { at_least: *at_least },
        WrittenKind::ValueCount(field, at_least) => {
            CorrelationKind::ValueCount { field: groups.field(field)?, at_least: *at_least }
        }
        WrittenKind::Temporal { ordered, at_least } => {
            CorrelationKind::Temporal { ordered: *ordered, at_least: *at_least }
        }
        WrittenKind::FirstSeen(field, learn) => {
            CorrelationKind::FirstSeen { field: groups.field(field)?, learn: *learn }
        }
        WrittenKind::Absence => CorrelationKind::Absence,
        WrittenKind::Unusual { factor_percent, at_least, past } => CorrelationKind::Unusual {
            factor_percent: *factor_percent,
            at_least: *at_least,
            past: *past,
        },
    };
    let of = members.iter().map(|member| member.no).collect();
    Ok(Correlation { of, kind, group_by, span: written.span })
}

/// Finds the fields of a correlation in the rules that it refers to.
struct Groups<'a> {
    written: &'a Written,
    members: &'a [&'a Known],
}

impl Groups<'_> {
    fn is(&self, member: usize, said: &str) -> bool {
        let known = self.members[member];
        *known.id == *said || known.name.as_deref() == Some(said)
    }

    /// Whatever an alias says must be about a rule that is there.
    fn check_aliases(&self) -> Result<(), Bad> {
        for (_, fields) in &self.written.aliases {
            for ((line, rule), _) in fields {
                if (0..self.members.len()).any(|member| self.is(member, rule)) {
                    continue;
                }
                let rules = self.written.rules.iter().map(|(_, name)| &**name);
                let (shown, near) = (shown(rule), meant(rule, rules));
                return Err(Bad::at(
                    *line,
                    format!(
                        "the alias is for the rule `{shown}`, which the correlation does not refer to{near}"
                    ),
                ));
            }
        }
        Ok(())
    }

    fn field(&self, (line, name): &Named) -> Result<GroupField, Bad> {
        let of = (0..self.members.len()).map(|member| self.of(member, *line, name));
        let of: Vec<Vec<Path>> = of.collect::<Result<_, Bad>>()?;
        Ok(GroupField { name: name.as_str().into(), of })
    }

    /// Where a field is in what one of the rules finds.
    fn of(&self, member: usize, line: usize, name: &str) -> Result<Vec<Path>, Bad> {
        let alias = self.written.aliases.iter().find(|(alias, _)| alias == name);
        let aliased = alias
            .and_then(|(_, fields)| fields.iter().find(|((_, rule), _)| self.is(member, rule)));
        let (line, field) =
            aliased.map_or((line, name), |((line, _), field)| (*line, field.as_str()));
        let rule = &self.written.rules[member].1;
        match &self.members[member].fields {
            Fields::Event(_) if alias.is_some() && aliased.is_none() => {
                let (name, rule) = (shown(name), shown(rule));
                Err(Bad::at(
                    line,
                    format!("the alias `{name}` does not say what field of `{rule}` it is"),
                ))
            }
            Fields::Event(mapping) => mapping.paths(field, line),
            Fields::Group(names) if names.iter().any(|has| **has == *name) => Ok(Vec::new()),
            Fields::Group(names) => {
                let (name, rule) = (shown(name), shown(rule));
                let has = match names.is_empty() {
                    true => "nothing".to_owned(),
                    false => listed(names.iter().map(|name| &**name)),
                };
                Err(Bad::at(
                    line,
                    format!(
                        "the correlation `{rule}` groups by {has}, and so knows no `{name}`; name it in its `group-by` too"
                    ),
                ))
            }
        }
    }
}

/// The rules without those that are off and that nothing that stays refers to.
fn without(rules: Vec<Rule>, off: &[String]) -> Vec<Rule> {
    let mut stays = vec![false; rules.len()];
    for at in (0..rules.len()).rev() {
        let rule = &rules[at];
        let is_off = off.iter().any(|said| {
            **said == *rule.id || **said == *rule.title || rule.name.as_deref() == Some(said)
        });
        stays[at] |= !is_off;
        if let (true, Kind::Correlation(correlation)) = (stays[at], &rule.kind) {
            correlation.of.iter().for_each(|no| stays[no.0 as usize] = true);
        }
    }
    let (mut places, mut next) = (vec![0; rules.len()], 0);
    for (at, stays) in stays.iter().enumerate() {
        places[at] = next;
        next += u32::from(*stays);
    }
    let renumber = |(at, mut rule): (usize, Rule)| {
        if let Kind::Correlation(correlation) = &mut rule.kind {
            for no in &mut correlation.of {
                no.0 = places[no.0 as usize];
            }
        }
        stays[at].then_some(rule)
    };
    rules.into_iter().enumerate().filter_map(renumber).collect()
}
