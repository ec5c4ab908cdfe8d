//! What is to be done about what fires, and when time is up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use indelible_event::{EventId, Micros};
use indelible_log::hex;
use indelible_rules::{Firing, RuleSet};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::care::Care;
use super::notification::{Notification, Reason};
use super::told::{Opened, Repeated, Told};
use super::{AlertDetail, AlertRule, Book, Counted, Key, More, State, care};
use crate::limits::{ALERTS_MAX, ALERTS_RULE_MAX, REPEAT_EVERY_MICROS, TEXT_BYTES_MAX};
use crate::seam::Deed;
use crate::settings::{Channel, Only, Settings};

/// By what is decided.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub rules: &'a RuleSet,
    pub settings: &'a Settings,
    /// Where people reach the node.
    pub public_url: Option<&'a str>,
}

/// Decides, as of a place in the log. The same history gives the same deeds with the same ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decider {
    book: Book,
    care: BTreeMap<EventId, Care>,
    /// When there is something to do about which alert. Some of it is out of date.
    timers: BTreeSet<(Micros, EventId)>,
    /// How far time has come.
    time: Option<Micros>,
    /// Alerts that have counted up since it was last asked.
    touched: BTreeSet<EventId>,
}

/// All of it, to be written down.
#[derive(Serialize, Deserialize)]
pub(crate) struct Saved {
    alerts: Vec<(AlertDetail, Care)>,
    #[serde(with = "crate::moment::maybe")]
    time: Option<Micros>,
}

impl Decider {
    pub fn save(&self) -> Saved {
        let alerts = self.book.live().filter_map(|detail| {
            let care = self.care.get(&detail.alert.id())?;
            // Nothing is decided by what was said about it.
            let more = More { history: VecDeque::new(), ..detail.more.clone() };
            Some((AlertDetail { alert: detail.alert.clone(), more }, care.clone()))
        });
        Saved { alerts: alerts.collect(), time: self.time }
    }

    pub fn restore(saved: Saved) -> Decider {
        let mut decider = Decider { time: saved.time, ..Decider::default() };
        for (detail, care) in saved.alerts {
            decider.keep(detail, care);
        }
        decider
    }

    /// Goes on with what is open in a book of others, where nothing was saved. Whoever was not told yet is told.
    pub fn of(book: &Book, context: Context<'_>) -> Decider {
        let mut decider = Decider::default();
        for detail in book.live() {
            decider.keep(detail.clone(), Care::anew(detail, context));
        }
        decider
    }

    fn keep(&mut self, detail: AlertDetail, care: Care) {
        let id = detail.alert.id();
        self.timers.extend(care.next().map(|at| (at, id)));
        self.care.insert(id, care);
        self.book.insert(detail);
    }

    /// Other settings count from now on: how long an alert may wait, and for whom is quiet.
    pub fn resettle(&mut self, settings: &Settings) {
        for (id, care) in &mut self.care {
            let Some(detail) = self.book.get(*id) else { continue };
            care.escalate_at = care::escalate_at(&detail.alert, settings);
            self.timers.extend(care.next().map(|at| (at, *id)));
        }
    }

    /// How far alerts have counted since this was last asked.
    pub fn take_counted(&mut self) -> Vec<Counted> {
        let touched = std::mem::take(&mut self.touched);
        touched.into_iter().filter_map(|id| self.book.get(id)).map(counted).collect()
    }

    /// All that are open, as far as they have counted.
    pub fn all_counted(&self) -> Vec<Counted> {
        self.book.live().map(counted).collect()
    }

    /// Somebody did something, as a record says that is looked at now.
    pub fn hear(&mut self, told: &Told) {
        self.book.apply(told);
        if *told.action == *"alert.acknowledge"
            && let Some(care) = self.care.get_mut(&told.alert)
        {
            // Who was still to be told that it was opened need not be any more.
            care.held.clear();
        }
        if self.book.get(told.alert).is_none() {
            self.care.remove(&told.alert);
        }
    }

    /// Takes an alert that a record opened, if it does not have it.
    pub fn adopt(&mut self, told: &Told, context: Context<'_>) {
        let Some(detail) = told.opened().filter(|_| self.book.get(told.alert).is_none()) else {
            return;
        };
        let key: Key = (Arc::clone(&detail.alert.rule.id), detail.alert.group.clone());
        if !self.book.live.contains_key(&key) {
            let care = Care::anew(&detail, context);
            self.keep(detail, care);
        }
    }

    /// Everything that was recorded before this moment was looked at: what waited for it is done.
    pub fn advance(&mut self, to: Micros, context: Context<'_>, deeds: &mut Vec<Deed>) {
        while let Some(&(at, id)) = self.timers.first().filter(|(at, _)| *at <= to) {
            self.timers.pop_first();
            self.time_is_up(id, at, context, deeds);
        }
        self.time = self.time.max(Some(to));
    }

