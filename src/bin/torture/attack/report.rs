//! What a case has measured, and whether that is what must be seen.

use std::time::Instant;

use serde_json::{Value, json};

/// The report of one case. Text is printed as it comes, JSON at the end.
pub(crate) struct Report {
    name: &'static str,
    is_json: bool,
    begun: Instant,
    figures: Vec<(String, f64, &'static str)>,
    requirements: Vec<(String, bool)>,
    skipped: Vec<String>,
}

impl Report {
    pub(crate) fn new(name: &'static str, is_json: bool) -> Self {
        if !is_json {
            println!("{name}");
        }
        let (figures, requirements, skipped) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, is_json, begun: Instant::now(), figures, requirements, skipped }
    }

    /// Something that was measured.
    pub(crate) fn figure(&mut self, what: &str, value: f64, unit: &'static str) {
        if !self.is_json {
            println!("  {what:<52} {value:>12.3} {unit}");
        }
        self.figures.push((what.into(), value, unit));
    }

    /// Something that must be seen.
    pub(crate) fn require(&mut self, what: &str, is_seen: bool) {
        if !self.is_json {
            println!("  {}  {what}", if is_seen { "ok    " } else { "FAILED" });
        }
        self.requirements.push((what.into(), is_seen));
    }

    /// A part of the case that cannot be run here.
    pub(crate) fn skip(&mut self, why: &str) {
        if !self.is_json {
            println!("  skipped: {why}");
        }
        self.skipped.push(why.into());
    }

    /// Ends the report; returns whether everything was seen.
    pub(crate) fn finish(self) -> bool {
        let all_seen = self.requirements.iter().all(|(_, is_seen)| *is_seen);
        let seconds = self.begun.elapsed().as_secs_f64();
        if self.is_json {
            let figure = |(what, value, unit): &(String, f64, &str)| -> Value {
                json!({ "what": what, "value": value, "unit": unit })
            };
            let requirement =
                |(what, is_seen): &(String, bool)| json!({ "what": what, "seen": is_seen });
            println!(
                "{}",
                json!({
                    "v": 1,
                    "case": self.name,
                    "seconds": seconds,
                    "figures": self.figures.iter().map(figure).collect::<Vec<_>>(),
                    "requirements": self.requirements.iter().map(requirement).collect::<Vec<_>>(),
                    "skipped": self.skipped,
                })
            );
        } else {
            println!("  {seconds:.1} s\n");
        }
        all_seen
    }
}
