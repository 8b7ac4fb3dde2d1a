//! Weights of cases, and the grade.

use std::collections::BTreeMap;

use super::case::Case;
use crate::escape::excerpt;

/// Weights that replace the weights of cases.
#[derive(Debug, Default)]
pub(crate) struct Weights(BTreeMap<String, u32>);

/// The highest weight.
const MOST: u32 = 1_000;

impl Weights {
    /// Reads lines `ID WEIGHT`. Empty lines and lines that begin with `#` are ignored.
    ///
    /// # Errors
    /// When a line has another form, or names no case or one twice.
    pub(crate) fn parse(text: &str, cases: &[&Case]) -> Result<Self, String> {
        let mut weights = BTreeMap::new();
        for (place, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what: &str| {
                Err(format!("line {}: {what}, found {}", place.saturating_add(1), excerpt(line)))
            };
            let words: Vec<&str> = line.split_whitespace().collect();
            let [id, weight] = words.as_slice() else {
                return wrong("expected `ID WEIGHT`");
            };
            if !cases.iter().any(|case| case.id == *id) {
                return wrong("expected the id of a case");
            }
            let Some(weight) = weight.parse().ok().filter(|weight| *weight <= MOST) else {
                return wrong("expected a weight from 0 to 1000");
            };
            if weights.insert((*id).to_string(), weight).is_some() {
                return wrong("expected each case once");
            }
        }
        Ok(Self(weights))
    }

    /// The weight of a case.
    pub(crate) fn of(&self, case: &Case) -> u32 {
        self.0.get(case.id).copied().unwrap_or(case.weight)
    }
}

/// The weight of the cases that have passed (`true`), in percent of the weight of all cases, with one decimal. 0 if no
/// case has a weight.
pub(crate) fn grade<'a>(results: impl Iterator<Item = (&'a Case, bool)>, weights: &Weights) -> f64 {
    let (mut passed, mut all) = (0_u32, 0_u32);
    for (case, has_passed) in results {
        let weight = weights.of(case);
        all = all.saturating_add(weight);
        passed = passed.saturating_add(if has_passed { weight } else { 0 });
    }
    let grade = f64::from(passed) * 100.0 / f64::from(all.max(1));
    // A grade of 100 says that everything has passed.
    (grade * 10.0).floor() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::cases;

    #[test]
    fn weights_replace_those_of_cases() {
        let all = cases::index_server();
        let text = "# weights\n\nadd-status 7\n  lookup-found\t0\n";
        let weights = Weights::parse(text, &all).unwrap();
        let weight = |id: &str| weights.of(all.iter().find(|case| case.id == id).unwrap());
        assert_eq!((weight("add-status"), weight("lookup-found")), (7, 0));
        for (text, mistake) in [
            ("add-status", "line 1: expected `ID WEIGHT`"),
            ("\nadd-statu 1", "line 2: expected the id of a case"),
            ("add-status -1", "expected a weight from 0 to 1000, found `add-status -1`"),
            ("add-status 1001", "expected a weight"),
            ("add-status 1\nadd-status 2", "line 2: expected each case once"),
        ] {
            let error = Weights::parse(text, &all).unwrap_err();
            assert!(error.contains(mistake), "{error}");
        }
    }
}
