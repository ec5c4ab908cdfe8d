//! Stand-in.
#[derive(Default, Clone)]
pub struct Redaction;
impl Redaction {
    pub fn apply(&self, _j: &str) -> (Option<String>, usize) {
        (None, 0)
    }
}
