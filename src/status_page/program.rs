//! A program that has a status page.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::access::Sight;
use super::paths::Paths;
use crate::admin::Observed;
use crate::counters::LiveRequests;

/// A program that has a status page.
pub trait StatusPage: Observed {
    /// What its page has in addition to the common parts.
    fn parts(&self) -> Parts;

    /// What is drawn for the last hour.
    fn series(&self) -> &'static [Series];

    /// The present values, in the order of [`StatusPage::series`].
    fn values(&self) -> Vec<u64>;

    /// Adds the present state to an object, each second for each open page. The state is sent if it has changed.
    /// So it has no times that pass.
    fn show(&self, sight: Sight, to: &mut Map<String, Value>);

    /// Requests as they are answered.
    fn live(&self) -> &LiveRequests;

    /// Adds the paths that only this program has.
    fn add_paths(self: &Arc<Self>, paths: Paths) -> Paths;
}

/// The parts of a page that differ from program to program.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// The contents of the element `main`.
    pub main: &'static str,
    /// The script.
    pub script: &'static str,
}

/// A number that is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// Its name for scripts.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// What is counted: `count`, or `bytes`.
    pub unit: Unit,
    /// What is drawn of it.
    pub kind: Kind,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
}

/// What is drawn of a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The number is a total since the start. Its growth each second is drawn.
    Rate,
    /// The number goes up and down, and is drawn.
    Level,
}

impl Series {
    pub(super) fn described(&self) -> Value {
        let unit = match self.unit {
            Unit::Count => "count",
            Unit::Bytes => "bytes",
        };
        let kind = match self.kind {
            Kind::Rate => "rate",
            Kind::Level => "level",
        };
        serde_json::json!({"name": self.name, "label": self.label, "unit": unit, "kind": kind})
    }
}