    /// A rule fired.
    pub fn fire(&mut self, firing: &Firing, context: Context<'_>, deeds: &mut Vec<Deed>) {
        self.advance(firing.known_at, context, deeds);
        let rule = context.rules.get(firing.rule);
        let mut key: Key = (Arc::clone(&rule.id), firing.group.iter().cloned().collect());
        if !self.book.live.contains_key(&key) && self.is_full(&rule.id) {
            // One alert for all further groups: whoever floods a rule hides none of the others.
            key.1.clear();
        }
        match self.book.live.get(&key) {
            Some(&id) => self.again(id, firing, context, deeds),
            None => self.open(key, firing, context, deeds),
        }
    }

    fn is_full(&self, rule: &Arc<str>) -> bool {
        let live = &self.book.live;
        let shared = live.contains_key(&(Arc::clone(rule), BTreeMap::new()));
        let of = self.book.live_of.get(rule).copied().unwrap_or(0) - usize::from(shared);
        of >= ALERTS_RULE_MAX || self.book.live.len() >= ALERTS_MAX
    }

    fn open(
        &mut self,
        (rule_id, group): Key,
        firing: &Firing,
        context: Context<'_>,
        deeds: &mut Vec<Deed>,
    ) {
        let rule = context.rules.get(firing.rule);
        let overflows = group.is_empty() && !firing.group.is_empty();
        // Texts end with a byte that is in none of them, so that no two lists are written alike.
        let of: String = group.iter().map(|(name, value)| format!("{name}\0{value}\0")).collect();
        // Not the place: what was recorded while the watch did not run stands elsewhere than if it had.
        let events: String = firing.events.iter().map(|event| event.id.0.to_string()).collect();
        let of = format!("{rule_id}\0{of}\0{}\0{events}", firing.known_at.0);
        let id = EventId::foreign("indelible:alert", &of);
        let (summary, query) = if overflows {
            let why =
                format!("{}: so many groups at a time that these are counted together", rule.title);
            (why, care::query_of_events(firing))
        } else {
            (care::summary(rule, firing), care::query(context.rules, firing))
        };
        let opened = Opened {
            rule: AlertRule {
                id: Arc::clone(&rule_id),
                title: care::cut(&rule.title, TEXT_BYTES_MAX),
                level: rule.level,
            },
            rule_digest: hex::encode(&rule.digest),
            group,
            summary: summary.into(),
            note: firing.note.clone(),
            found: firing.count,
            first_at: firing.first,
            last_at: firing.last,
            events: firing.events.clone(),
            description: rule.description.as_ref().map(|text| care::cut(text, TEXT_BYTES_MAX)),
            advice: rule.advice.as_ref().map(|text| care::cut(text, TEXT_BYTES_MAX)),
            query: query.into(),
        };
        let about = About { action: "alert.open", alert: id, rule: &rule_id, at: firing.known_at };
        let deed = about.deed(id, json(&opened));
        let Some(detail) = Told::of(&deed).and_then(|told| told.opened()) else { return };
        deeds.push(deed);
        let care = Care::new(&detail.alert, rule, context.settings);
        self.keep(detail, care);
        self.tell(id, Reason::Open, firing.known_at, context, deeds);
    }

    fn again(&mut self, id: EventId, firing: &Firing, context: Context<'_>, deeds: &mut Vec<Deed>) {
        let (Some(detail), Some(care)) = (self.book.get(id), self.care.get_mut(&id)) else {
            return;
        };
        let (at, count) = (firing.known_at, detail.alert.count + 1);
        let (state, acknowledged) = (detail.alert.state, detail.alert.acknowledged_at);
        let (first_at, last_at) = (firing.first, firing.last);
        let events = firing.events.clone();
        self.book.counted(Counted { alert: id, count, first_at, last_at, events });
        self.touched.insert(id);
        let lately = at.0.saturating_sub(care.repeated_at.0) < REPEAT_EVERY_MICROS;
        // Whoever acknowledged it knows of what was before, not of what comes.
        let is_news = acknowledged.is_some_and(|then| care.repeated_at < then && then < at);
        let is_due = is_news || !lately;
        let Some(detail) = self.book.get(id).filter(|_| is_round(count) || is_due) else { return };
        care.repeated_at = at;
        let alert = &detail.alert;
        let repeated = Repeated {
            count,
            first_at: alert.first_at,
            last_at: alert.last_at,
            events: detail.more.events.clone(),
        };
        let rule = Arc::clone(&alert.rule.id);
        let about = About { action: "alert.repeat", alert: id, rule: &rule, at };
        let deed = about.derived(&count.to_string(), json(&repeated));
        self.done(deed, deeds);
        if state == State::Open || is_due {
            self.tell(id, Reason::Repeat, at, context, deeds);
        }
    }

