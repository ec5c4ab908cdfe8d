//! Which routes record something: so that a forgotten one shows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use serde::Serialize;

use crate::limits::ROUTES_MAX;

/// The routes that were declared or seen, each with how often it was requested and how often that was recorded.
#[derive(Debug, Default)]
pub struct Coverage(RwLock<Routes>);

/// By template, then by method: found without allocating, as each request looks.
type Routes = HashMap<Box<str>, HashMap<Box<str>, Counts>>;

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    recorded: AtomicU64,
}

/// What is known of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Route {
    /// The template, such as `/users/{id}`.
    pub route: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// How many requests it had.
    pub requests: u64,
    /// For how many of them an event was recorded.
    pub recorded: u64,
}

impl Coverage {
    /// Names a route, so that it is listed even if it is never requested.
    pub fn declare(&self, method: &str, route: &str) {
        self.with(method, route, |_| ());
    }

    /// Counts a request, and whether an event was recorded for it.
    pub fn count(&self, method: &str, route: &str, recorded: bool) {
        self.with(method, route, |counts| {
            counts.requests.fetch_add(1, Ordering::Relaxed);
            counts.recorded.fetch_add(u64::from(recorded), Ordering::Relaxed);
        });
    }

    /// All routes, by template and method.
    pub fn routes(&self) -> Vec<Route> {
        let routes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut routes: Vec<Route> = routes
            .iter()
            .flat_map(|(route, methods)| {
                methods.iter().map(|(method, counts)| Route {
                    route: route.to_string(),
                    method: method.to_string(),
                    requests: counts.requests.load(Ordering::Relaxed),
                    recorded: counts.recorded.load(Ordering::Relaxed),
                })
            })
            .collect();
        routes.sort();
        routes
    }

    /// The routes that never recorded anything.
    pub fn forgotten(&self) -> Vec<Route> {
        self.routes().into_iter().filter(|route| route.recorded == 0).collect()
    }

    fn with(&self, method: &str, route: &str, change: impl Fn(&Counts)) {
        let routes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counts) = routes.get(route).and_then(|methods| methods.get(method)) {
            change(counts);
            return;
        }
        drop(routes);
        let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Templates are few; more than this are paths and methods that callers make up.
        if routes.values().map(HashMap::len).sum::<usize>() < ROUTES_MAX {
            change(routes.entry(route.into()).or_default().entry(method.into()).or_default());
        }
    }
}
