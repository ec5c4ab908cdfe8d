//! `correlation`: what is said of it, before the rules that it names are known.

use indelible_event::Micros;

use super::refusal::{Bad, meant_or_known, shown};
use super::yaml::{self, Node, Value};
use crate::limits::{GROUP_FIELDS_MAX, GROUP_ITEMS_MAX, MEMBERS_MAX, PAST_MAX, SPAN_MICROS_MAX};

/// A name and its line.
pub(super) type Named = (usize, String);

/// Another name for fields: of which rule it is which.
pub(super) type Alias = (String, Vec<(Named, String)>);

/// A correlation as it is written.
#[derive(Debug)]
pub(super) struct Written {
    /// What must come together.
    pub kind: WrittenKind,
    /// The rules that it refers to.
    pub rules: Vec<Named>,
    /// By what it counts apart.
    pub group_by: Vec<Named>,
    /// Other names for fields.
    pub aliases: Vec<Alias>,
    /// Within what time.
    pub span: Micros,
    /// Whether the rules that it refers to give alerts too.
    pub generate: bool,
}

/// What must come together.
#[derive(Debug)]
pub(super) enum WrittenKind {
    /// So many events.
    EventCount(u64),
    /// So many values of a field.
    ValueCount(Named, u64),
    /// So many of the rules.
    Temporal { ordered: bool, at_least: usize },
    /// A new value of a field, for a group that is known so long.
    FirstSeen(Named, Micros),
    /// One rule without the other behind it.
    Absence,
    /// Many more than before.
    Unusual { factor_percent: u64, at_least: u64, past: u32 },
}

const TYPES: [&str; 7] = [
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "first_seen",
    "absence",
    "unusual",
];
const MEMBERS: [&str; 8] =
    ["type", "rules", "group-by", "timespan", "condition", "aliases", "generate", "learn"];

/// Reads a `correlation`.
pub(super) fn read(node: &Node) -> Result<Written, Bad> {
    yaml::known(node.map("`correlation`")?, &MEMBERS, "`correlation`")?;
    let need = |name: &str| {
        let missing = || Bad::at(node.line, format!("the correlation has no `{name}`"));
        node.get(name).ok_or_else(missing)
    };
    let kind_node = need("type")?;
    let kind = kind_node.text("`type`")?;
    if !TYPES.contains(&&*kind) {
        let (shown, hint) = (shown(&kind), meant_or_known(&kind, &TYPES));
        return Err(Bad::at(
            kind_node.line,
            format!("there is no correlation type `{shown}`{hint}"),
        ));
    }
    let rules_node = need("rules")?;
    let rules = rules_node.texts("`rules`")?;
    check_rules(&rules, &kind, rules_node.line)?;
    let group_by = match node.get("group-by") {
        Some(node) if !matches!(node.value, Value::Null) => node.texts("`group-by`")?,
        _ => Vec::new(),
    };
    if group_by.len() > GROUP_FIELDS_MAX {
        return Err(Bad::at(node.line, format!("more than {GROUP_FIELDS_MAX} fields to group by")));
    }
    if let Some((line, name)) = repeated(&group_by) {
        return Err(Bad::at(*line, format!("`group-by` names `{}` twice", shown(name))));
    }
    let span = time(need("timespan")?, "`timespan`")?;
    let generate = match node.get("generate") {
        Some(node) => truth(node, "`generate`")?,
        None => false,
    };
    if let Some(learn) = node.get("learn").filter(|_| kind != "first_seen") {
        return Err(Bad::at(learn.line, "`learn` belongs to `first_seen`"));
    }
    let written = Kinds { node, rules: rules.len(), span }.read(&kind)?;
    Ok(Written { kind: written, rules, group_by, aliases: aliases(node)?, span, generate })
}

fn check_rules(rules: &[Named], kind: &str, line: usize) -> Result<(), Bad> {
    let why = match (kind, rules.len()) {
        (_, 0) => "`rules` is empty; it names the rules that are counted".to_owned(),
        (_, many) if many > MEMBERS_MAX => format!("`rules` names more than {MEMBERS_MAX}"),
        ("temporal" | "temporal_ordered", 1) => {
            format!("a `{kind}` needs two rules or more; `event_count` counts the events of one")
        }
        ("absence", many) if many > 2 => {
            "an `absence` names one rule, or one and the other that should follow".to_owned()
        }
        _ => {
            return match repeated(rules) {
                None => Ok(()),
                Some((line, name)) => {
                    Err(Bad::at(*line, format!("`rules` names `{}` twice", shown(name))))
                }
            };
        }
    };
    Err(Bad::at(line, why))
}