    fn time_is_up(&mut self, id: EventId, at: Micros, context: Context<'_>, deeds: &mut Vec<Deed>) {
        let Some(detail) = self.book.get(id) else { return };
        let Some(care) = self.care.get_mut(&id) else { return };
        let is_open = detail.alert.state == State::Open;
        let rule = Arc::clone(&detail.alert.rule.id);
        let escalates = care.escalate_at.take_if(|due| *due <= at).is_some() && is_open;
        let ended: Vec<Arc<str>> =
            care.held.extract_if(.., |_, until| *until <= at).map(|(name, _)| name).collect();
        self.timers.extend(care.next().map(|at| (at, id)));
        let mut quiet: Vec<&Channel> = context.settings.channels.iter().collect();
        quiet.retain(|channel| ended.contains(&channel.name));
        if escalates {
            let about = About { action: "alert.escalate", alert: id, rule: &rule, at };
            self.done(about.derived("", Value::Object(Default::default())), deeds);
            self.tell(id, Reason::Escalate, at, context, deeds);
            // These have been told just now, or are held again.
            return;
        }
        for channel in quiet {
            self.tell_one(id, channel, Reason::QuietEnd, at, context, deeds);
        }
    }

    /// Tells all who are to be told of it.
    fn tell(
        &mut self,
        id: EventId,
        reason: Reason,
        at: Micros,
        context: Context<'_>,
        deeds: &mut Vec<Deed>,
    ) {
        for channel in &context.settings.channels {
            let (Some(detail), Some(care)) = (self.book.get(id), self.care.get(&id)) else {
                return;
            };
            let escalations = channel.only == Some(Only::Escalations);
            let waits = escalations && reason != Reason::Escalate;
            if !waits && care.is_for(channel, detail.alert.rule.level) {
                self.tell_one(id, channel, reason, at, context, deeds);
            }
        }
    }

    /// Tells one channel, now or when its quiet hours end.
    fn tell_one(
        &mut self,
        id: EventId,
        channel: &Channel,
        reason: Reason,
        at: Micros,
        context: Context<'_>,
        deeds: &mut Vec<Deed>,
    ) {
        let (Some(detail), Some(care)) = (self.book.get(id), self.care.get_mut(&id)) else {
            return;
        };
        if let Some(until) = channel.quiet_until(detail.alert.rule.level, at) {
            care.held.entry(Arc::clone(&channel.name)).or_insert(until);
            self.timers.insert((until, id));
            return;
        }
        let rule = Arc::clone(&detail.alert.rule.id);
        let notification = Notification::of(detail, &channel.name, reason, context.public_url);
        let details = json(&notification);
        let about = About { action: "alert.notify", alert: id, rule: &rule, at };
        let count = detail.alert.count;
        let which = format!("{}\0{}\0{}\0{count}", channel.name, details["reason"], at.0);
        let mut deed = about.derived(&which, details);
        deed.targets.push(("channel", channel.name.to_string()));
        self.done(deed, deeds);
    }

    fn done(&mut self, deed: Deed, deeds: &mut Vec<Deed>) {
        if let Some(told) = Told::of(&deed) {
            self.book.apply(&told);
        }
        deeds.push(deed);
    }
}

/// What a deed is about.
struct About<'a> {
    action: &'static str,
    alert: EventId,
    rule: &'a str,
    at: Micros,
}

impl About<'_> {
    fn deed(&self, id: EventId, details: Value) -> Deed {
        let rule = care::cut(self.rule, TEXT_BYTES_MAX).to_string();
        Deed {
            id,
            action: self.action,
            targets: vec![("alert", self.alert.to_string()), ("rule", rule)],
            occurred_at: Some(self.at),
            details,
        }
    }

    /// One whose id follows from the alert, the action and this.
    fn derived(&self, which: &str, details: Value) -> Deed {
        let source = format!("indelible:{}", self.action);
        self.deed(EventId::foreign(&source, &format!("{}\0{which}", self.alert)), details)
    }
}

fn counted(detail: &AlertDetail) -> Counted {
    let alert = &detail.alert;
    let (count, first_at, last_at) = (alert.count, alert.first_at, alert.last_at);
    let events = detail.more.events.clone();
    Counted { alert: alert.id(), count, first_at, last_at, events }
}

/// Whether so many are told anew: 2, 10, 100, 1,000 …
fn is_round(count: u64) -> bool {
    let digits = count.checked_ilog10().unwrap_or(0);
    count == 2 || (count > 1 && count == 10u64.pow(digits))
}

fn json(of: &impl Serialize) -> Value {
    serde_json::to_value(of).expect("it has string keys only")
}
