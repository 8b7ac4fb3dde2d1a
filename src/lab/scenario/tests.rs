//! Scenarios with and without mistakes.

use super::*;
use crate::lab::BUILTIN;

const SMALL: &str = r#"
title = "Small"
duration = "5 s"

[[peers]]
name = "holder"
latency = "20 ms"
rate = "1 MiB"
documents = { first = 11, count = 2, size = "100 KiB" }

[[peers]]
name = "reader"
count = 3
joins = "1 s"
every = "100 ms"
leaves = "4 s"
gets = ["RFC 11", "all"]
gets_at = "2 s"
fault = "stops"

[[events]]
at = "3 s"
do = "slow holder 50 KiB"

[[events]]
at = "1 s"
do = "leave 3"

[published]
packets = 3_037
bytes = 10_730_000
time = "381 ms"
"#;

#[test]
fn a_scenario_is_read_as_it_is_written() {
    let scenario = Scenario::parse(SMALL).unwrap();
    assert_eq!((scenario.title.as_str(), scenario.peers()), ("Small", 4));
    assert_eq!(scenario.duration, Duration::from_secs(5));
    let [holder, reader] = scenario.groups.as_slice() else { panic!("{:?}", scenario.groups) };
    assert_eq!((holder.latency, holder.rate), (Duration::from_millis(20), Some(1 << 20)));
    let documents = Documents { first: 11, count: 2, size: 102_400, own: false };
    assert_eq!((holder.documents, holder.count, &*holder.gets), (documents, 1, [].as_slice()));
    assert_eq!((reader.joins, reader.every), (Duration::from_secs(1), Duration::from_millis(100)));
    assert_eq!((reader.leaves, reader.rate), (Some(Duration::from_secs(4)), None));
    assert_eq!((reader.gets.len(), reader.fault), (2, Some(Fault::Stops)));
    let commands: Vec<&Command> = scenario.events.iter().map(|event| &event.command).collect();
    let expected = ["leave 3", "slow holder 50 KiB"].map(|line| Command::parse(line).unwrap());
    assert_eq!(commands, expected.iter().collect::<Vec<_>>());
    let published =
        Published { packets: 3037, bytes: 10_730_000, time: Duration::from_millis(381) };
    assert_eq!(scenario.published, Some(published));
}

/// Each line of the table replaces a part of the scenario: the line of the mistake, and its text.
#[test]
fn mistakes_are_reported_with_their_lines() {
    for (part, other, line, mistake) in [
        (
            "title = ",
            "name = ",
            2,
            "unknown key `name`; expected one of `title`, `about`, `duration`",
        ),
        ("title = \"Small\"", "", 1, "expected `title = \"…\"`, found no title"),
        ("\"5 s\"", "5", 3, "duration: expected a text in quotes, found an integer"),
        ("\"5 s\"", "\"5 h\"", 3, "duration: expected a time up to 60 min"),
        ("\"5 s\"", "\"5 s", 3, "expected TOML"),
        ("\"holder\"\n", "\"all\"\n", 6, "name: expected one word"),
        ("\"reader\"", "\"holder\"", 12, "name: expected a name of its own, found `holder` again"),
        ("\"20 ms\"", "\"20 s\"", 7, "latency: expected at most 2 s, found 20 s"),
        ("\"1 MiB\"", "\"1 KiB\"", 8, "rate: expected a rate of at least 4 KiB"),
        ("count = 2", "count = 0", 9, "count: expected a number from 1 to 1000, found 0"),
        (
            "count = 2",
            "count = \"2\"",
            9,
            "count: expected a number from 1 to 1000, found a string",
        ),
        (
            "size = \"100 KiB\"",
            "length = 7",
            9,
            "unknown key `length`; expected one of `first`, `count`, `size`, `own`",
        ),
        ("size = \"100 KiB\"", "size = \"2 GiB\"", 1, "expected at most 1073741824 bytes"),
        ("count = 3", "count = 201", 13, "count: expected a number from 1 to 200, found 201"),
        ("count = 3", "count = 200", 1, "expected from 1 to 200 peers in all, found 201"),
        ("\"RFC 11\"", "\"RFC x\"", 17, "gets: expected a document"),
        ("gets = [\"RFC 11\", \"all\"]", "", 18, "gets_at: expected `gets` with it"),
        ("\"stops\"", "\"lies\"", 19, "fault: expected `alters` or `stops`, found `lies`"),
        ("leave 3", "leave 0", 27, "do: expected a peer from 1 to 4, found 0"),
        ("leave 3", "leave students", 27, "do: expected a number, `all` or the name of a group"),
        ("leave 3", "list", 27, "do: expected `join`, `leave`, `get`, `slow`, `disconnect` or"),
        ("[[events]]\nat = \"1 s\"\n", "[[events]]\n", 25, "expected `at = \"…\"`, found no at"),
        (
            "[published]",
            "published = 3\n[other]",
            30,
            "unknown key `other`; expected one of `title`",
        ),
        ("packets = 3_037", "", 29, "expected `packets = …`, found no packets"),
        ("[[peers]]\nname = \"holder\"", "[peers]\nname = \"holder\"", 0, ""),
    ] {
        let text = SMALL.replacen(part, other, 1);
        assert_ne!(text, SMALL, "{part}");
        let error = Scenario::parse(&text).expect_err(part);
        if line > 0 {
            assert_eq!(error.line, line, "{other}: {error}");
        }
        assert!(error.mistake.starts_with(mistake), "{other}: {error}");
    }
}

#[test]
fn mistakes_show_no_control_characters() {
    const ESCAPE: &str = "\\u001b[2J\\u0007\\u009b";
    for (part, other) in [
        ("\"5 s\"", format!("\"{ESCAPE}\"")),
        ("\"holder\"\n", format!("\"{ESCAPE}\"\n")),
        ("\"1 MiB\"", format!("\"{ESCAPE}\"")),
        ("\"100 KiB\"", format!("\"{ESCAPE}\"")),
        ("\"RFC 11\"", format!("\"{ESCAPE}\"")),
        ("\"RFC 11\"", format!("\"FILE {ESCAPE}/\"")),
        ("\"stops\"", format!("\"{ESCAPE}\"")),
        ("leave 3", format!("leave {ESCAPE}")),
        ("leave 3", format!("{ESCAPE} 1")),
        ("latency =", format!("\"{ESCAPE}\" =")),
        ("title =", format!("\"{ESCAPE}\" = 1\n\"{ESCAPE}\" = 2\ntitle =")),
        ("title =", "\u{1b}[2J =".into()),
    ] {
        let text = SMALL.replacen(part, &other, 1);
        let error = Scenario::parse(&text).expect_err(&other).to_string();
        assert!(error.chars().all(|c| !c.is_control()), "{other}: {error:?}");
    }
}

#[test]
fn the_scenarios_of_the_program_are_right() {
    for builtin in BUILTIN {
        let scenario =
            Scenario::parse(builtin.text).unwrap_or_else(|e| panic!("{}: {e}", builtin.name));
        assert!(!scenario.about.is_empty(), "{}", builtin.name);
        assert!(scenario.duration <= Duration::from_secs(60), "{}", builtin.name);
    }
}
