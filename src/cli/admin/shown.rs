//! What `p2p-ci admin` prints.

use std::io;

use serde_json::Value;

use crate::cli::output::print::{print_line, print_prose};
use crate::cli::output::table::{Fit, Table};
use crate::cli::values::quantity::size;
use crate::counted::counted;
use crate::escape::escaped;

fn number(object: &Value, name: &str) -> u64 {
    object.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// A value for a cell, with the characters escaped that act on a terminal.
fn cell(object: &Value, name: &str) -> String {
    match object.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => escaped(text).to_string(),
        Some(Value::Bool(true)) => "yes".into(),
        Some(Value::Bool(false)) => "no".into(),
        Some(other) => escaped(&other.to_string()).to_string(),
    }
}

/// A time in the two largest of its units.
fn time(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (1.., ..) => format!("{days} d {} h", hours % 24),
        (_, 1.., _) => format!("{hours} h {} min", minutes % 60),
        (.., 1..) => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{seconds} s"),
    }
}

pub(super) fn peers(object: &Value) -> io::Result<()> {
    let all = object.get("peers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        return print_prose("no connections");
    }
    // An index server shows records, a peer what it uploads.
    let has_records = all.iter().any(|peer| peer.get("records").is_some());
    let [third, fourth] = match has_records {
        true => [("records", Fit::Number), ("registers as", Fit::Name)],
        false => [("sent", Fit::Whole), ("document", Fit::Shortened)],
    };
    let (number_column, address) = (("number", Fit::Number), ("address", Fit::Whole));
    let connected = ("connected", Fit::Whole);
    let mut rows = Table::new([number_column, address, connected, third, fourth]);
    for peer in all {
        let connected = time(number(peer, "connected_seconds"));
        let [third, fourth] = if has_records {
            let endpoint = cell(peer, "endpoint");
            let more = number(peer, "endpoints").saturating_sub(1);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            [cell(peer, "records"), format!("{endpoint}{more}")]
        } else {
            let sent = match peer.get("total") {
                Some(_) => {
                    format!("{} of {}", size(number(peer, "sent")), size(number(peer, "total")))
                }
                None => String::new(),
            };
            [sent, cell(peer, "document")]
        };
        rows.add_row([cell(peer, "number"), cell(peer, "address"), connected, third, fourth]);
    }
    print_line(rows.text())?;
    print_line(counted(all.len() as u64, "connection"))
}

/// Names and values, with units for people.
pub(super) fn stats(object: &Value) -> io::Result<()> {
    let Some(all) = object.as_object() else { return Ok(()) };
    for (name, value) in all.iter().filter(|(name, value)| *name != "v" && !value.is_null()) {
        let shown = match value {
            Value::Number(count) if name.ends_with("_bytes") => size(count.as_u64().unwrap_or(0)),
            Value::Number(count) if name.ends_with("_seconds") => time(count.as_u64().unwrap_or(0)),
            _ => cell(object, name),
        };
        let words = name.trim_end_matches("_bytes").trim_end_matches("_seconds").replace('_', " ");
        print_prose(format_args!("{words:<24}{shown}"))?;
    }
    Ok(())
}

pub(super) fn bans(object: &Value) -> io::Result<()> {
    let all = object.get("bans").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        return print_prose("no network is banned");
    }
    all.iter().filter_map(Value::as_str).try_for_each(|network| print_line(escaped(network)))
}

pub(super) fn kicked(object: &Value) -> io::Result<()> {
    print_line(format_args!("closed {}", counted(number(object, "closed"), "connection")))
}

pub(super) fn banned(object: &Value) -> io::Result<()> {
    let is_new = object.get("new").and_then(Value::as_bool).unwrap_or(true);
    let how = if is_new { "banned" } else { "was banned already" };
    let closed = counted(number(object, "closed"), "connection");
    let network = cell(object, "network");
    print_prose(format_args!("{network} {how}; {closed} closed"))
}

pub(super) fn unbanned(object: &Value) -> io::Result<()> {
    print_line(format_args!("{} unbanned", cell(object, "network")))
}

pub(super) fn draining(object: &Value) -> io::Result<()> {
    let open = counted(number(object, "connections"), "connection");
    let time = time(number(object, "seconds"));
    print_prose(format_args!(
        "new connections are refused; {open} left; the program ends with the last one, or in {time}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_their_largest_units() {
        for (seconds, shown) in
            [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7_500, "2 h 5 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(time(seconds), shown);
        }
    }
}