fn repeated(names: &[Named]) -> Option<&Named> {
    names
        .iter()
        .enumerate()
        .find(|(i, (_, name))| names[..*i].iter().any(|(_, other)| other == name))
        .map(|(_, named)| named)
}

/// Reads what each kind asks for.
struct Kinds<'a> {
    node: &'a Node,
    rules: usize,
    span: Micros,
}

impl Kinds<'_> {
    fn read(&self, kind: &str) -> Result<WrittenKind, Bad> {
        match kind {
            "event_count" => {
                let condition = self.condition(&["gt", "gte"], "with `gte: 10`, say")?;
                Ok(WrittenKind::EventCount(kept(condition)?))
            }
            "value_count" => {
                let condition =
                    self.condition(&["field", "gt", "gte"], "with `field` and `gte: 10`, say")?;
                Ok(WrittenKind::ValueCount(field(condition)?, kept(condition)?))
            }
            "temporal" | "temporal_ordered" => self.temporal(kind == "temporal_ordered"),
            "first_seen" => {
                let condition = self.condition(&["field"], "with `field: context.ip`, say")?;
                let Some(learn) = self.node.get("learn") else {
                    return Err(Bad::at(
                        self.node.line,
                        "a `first_seen` has no `learn`: how long a group must be known before a new value is remarkable; `7d` would do",
                    ));
                };
                let (line, learn) = (learn.line, time(learn, "`learn`")?);
                if learn > self.span {
                    return Err(Bad::at(
                        line,
                        "`learn` is longer than `timespan`, which is how long values are remembered",
                    ));
                }
                Ok(WrittenKind::FirstSeen(field(condition)?, learn))
            }
            "absence" => match self.node.get("condition") {
                Some(node) => Err(Bad::at(
                    node.line,
                    "an `absence` has no `condition`: what is missing is the last of its `rules`",
                )),
                None => Ok(WrittenKind::Absence),
            },
            _ => self.unusual(),
        }
    }

    fn condition(&self, known: &[&str], would_do: &str) -> Result<&Node, Bad> {
        let Some(condition) = self.node.get("condition") else {
            return Err(Bad::at(
                self.node.line,
                format!("the correlation has no `condition`; one {would_do}"),
            ));
        };
        if let Value::Text(_) = condition.value {
            return Err(Bad::at(
                condition.line,
                "extended conditions are not understood; a `temporal` of other correlations says what must come together",
            ));
        }
        let members = condition.map("the `condition` of a correlation")?;
        let refused =
            members.iter().find(|(key, _)| matches!(&*key.name, "lt" | "lte" | "eq" | "neq"));
        if let Some((key, _)) = refused {
            return Err(Bad::at(
                key.line,
                format!(
                    "`{}`: whether fewer came shows only when it is too late to tell; `gt` and `gte` are known, and an `absence` tells of what does not come",
                    key.name
                ),
            ));
        }
        yaml::known(members, known, "the condition")?;
        Ok(condition)
    }

    fn temporal(&self, ordered: bool) -> Result<WrittenKind, Bad> {
        let all = self.rules;
        let Some(node) = self.node.get("condition") else {
            return Ok(WrittenKind::Temporal { ordered, at_least: all });
        };
        let line = node.line;
        let at_least = at_least(self.condition(&["gt", "gte"], "with `gte: 2`, say")?)?;
        let at_least = usize::try_from(at_least).unwrap_or(usize::MAX);
        if at_least > all {
            return Err(Bad::at(
                line,
                format!("the condition asks for {at_least} rules, and there are only {all}"),
            ));
        }
        if ordered && at_least != all {
            return Err(Bad::at(
                line,
                "a `temporal_ordered` needs all of its rules; leave the condition out",
            ));
        }
        Ok(WrittenKind::Temporal { ordered, at_least })
    }

    fn unusual(&self) -> Result<WrittenKind, Bad> {
        let condition = self.condition(
            &["factor", "gt", "gte", "past"],
            "with `{ factor: 5, gte: 50, past: 14 }`, say",
        )?;
        let need = |name: &str| {
            condition.get(name).ok_or_else(|| {
                Bad::at(condition.line, format!("the condition has no `{name}`; `{{ factor: 5, gte: 50, past: 14 }}` would do"))
            })
        };
        let factor = need("factor")?;
        let times = factor.text("`factor`")?.parse::<f64>().ok();
        let times = times.filter(|times| (1.0..=1e6).contains(times)).ok_or_else(|| {
            Bad::at(factor.line, "`factor` is no number of at least 1; 5 would do")
        })?;
        let past_node = need("past")?;
        let past = past_node.count("`past`")?;
        if !(2..=PAST_MAX).contains(&past) {
            return Err(Bad::at(
                past_node.line,
                format!("`past` is how many spans are looked back: 2 to {PAST_MAX}"),
            ));
        }
        if self.span.0.saturating_mul(past as i64) > SPAN_MICROS_MAX {
            return Err(Bad::at(past_node.line, "`past` spans are longer than 400 days together"));
        }
        Ok(WrittenKind::Unusual {
            factor_percent: (times * 100.0).round() as u64,
            at_least: at_least(condition)?,
            past: past as u32,
        })
    }
}

