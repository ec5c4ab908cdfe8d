//! How a request can end other than well.

use std::time::Duration;

use serde::Deserialize;

/// Why a request was not answered as hoped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be one of a node's.
    #[error("{url}: {why}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing was answered, or not all. Whether the request took effect is not known.
    #[error("{url}: {why}")]
    Unreachable {
        /// The node.
        url: String,
        /// What happened.
        why: String,
    },
    /// The node said no, and why.
    #[error(transparent)]
    Problem(Box<Problem>),
    /// The answer is not one of this API's.
    #[error("{url} does not answer as a node of Indelible: {why}")]
    Strange {
        /// The node.
        url: String,
        /// What was answered.
        why: String,
    },
}

/// What a node says when it cannot do what was asked (RFC 9457).
#[derive(Clone, Debug, Default, Deserialize, thiserror::Error)]
#[error("{}", self.text())]
pub struct Problem {
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What type of problem: an address, whose last part is its name.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// What kind of problem.
    #[serde(default)]
    pub title: String,
    /// What is wrong in this case.
    #[serde(default)]
    pub detail: String,
    /// Where in the query, if it is the query.
    pub query: Option<QueryProblem>,
    /// Whether the node itself says so, in its form. If not, it may be a proxy, or another program altogether.
    #[serde(skip)]
    pub is_node: bool,
    /// After which time the node wants to be asked again.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

/// Where a query cannot be read.
#[derive(Clone, Debug, Deserialize)]
pub struct QueryProblem {
    /// The column, counted from 1, in characters.
    pub column: usize,
    /// How many characters.
    #[serde(default)]
    pub length: usize,
    /// What was perhaps meant.
    pub hint: Option<String>,
}

impl Problem {
    /// The name of its type: `not-found`, `busy`.
    pub fn name(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }

    fn text(&self) -> &str {
        if self.detail.is_empty() { &self.title } else { &self.detail }
    }
}

impl Error {
    /// The problem that the node named.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Error::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the same request may succeed later, without anybody changing it.
    pub fn may_pass(&self) -> bool {
        match self {
            Error::Unreachable { .. } => true,
            Error::Problem(problem) => matches!(problem.status, 408 | 429 | 500 | 502..=504),
            Error::Address { .. } | Error::Strange { .. } => false,
        }
    }

    /// How long the node wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.problem().and_then(|problem| problem.retry_after)
    }
}
