//! Stand-in.
pub struct Policy;
pub enum Verdict {
    Keep,
    Muted,
    Sampled,
}
#[derive(Clone, Copy, PartialEq, Eq)]
#[derive(Debug)]
pub enum Durability {
    Async,
    Durable,
    Required,
}
impl Default for Policy {
    fn default() -> Self {
        Policy
    }
}
impl Policy {
    pub fn verdict(
        &self,
        _a: &str,
        _c: &str,
        _o: indelible_event::Outcome,
        _p: Option<indelible_event::Phase>,
        _i: bool,
        _co: Option<&str>,
        _u: u64,
    ) -> Verdict {
        Verdict::Keep
    }
    pub fn durability(&self, _t: &str) -> Durability {
        Durability::Async
    }
}