fn at_least(condition: &Node) -> Result<u64, Bad> {
    let gte = condition.get("gte").map(|node| node.count("`gte`")).transpose()?;
    let gt = condition.get("gt").map(|node| node.count("`gt`")).transpose()?;
    let gt = gt.map(|count| count.saturating_add(1));
    match gte.max(gt) {
        None => Err(Bad::at(
            condition.line,
            "the condition has neither `gte` nor `gt`; `gte: 10` would do",
        )),
        Some(0) => {
            Err(Bad::at(condition.line, "the condition always holds; `gte: 1` is the least"))
        }
        Some(count) => Ok(count),
    }
}

/// So many that a window can hold them.
fn kept(condition: &Node) -> Result<u64, Bad> {
    let count = at_least(condition)?;
    if count > GROUP_ITEMS_MAX as u64 {
        let why = format!(
            "the condition asks for {count}; a window keeps at most {GROUP_ITEMS_MAX}, so this would never fire"
        );
        return Err(Bad::at(condition.line, why));
    }
    Ok(count)
}

fn field(condition: &Node) -> Result<Named, Bad> {
    let Some(node) = condition.get("field") else {
        return Err(Bad::at(
            condition.line,
            "the condition has no `field`: the one whose values are looked at",
        ));
    };
    if let Value::List(_) = node.value {
        return Err(Bad::at(node.line, "`field` is a list; the values of one field are looked at"));
    }
    Ok((node.line, node.text("`field`")?))
}

fn aliases(node: &Node) -> Result<Vec<Alias>, Bad> {
    let Some(node) = node.get("aliases") else { return Ok(Vec::new()) };
    let mut aliases = Vec::new();
    for (key, of) in node.map("`aliases`")? {
        let mut fields = Vec::new();
        for (rule, field) in of.map("an alias")? {
            let field = field.text("the field of an alias")?;
            fields.push(((rule.line, rule.name.clone()), field));
        }
        aliases.push((key.name.clone(), fields));
    }
    Ok(aliases)
}

/// Reads `true` or `false`.
pub(super) fn truth(node: &Node, what: &str) -> Result<bool, Bad> {
    match node.value {
        Value::Bool(value) => Ok(value),
        _ => Err(Bad::at(node.line, format!("{what} is {}; it is `true` or `false`", node.kind()))),
    }
}

/// Reads a time like `10m`.
fn time(node: &Node, what: &str) -> Result<Micros, Bad> {
    let said = node.text(what)?;
    let micros = span(said.trim());
    let bad = |why: String| Bad::at(node.line, why);
    match micros {
        Some(micros) if (1..=SPAN_MICROS_MAX).contains(&micros) => Ok(Micros(micros)),
        Some(_) => Err(bad(format!("{what} is {}; one of 1s to 400d would do", shown(&said)))),
        None => Err(bad(format!(
            "{what} is `{}`, and no time; a number with s, m, h, d or w like `10m` would do",
            shown(&said)
        ))),
    }
}

fn span(said: &str) -> Option<i64> {
    let unit = said.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let number: i64 = said[..said.len() - 1].trim_end().parse().ok()?;
    Some(number.saturating_mul(seconds * 1_000_000))
}
