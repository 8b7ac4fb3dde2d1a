//! Captures as text, one line for each segment: restored as pcapng.
//!
//! A line has the time in seconds, the stream and the port that was connected to, and an event: `-- C connects
//! (from :PORT)`, `C> b'…'` towards the listening side, `S> b'…'` from it, `FIN` or `RST`. Long segments are
//! shortened in the middle: `b'…' ...<1024 bytes total>... b'…'`. The missing bytes are filled.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::common::pcapng::{Capture, Connection, Side};

/// Restores a capture. Returns how many lines could not be restored.
pub(crate) fn restore(text: &Path, capture: &Path) -> usize {
    let mut capture = Capture::create(capture);
    let mut connections = HashMap::new();
    let text = fs::read_to_string(text).unwrap();
    let events =
        text.lines().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    let lost = events.filter(|line| event(&mut capture, &mut connections, line).is_none()).count();
    capture.close();
    lost
}

/// One line. Nothing if it cannot be restored.
fn event<'a>(
    capture: &mut Capture,
    connections: &mut HashMap<&'a str, Connection>,
    line: &'a str,
) -> Option<()> {
    let (seconds, rest) = line.trim_start().split_once(" [")?;
    let (stream, rest) = rest.split_once(" :")?;
    let (port, event) = rest.split_once("] ")?;
    let (seconds, thousandths) = seconds.split_once('.')?;
    let milliseconds = seconds.parse::<u64>().ok()? * 1_000 + thousandths.parse::<u64>().ok()?;
    capture.at(milliseconds * 1_000);
    if let Some(from) = event.strip_prefix("-- C connects (from :") {
        let from = from.strip_suffix(')')?.parse().ok()?;
        connections.insert(stream, capture.connect(from, port.parse().ok()?));
        return Some(());
    }
    let connection = connections.get_mut(stream)?;
    let (side, event) = match event.split_at_checked(3)? {
        ("C> ", event) => (Side::Client, event),
        ("S> ", event) => (Side::Server, event),
        _ => return None,
    };
    match event {
        "FIN" => capture.finish(connection, side),
        "RST" => capture.reset(connection, side),
        _ => {
            let (event, is_divided) = match event.strip_suffix("   (one byte a segment)") {
                Some(event) => (event, true),
                None => (event, false),
            };
            let bytes = segment(event)?;
            let length = if is_divided { 1 } else { bytes.len().max(1) };
            bytes.chunks(length).for_each(|part| capture.send(connection, side, part));
        }
    }
    Some(())
}

/// The bytes of a segment, with the missing ones filled: with padding if that is on both sides, else with
/// full stops.
fn segment(event: &str) -> Option<Vec<u8>> {
    let Some((first, rest)) = event.split_once(" ...<") else {
        return literal(event);
    };
    let (total, last) = rest.split_once(" bytes total>... ")?;
    let (mut bytes, last) = (literal(first)?, literal(last)?);
    let filler = match (bytes.last(), last.first()) {
        (Some(one), Some(other)) if one == other => *one,
        _ => b'.',
    };
    bytes.resize(total.parse::<usize>().ok()?.checked_sub(last.len())?, filler);
    bytes.extend(last);
    Some(bytes)
}

/// A bytes literal of Python.
fn literal(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix('b')?;
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let text = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        let byte = match char {
            '\\' => match rest.next()? {
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                'x' => {
                    let digits: String = rest.by_ref().take(2).collect();
                    u8::from_str_radix(&digits, 16).ok()?
                }
                other => u8::try_from(other).ok()?,
            },
            char => u8::try_from(char).ok()?,
        };
        bytes.push(byte);
    }
    Some(bytes)
}

#[test]
fn segments_are_restored() {
    assert_eq!(literal(r#"b'a\r\n\x80\\\'"'"#).unwrap(), b"a\r\n\x80\\'\"");
    assert_eq!(literal(r#"b"it's""#).unwrap(), b"it's");
    assert_eq!(literal("'a'"), None);
    assert_eq!(segment("b'ab' ...<6 bytes total>... b'cd'").unwrap(), b"ab..cd");
    assert_eq!(segment("b'~~' ...<6 bytes total>... b'~~'").unwrap(), b"~~~~~~");
    assert_eq!(segment("b'abc' ...<2 bytes total>... b'abc'"), None);
}
