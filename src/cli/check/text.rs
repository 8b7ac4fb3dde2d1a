//! Results of cases as text of at most 80 columns.

use super::columns::{last_lines, lines, side_by_side};
use crate::check::{Failed, Outcome, Symptom};
use crate::cli::output::wrapping::wrapped;

/// Columns before the details of a failure.
const INDENT: &str = "     ";
/// Columns of each side.
const SIDE: usize = 36;

/// A case that has passed or was skipped is a line; one that has failed also has what was sent, the two sides, and
/// the hint.
pub(super) fn outcome(outcome: &Outcome) -> String {
    let case = outcome.case;
    let line = |word| format!("{word:4} {:24} {:4} {}", case.id, case.section, case.rule);
    let failed = match &outcome.failed {
        None => return line("ok"),
        Some(failed) if failed.symptom == Symptom::Skipped => return line("skip"),
        Some(failed) => failed,
    };
    let line = line("FAIL");
    let details = details(failed).into_iter().map(|detail| format!("\n{INDENT}{detail}"));
    line + &details.map(|detail| detail.trim_end_matches(' ').to_string()).collect::<String>()
}

/// What a person needs to see why a case has failed.
pub(super) fn details(failed: &Failed) -> Vec<String> {
    let hint = wrapped(&format!("hint: {}", failed.hint), 2 * SIDE);
    // Nothing was received with which something could be compared.
    if failed.symptom == Symptom::NotSeen {
        return hint;
    }
    let mut shown = Vec::new();
    for (client, bytes) in &failed.sent {
        for line in lines(bytes, 2 * SIDE) {
            shown.push(format!("{client}> {line}").trim_end().to_string());
        }
    }
    shown.push(format!("{:SIDE$} | received", "expected"));
    let expected = lines(failed.expected.as_bytes(), SIDE);
    shown.extend(side_by_side(&expected, &lines(&failed.received, SIDE), SIDE));
    shown.push(format!("found: {}", failed.symptom.observed()));
    if let Some(ended) = failed.ended {
        shown.push(format!("the program has ended: {ended}"));
    }
    if !failed.output.is_empty() {
        shown.push("the last output of the program:".into());
        shown.extend(
            last_lines(&failed.output, 2 * SIDE).into_iter().map(|line| format!("| {line}")),
        );
    }
    shown.extend(hint);
    shown
}
