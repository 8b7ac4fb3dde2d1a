//! Results as JUnit XML, which build servers display.

use super::case_result::CaseResult;
use crate::escape::escaped;

/// The results of one program, as a whole document.
pub(super) fn document(program: &str, results: &[CaseResult]) -> String {
    let name = format!("p2p-ci check {program}");
    format!("{HEADER}{}", suite(&name, program, results, &[]))
}

/// The results of several programs, each with its name and its problems.
#[cfg(target_os = "linux")]
pub(super) fn suites<'a>(
    program: &str,
    all: impl Iterator<Item = (&'a str, &'a [CaseResult], &'a [String])>,
) -> String {
    let suites: String =
        all.map(|(name, results, problems)| suite(name, program, results, problems)).collect();
    format!("{HEADER}<testsuites name=\"p2p-ci check {program}\">\n{suites}</testsuites>\n")
}

const HEADER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// A program without results could not be tested.
fn suite(name: &str, program: &str, results: &[CaseResult], problems: &[String]) -> String {
    let failures = results.iter().filter(|result| result.has_failed()).count();
    let skipped = results.iter().filter(|result| result.is_skipped()).count();
    let time: f64 = results.iter().map(|result| result.time.as_secs_f64()).sum();
    let cases: String = results.iter().map(|result| case(program, result)).collect();
    let (name, problems) = (xml(name), xml(&problems.join("\n")));
    let problems = match (results.is_empty(), problems.is_empty()) {
        (true, _) => format!(
            "  <testcase classname=\"{program}\" name=\"start\">\n    <error>{problems}</error>\n  </testcase>\n"
        ),
        (false, true) => String::new(),
        (false, false) => format!("  <system-err>{problems}</system-err>\n"),
    };
    let errors = usize::from(results.is_empty());
    let tests = results.len().max(1);
    format!(
        "<testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" \
         skipped=\"{skipped}\" time=\"{time:.3}\">\n{cases}{problems}</testsuite>\n"
    )
}

fn case(program: &str, result: &CaseResult) -> String {
    let case = result.case;
    let start = format!(
        "  <testcase classname=\"{program}.{}\" name=\"{}\" time=\"{:.3}\"",
        case.level.name(),
        case.id,
        result.time.as_secs_f64()
    );
    match &result.failure {
        None => start + "/>\n",
        Some(failure) if failure.is_skipped => {
            let reason = xml(&failure.hint);
            format!("{start}>\n    <skipped message=\"{reason}\"/>\n  </testcase>\n")
        }
        Some(failure) => format!(
            "{start}>\n    <failure message=\"{}\" type=\"section {}\">{}</failure>\n  </testcase>\n",
            xml(&failure.hint),
            case.section,
            xml(&failure.details.join("\n"))
        ),
    }
}

/// Text of others may have characters that XML does not allow.
fn xml(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| escaped(line).to_string()).collect();
    let text = lines.join("\n");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
