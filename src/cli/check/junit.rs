//! Results as JUnit XML, which build servers display.

use super::text::details;
use crate::check::Outcome;

/// The whole document.
pub(super) fn document(program: &str, outcomes: &[Outcome]) -> String {
    let failures = outcomes.iter().filter(|outcome| outcome.failed.is_some()).count();
    let time: f64 = outcomes.iter().map(|outcome| outcome.time.as_secs_f64()).sum();
    let cases: String = outcomes.iter().map(|outcome| case(program, outcome)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuite name=\"p2p-ci check {program}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" \
         time=\"{time:.3}\">\n{cases}</testsuite>\n",
        outcomes.len()
    )
}

fn case(program: &str, outcome: &Outcome) -> String {
    let case = outcome.case;
    let start = format!(
        "  <testcase classname=\"{program}.{}\" name=\"{}\" time=\"{:.3}\"",
        case.level.name(),
        case.id,
        outcome.time.as_secs_f64()
    );
    match &outcome.failed {
        None => start + "/>\n",
        Some(failed) => format!(
            "{start}>\n    <failure message=\"{}\" type=\"section {}\">{}</failure>\n  </testcase>\n",
            xml(failed.hint),
            case.section,
            xml(&details(failed).join("\n"))
        ),
    }
}

/// The text has only printable characters and line ends, because bytes from the wire are escaped.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
