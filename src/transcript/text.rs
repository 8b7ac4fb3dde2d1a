//! Text with a label before each line (`C: LIST ALL P2P-CI/1.0`), and text without labels, as a terminal
//! or Wireshark's "Follow TCP Stream" shows it.

use super::literal::literal;
use super::{Event, Side, What};

/// The methods that begin a request.
const METHODS: [&str; 7] = ["ADD", "REMOVE", "LOOKUP", "LIST", "SEARCH", "GET", "LISTALL"];
/// Lines of telnet and netcat about the connection.
const OF_TOOLS: [&str; 5] =
    ["Trying ", "Connected to ", "Connection to ", "Escape character is ", "Connection closed"];

/// The label of a line: the side, the number of the connection, and the rest.
fn label(line: &str) -> Option<(Side, &str, &str)> {
    let side = match line.chars().next()? {
        'C' => Side::Client,
        'S' => Side::Server,
        _ => return None,
    };
    let rest = line.get(1..)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (stream, rest) = rest.split_at_checked(digits)?;
    let rest = rest.strip_prefix([':', '>'])?;
    let rest = match rest.strip_prefix(' ') {
        Some(rest) => rest,
        None if rest.is_empty() => rest,
        None => return None,
    };
    Some((side, stream, rest))
}

/// A line that no side has sent.
pub(super) fn note(line: &str) -> Event {
    Event { stream: String::new(), time: None, what: What::Note(line.into()) }
}

/// Whether a line has a label.
pub(super) fn is_labelled(line: &str) -> bool {
    label(line).is_some()
}

/// The event of a labelled line. Its line end cannot be seen, and is CRLF unless it is written out
/// (`\n`), or the bytes are a literal (`b'…'`). Other lines are notes.
pub(super) fn of_labelled(line: &str) -> Event {
    let event = |stream: &str, what| Event { stream: stream.into(), time: None, what };
    let Some((side, stream, text)) = label(line) else {
        return note(line);
    };
    let bytes = literal(text).unwrap_or_else(|| {
        let ends = [("\\r\\n", "\r\n"), ("\\n", "\n")];
        let end = ends.iter().find_map(|(shown, end)| Some((text.strip_suffix(shown)?, *end)));
        let (text, end) = end.unwrap_or((text, "\r\n"));
        format!("{text}{end}").into_bytes()
    });
    event(stream, What::Bytes(side, bytes))
}

/// The side that sends a line, if that can be seen.
pub(super) fn sender(line: &[u8]) -> Option<Side> {
    let text = String::from_utf8_lossy(line.get(..80).unwrap_or(line)).to_ascii_uppercase();
    if ["P2P-CI/", "P2PCI/", "P2P-CI "].iter().any(|start| text.starts_with(start)) {
        return Some(Side::Server);
    }
    let method = text.split_ascii_whitespace().next()?;
    let is_request = METHODS.contains(&method) && text.split_ascii_whitespace().count() > 1;
    is_request.then_some(Side::Client)
}

/// Whether these bytes begin a request in the form of the grammar.
pub(crate) fn begins_request(bytes: &[u8]) -> bool {
    sender(bytes) == Some(Side::Client)
}

/// The events of text without labels: a line that begins a request or a reply tells which side sends from
/// there on.
pub(super) fn of_unlabelled(text: &[u8]) -> impl Iterator<Item = Event> {
    let has_crlf = text.windows(2).any(|two| two == b"\r\n");
    let mut side = Side::Client;
    text.split_inclusive(|byte| *byte == b'\n').map(move |line| {
        let shown = String::from_utf8_lossy(line);
        side = sender(line).unwrap_or(side);
        let what = if OF_TOOLS.iter().any(|start| shown.starts_with(start)) {
            What::Note(shown.trim_end().into())
        } else {
            // Terminals and editors change CRLF to LF everywhere.
            let bytes = match line.strip_suffix(b"\n") {
                Some(content) if !has_crlf => [content, b"\r\n"].concat(),
                _ => line.to_vec(),
            };
            What::Bytes(side, bytes)
        };
        Event { stream: String::new(), time: None, what }
    })
}
