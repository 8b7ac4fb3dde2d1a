//! The measurements of a case, and whether its requirements are met.

use std::time::Instant;

use serde_json::{Value, json};

use crate::common::output::print_line;

/// The report of one case. Text is printed as it comes, JSON at the end.
pub(crate) struct Report {
    name: &'static str,
    is_json: bool,
    begun: Instant,
    figures: Vec<(String, f64, &'static str)>,
    requirements: Vec<(String, bool)>,
    /// Whether something was not seen that has nothing to do with time.
    is_broken: bool,
    skipped: Vec<String>,
}

impl Report {
    pub(crate) fn new(name: &'static str, is_json: bool) -> Self {
        if !is_json {
            print_line(name);
        }
        let (figures, requirements, skipped) = (Vec::new(), Vec::new(), Vec::new());
        let (begun, is_broken) = (Instant::now(), false);
        Self { name, is_json, begun, figures, requirements, is_broken, skipped }
    }

    /// Something that was measured.
    pub(crate) fn figure(&mut self, what: &str, value: f64, unit: &'static str) {
        if !self.is_json {
            print_line(format_args!("  {what:<52} {value:>12.3} {unit}"));
        }
        self.figures.push((what.into(), value, unit));
    }

    /// Something that must be seen.
    pub(crate) fn require(&mut self, what: &str, is_seen: bool) {
        self.is_broken |= !is_seen;
        self.require_time(what, is_seen);
    }

    /// A time that must be held, and may not be on a machine that is busy with something else.
    pub(crate) fn require_time(&mut self, what: &str, is_seen: bool) {
        if !self.is_json {
            print_line(format_args!("  {}  {what}", if is_seen { "ok    " } else { "FAILED" }));
        }
        self.requirements.push((what.into(), is_seen));
    }

    /// A part of the case that cannot be run here. CI has what all cases need, so there it is a
    /// failure.
    pub(crate) fn skip(&mut self, why: &str) {
        if std::env::var_os("CI").is_some() {
            self.require(&format!("all parts of the case can be run in CI: {why}"), false);
        }
        if !self.is_json {
            print_line(format_args!("  skipped: {why}"));
        }
        self.skipped.push(why.into());
    }

    /// Ends the report.
    pub(crate) fn finish(self) -> Verdict {
        let all_seen = self.requirements.iter().all(|(_, is_seen)| *is_seen);
        let seconds = self.begun.elapsed().as_secs_f64();
        if self.is_json {
            let figure = |(what, value, unit): &(String, f64, &str)| -> Value {
                json!({ "what": what, "value": value, "unit": unit })
            };
            let requirement =
                |(what, is_seen): &(String, bool)| json!({ "what": what, "seen": is_seen });
            print_line(format_args!(
                "{}",
                json!({
                    "v": 1,
                    "case": self.name,
                    "seconds": seconds,
                    "figures": self.figures.iter().map(figure).collect::<Vec<_>>(),
                    "requirements": self.requirements.iter().map(requirement).collect::<Vec<_>>(),
                    "skipped": self.skipped,
                })
            ));
        } else {
            print_line(format_args!("  {seconds:.1} s\n"));
        }
        match (all_seen, self.is_broken) {
            (true, _) => Verdict::Seen,
            (false, false) => Verdict::Late,
            (false, true) => Verdict::Broken,
        }
    }
}

/// The result of a case.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Verdict {
    /// All that must be seen was.
    Seen,
    /// All but times.
    Late,
    Broken,
}
