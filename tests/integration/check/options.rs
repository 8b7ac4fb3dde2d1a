//! Output, weights, and exit codes.

use std::fs;

use serde_json::Value;

use super::check;
use super::faulty_index::{self, Fault};

#[test]
fn text_shows_both_sides_in_80_columns_and_a_hint() {
    let address = faulty_index::start(Fault::LineFeeds).to_string();
    let (code, output, errors) = check(&["server", &address, "--level", "handout"]);
    assert_eq!((code, errors.as_str()), (1, ""), "{output}");
    for part in [
        "\nFAIL reply-line-ends ",
        "\n     A> ADD RFC ",
        "\n     expected                             | received\n",
        "\n     P2P-CI/1.0 200 OK\\r\\n                | P2P-CI/1.0 200 OK\\n\n",
        "\n     found: another form\n",
        "\n     hint: end each line with `\\r\\n`, as the handout shows with <cr> <lf>\n",
        " of 100\n",
    ] {
        assert!(output.contains(part), "{part:?} in {output}");
    }
    assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");
    assert!(!output.contains("bytewise"), "{output}");
}

#[test]
fn json_junit_and_weights() {
    let address = faulty_index::start(Fault::ListUnsorted).to_string();
    let root = tempfile::tempdir().unwrap();
    let (junit, weights) = (root.path().join("a b.xml"), root.path().join("weights"));
    fs::write(&weights, "# all others count 1 or more\nlist-order 1000\n").unwrap();
    let weights = weights.to_str().unwrap();
    let junit_path = junit.to_str().unwrap();
    let options = ["--json", "--junit", junit_path, "--weights", weights];
    let (code, output, _) = check(&[&["server", address.as_str()], &options[..]].concat());
    assert_eq!((code, output.lines().count()), (1, 1));
    let object: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(object["v"], 1);
    // The cases have less than 120 points without this one.
    let grade = object["grade"].as_f64().unwrap();
    assert!((5.0..11.0).contains(&grade), "{grade}");
    let cases = object["cases"].as_array().unwrap();
    let order = cases.iter().find(|case| case["id"] == "list-order").unwrap();
    assert_eq!((&order["weight"], &order["passed"]), (&1000.into(), &false.into()));
    assert_eq!((&order["section"], &order["level"]), (&"4.5".into(), &"robust".into()));
    assert!(order["hint"].as_str().unwrap().starts_with("sort the records"));
    assert!(cases.iter().all(|case| case.as_object().unwrap().len() == 6));
    assert!(cases.iter().filter(|case| case["passed"] == true).all(|case| case["hint"].is_null()));
    let xml = fs::read_to_string(&junit).unwrap();
    assert!(xml.contains(&format!("tests=\"{}\" failures=\"1\"", cases.len())), "{xml}");
    assert!(xml.contains("name=\"list-order\"") && xml.contains("<failure message=\"sort the "));
    assert!(xml.contains("\nA&gt; ADD RFC ") && xml.ends_with("</testsuite>\n"));
}

#[test]
fn failures_before_the_first_case_have_their_exit_codes() {
    let address = faulty_index::start(Fault::None).to_string();
    let root = tempfile::tempdir().unwrap();
    let file = |text: &str| {
        let path = root.path().join(text.split(' ').next().unwrap());
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_string()
    };
    let (unknown, nothing) = (file("lookups 5"), file("# 0"));
    let all: Vec<String> = nothing_counts(&address);
    fs::write(&nothing, all.join("\n")).unwrap();
    for (arguments, code, part) in [
        (vec!["server", "127.0.0.1:1"], 69, "cannot connect to 127.0.0.1:1: "),
        (vec!["uploader", "127.0.0.1:1", "793"], 69, "cannot connect to 127.0.0.1:1: "),
        (vec!["uploader", "127.0.0.1", "793"], 2, "such as `localhost:5678`"),
        (vec!["uploader", "127.0.0.1:1", "x"], 2, "x"),
        (vec!["server"], 2, "<ADDR>"),
        (vec!["server", &address, "--level", "all"], 2, "handout, robust, extension"),
        (vec!["server", &address, "--weights", "/nowhere/at all"], 74, "cannot read /nowhere"),
        (vec!["server", &address, "--junit", "/nowhere/x"], 74, "cannot write /nowhere/x"),
        (vec!["server", &address, "--weights", &unknown], 2, "line 1: expected the id of a case"),
        (vec!["server", &address, "--weights", &nothing], 2, "a weight above 0"),
    ] {
        let (found, output, errors) = check(&arguments);
        assert_eq!((found, output.as_str()), (code, ""), "{arguments:?}: {errors}");
        assert!(errors.contains(part), "{arguments:?}: {errors}");
    }
}

/// Lines that give no weight to any case.
fn nothing_counts(address: &str) -> Vec<String> {
    let (_, output, _) = check(&["server", address, "--json"]);
    let object: Value = serde_json::from_str(&output).unwrap();
    let cases = object["cases"].as_array().unwrap().clone();
    cases.iter().map(|case| format!("{} 0", case["id"].as_str().unwrap())).collect()
}
