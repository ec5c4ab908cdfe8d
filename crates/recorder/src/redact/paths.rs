//! Paths of members, as they are told in configuration: `details.customer.*.email`.

/// What is done with everything at and below a path. A later one outdoes an earlier one, here and where a key or
/// a shape says something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Treatment {
    /// It is looked at: its keys and the shapes of its texts.
    Look,
    /// A key above it named a secret.
    Secret,
    /// A key above it asked for an HMAC.
    SecretHmac,
    /// A path says that it stays as it is.
    Allow,
    /// A path says that it goes.
    Deny,
    /// A path asks for an HMAC.
    Hmac,
}

#[derive(Clone, Debug)]
struct Rule {
    segments: Vec<Box<str>>,
    treatment: Treatment,
}

/// All paths.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths(Vec<Rule>);

/// The paths that may still match below a member, each having matched so far. Empty costs nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    rules: Vec<usize>,
    depth: usize,
}

impl Paths {
    pub(super) fn add(&mut self, path: &str, treatment: Treatment) {
        self.0.push(Rule { segments: path.split('.').map(Box::from).collect(), treatment });
    }

    /// At the top of an event.
    pub(super) fn live(&self) -> Live {
        Live { rules: (0..self.0.len()).collect(), depth: 0 }
    }

    /// One step down: to the member of this key, or to an element of an array. `how` is what is done so far; says
    /// what is done there.
    #[inline]
    pub(super) fn step(&self, live: &Live, how: Treatment, key: Option<&str>) -> (Live, Treatment) {
        if live.rules.is_empty() {
            return (Live::default(), how);
        }
        self.step_with_rules(live, how, key)
    }

    #[cold]
    fn step_with_rules(
        &self,
        live: &Live,
        mut how: Treatment,
        key: Option<&str>,
    ) -> (Live, Treatment) {
        let mut below = Live { rules: Vec::new(), depth: live.depth + 1 };
        for &rule in &live.rules {
            let Rule { segments, treatment } = &self.0[rule];
            let segment = &*segments[live.depth];
            if segment != "*" && key != Some(segment) {
                continue;
            }
            if segments.len() == below.depth {
                how = how.max(*treatment);
            } else {
                below.rules.push(rule);
            }
        }
        (below, how)
    }

    /// Whether some path below asks for more than is done already.
    pub(super) fn outdo(&self, live: &Live, treatment: Treatment) -> bool {
        live.rules.iter().any(|&rule| self.0[rule].treatment > treatment)
    }
}
