//! The results of a class: as a table, as JSON, as CSV.

use serde_json::{Value, json};

use super::super::case_result::CaseResult;
use crate::check::{Weights, grade};
use crate::cli::output::table::{Fit, Table};
use crate::confined::Isolation;
use crate::escape::escaped;

/// Failed cases that the table names.
pub(super) const SHOWN: usize = 3;

/// The result of a submission.
#[derive(Clone, Debug)]
pub(super) struct Graded {
    pub(super) name: String,
    /// Empty if it could not be tested.
    pub(super) results: Vec<CaseResult>,
    pub(super) isolation: Isolation,
    pub(super) problems: Vec<String>,
}

impl Graded {
    pub(super) fn has_passed(&self) -> bool {
        !self.results.is_empty() && self.results.iter().all(CaseResult::has_passed)
    }

    /// `None` if it could not be tested.
    fn grade(&self, weights: &Weights) -> Option<f64> {
        let results = self.results.iter().map(|result| (result.case, result.has_passed()));
        (!self.results.is_empty()).then(|| grade(results, weights))
    }

    pub(super) fn passed(&self) -> usize {
        self.results.iter().filter(|result| result.has_passed()).count()
    }

    /// The cases that have failed: the first ones, and the number of others.
    fn failed(&self, shown: usize) -> String {
        let failed = self.results.iter().filter(|result| result.has_failed());
        first_of(failed.map(|result| result.case.id), shown)
    }

    /// `None` if no program ran.
    fn isolation(&self) -> Option<Isolation> {
        (!self.results.is_empty()).then_some(self.isolation)
    }

    /// Its row: name, grade, passed cases, all cases, the first failed cases, isolation, problems.
    fn row(&self, weights: &Weights, shown: usize) -> [String; 7] {
        let grade = self.grade(weights).map_or("-".into(), |grade| format!("{grade:.1}"));
        let text = |text: &str| escaped(text).to_string();
        [
            self.name.clone(),
            grade,
            self.passed().to_string(),
            self.results.len().to_string(),
            self.failed(shown),
            self.isolation().map_or("-".into(), Isolation::statement),
            text(&self.problems.join("; ")),
        ]
    }

    fn object(&self, weights: &Weights) -> Value {
        let isolation = self.isolation().map(|isolation| {
            let kinds = isolation.kinds().map(|(name, is)| (name.to_string(), is.into()));
            kinds.collect::<serde_json::Map<String, Value>>()
        });
        json!({
            "v": 1,
            "name": self.name,
            "cases": case_objects(&self.results, weights),
            "grade": self.grade(weights),
            "isolation": isolation,
            "problems": self.problems,
        })
    }
}

/// The first cases, and the number of others.
pub(super) fn first_of<'a>(mut ids: impl Iterator<Item = &'a str>, shown: usize) -> String {
    let first: Vec<&str> = ids.by_ref().take(shown).collect();
    let others = ids.count();
    let others = if others > 0 { format!(", and {others} more") } else { String::new() };
    first.join(", ") + &others
}

/// The cases of a program as JSON.
fn case_objects(results: &[CaseResult], weights: &Weights) -> Vec<Value> {
    results.iter().map(|result| result.object(weights)).collect()
}

pub(super) fn as_table(all: &[Graded], weights: &Weights) -> String {
    let mut rows = Table::new([
        ("NAME", Fit::Name),
        ("GRADE", Fit::Whole),
        ("PASSED", Fit::Whole),
        ("FAILED", Fit::Shortened),
        ("ISOLATION", Fit::Shortened),
        ("PROBLEMS", Fit::Shortened),
    ]);
    for graded in all {
        let row = graded.row(weights, SHOWN);
        let [name, grade, passed, count, failed, isolation, problems] = row;
        let passed = if count == "0" { "-".into() } else { format!("{passed}/{count}") };
        rows.add_row([name, grade, passed, failed, isolation, problems]);
    }
    rows.text()
}

pub(super) fn as_json(all: &[Graded], weights: &Weights) -> Value {
    let submissions: Vec<Value> = all.iter().map(|graded| graded.object(weights)).collect();
    json!({"v": 1, "submissions": submissions})
}

pub(super) fn as_csv(all: &[Graded], weights: &Weights) -> String {
    let header = ["name", "grade", "passed", "cases", "failed", "isolation", "problems"];
    let mut text = csv_line(&header.map(String::from));
    for graded in all {
        text += &csv_line(&graded.row(weights, usize::MAX));
    }
    text
}

/// Each field in quotes. A spreadsheet takes a field that begins with `=` or the like as a formula.
fn csv_line(fields: &[String]) -> String {
    let field = |field: &String| {
        let is_formula = field.len() > 1 && field.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let mark = if is_formula { "'" } else { "" };
        format!("\"{mark}{}\"", field.replace('"', "\"\""))
    };
    fields.iter().map(field).collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_csv_are_quoted_and_are_no_formulas() {
        let line = csv_line(&["a \"b\"".into(), "=1+1".into(), "-".into(), String::new()]);
        assert_eq!(line, "\"a \"\"b\"\"\",\"'=1+1\",\"-\",\"\"\r\n");
    }

    #[test]
    fn what_could_not_be_tested_has_no_grade() {
        let problems = vec!["port 7734 cannot be used\x1b[31m".to_string()];
        let isolation = Isolation::default();
        let graded = Graded { name: "a".into(), results: Vec::new(), isolation, problems };
        let all = [graded];
        let weights = Weights::default();
        assert!(as_json(&all, &weights)["submissions"][0]["grade"].is_null());
        let table = as_table(&all, &weights);
        assert!(
            !table.contains("none:")
                && table.contains(" -      -  ")
                && table.contains(r"used\x1b[31m"),
            "{table}"
        );
        assert!(!all[0].has_passed());
    }
}
