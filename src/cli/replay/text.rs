//! The result as text.

use std::fmt::Write as _;

use super::outcome::{Compared, Outcome};
use crate::cli::check::columns::{lines, side_by_side};
use crate::counted::counted;
use crate::escape::escaped;
use crate::replay::{Difference, NotSent, Script};

/// The width of a side.
const WIDTH: usize = 36;

/// A request that is not sent.
pub(super) fn not_sent(one: &NotSent) -> String {
    let NotSent { connection, line, missing, .. } = one;
    let (connection, line) = (escaped(connection), escaped(line));
    let missing = counted(*missing, "byte");
    format!("[{connection}] not sent, because {missing} of it not recorded: {line}")
}

/// One line for each request, its differences, and a summary.
pub(super) fn outcome(outcome: &Outcome<'_>, script: &Script) -> String {
    let mut text = String::new();
    let mut last = None;
    for one in &outcome.compared {
        if last != Some(one.connection) {
            last = Some(one.connection);
            let server = script.connections.iter().find(|known| known.name == one.connection);
            let server = server.map_or("", |known| known.server.as_str());
            let before = if server.is_empty() { "" } else { ", recorded with " };
            let (name, server) = (escaped(one.connection), escaped(server));
            let _ = writeln!(text, "connection {name}{before}{server}");
        }
        request(one, &mut text);
    }
    let all = outcome.compared.len();
    let different = outcome.compared.iter().filter(|one| !one.differences.is_empty()).count();
    let _ = write!(text, "{} of {all} replies are equal", all - different);
    if !outcome.is_complete {
        text.push_str("; not all requests could be sent");
    }
    if !script.not_sent.is_empty() {
        let _ = write!(text, "; not sent: {}", script.not_sent.len());
    }
    if outcome.found.unrecorded > 0 {
        let count = outcome.found.unrecorded;
        let count = counted(count, "byte");
        let _ = write!(text, "; {count} of replies not recorded, and not compared");
    }
    let ignored: Vec<&str> = outcome.found.ignored.iter().map(|one| one.text()).collect();
    if !ignored.is_empty() {
        let _ = write!(text, "\nignored, as servers may differ: {}", ignored.join(", "));
    }
    text
}

fn request(compared: &Compared<'_>, text: &mut String) {
    let mark = if compared.differences.is_empty() { "  =" } else { "  !" };
    let _ = writeln!(text, "{mark} {}", escaped(compared.request));
    for difference in &compared.differences {
        let Difference { part, section, expected, received } = difference;
        let _ = writeln!(text, "    {part} (section {section})");
        let side = |label: &str, value: &str| lines(format!("{label}{value}").as_bytes(), WIDTH);
        let (left, right) = (side("expected: ", expected), side("received: ", received));
        for line in side_by_side(&left, &right, WIDTH) {
            let _ = writeln!(text, "    {line}");
        }
    }
}
