//! The results as a table, CSV and JUnit XML, and errors.

use std::fs;

use super::{Class, program};

#[test]
fn a_table_csv_and_junit() {
    let class = Class::new();
    class.add("=a", "exec SERVE");
    class.add("b", "printf 'no \\033[31m<server>\\n'; exit 3");
    fs::create_dir(class.directory().join("c")).unwrap();
    let (csv, junit) = (class.root.path().join("csv"), class.root.path().join("xml"));
    let files = ["--csv", csv.to_str().unwrap(), "--junit", junit.to_str().unwrap()];
    let (code, output, errors) = class.check(program(), &files);
    assert_eq!(code, 1, "{errors}");
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.len(), 4, "{output}");
    assert!(lines[0].starts_with("NAME  GRADE  PASSED  FAILED "), "{output}");
    assert!(lines[1].starts_with("=a    100.0  15/15 "), "{output}");
    assert!(lines[2].contains("0/15    add-status, add-record, lookup-found, and 12 more"));
    assert!(lines[2].contains(r"exit code 3; last output `no \x1b[31m<server>`"), "{output}");
    assert!(errors.contains("b: 0 of 15 cases passed ("), "{errors}");
    let csv = fs::read_to_string(csv).unwrap();
    assert!(csv.starts_with("\"name\",\"grade\",\"passed\",\"cases\","), "{csv}");
    assert!(csv.contains("\r\n\"'=a\",\"100.0\",\"15\",\"15\",\"\","), "{csv}");
    // All failed cases are named there.
    let failed = csv.lines().nth(2).unwrap();
    assert!(failed.contains("add-status, add-record, lookup-found, ") && !failed.contains(" more"));
    let junit = fs::read_to_string(junit).unwrap();
    assert_eq!(junit.matches("<testsuite ").count(), 3, "{junit}");
    assert!(junit.contains(r"`no \x1b[31m&lt;server&gt;`"), "{junit}");
    assert!(junit.ends_with("</testsuites>\n"), "{junit}");
}

#[test]
fn what_is_no_class_is_an_error() {
    let class = Class::new();
    let missing = class.root.path().join("missing");
    let missing = missing.to_str().unwrap();
    let empty = class.temporary();
    let empty = empty.to_str().unwrap();
    for (arguments, code, part) in [
        (vec!["server", "--class", missing], 74, "cannot test "),
        (vec!["server", "--class", empty], 74, "expected a directory for each submission"),
        (vec!["server", "localhost", "--class", empty], 2, "cannot be used with"),
        (vec!["server", "--start", "a"], 2, "<ADDR>"),
        (vec!["uploader", "--class", empty, "--rfc", "x"], 2, "x"),
        (vec!["server", "--class", empty, "--start", "a {host}"], 2, "found `{host}`"),
        (vec!["peer", "--class", empty, "--dir", "../a"], 2, "--dir: expected a path in each"),
        (vec!["client", "--class", empty, "--menu", missing], 74, "cannot read "),
        (vec!["peer"], 2, "--start"),
    ] {
        let output = program().arg("check").args(&arguments).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(errors.contains(part), "{arguments:?}: {errors}");
    }
}
