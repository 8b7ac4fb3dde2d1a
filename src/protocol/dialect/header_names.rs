//! The names of headers, as other programs write them (protocol.md appendix B.4).

use crate::protocol::Port;

/// The headers that the grammar knows, under the names that programs give them.
pub(super) const HEADERS: [(&str, &str); 13] = [
    ("Host", "Host"),
    ("Port", "Port"),
    ("Post", "Port"),
    ("Title", "Title"),
    ("OS", "OS"),
    ("Limit", "Limit"),
    ("Digest", "Digest"),
    ("Length", "Length"),
    ("Range", "Range"),
    ("Connection", "Connection"),
    ("Want-Digest", "Want-Digest"),
    ("Want-Attributes", "Want-Attributes"),
    ("Want-Cluster", "Want-Cluster"),
];

/// Other names, in small letters and without what separates their words.
const OTHER_NAMES: [(&str, &str); 11] = [
    ("hostname", "Host"),
    ("hostaddress", "Host"),
    ("hostip", "Host"),
    ("portnumber", "Port"),
    ("portno", "Port"),
    ("hostport", "Port"),
    ("peerport", "Port"),
    ("uploadport", "Port"),
    ("rfctitle", "Title"),
    ("titleofrfc", "Title"),
    ("operatingsystem", "OS"),
];

/// The most bytes of a name.
const LONGEST_NAME: usize = 24;
/// The most bytes of a word or mark that ends a request.
const LONGEST_MARK: usize = 8;

/// The name of a header, as the grammar writes it, and its value. The name is empty if the line is no header
/// that the grammar knows.
pub(super) fn header(line: &str) -> (&'static str, &str) {
    let line = line.trim_start();
    if let Some((name, value)) = line.split_once([':', '='])
        && let Some(known) = other_name(name)
    {
        return (known, value.trim());
    }
    let is_end = |c: char| matches!(c, ':' | '=') || c.is_ascii_whitespace();
    let end = line.find(is_end).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let known = HEADERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let rest = rest.trim_start();
    (known.map_or("", |(_, name)| name), rest.strip_prefix([':', '=']).unwrap_or(rest).trim())
}

/// The header in these bytes, which begin with its name.
pub(super) fn header_in(bytes: &[u8]) -> (&'static str, &str) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(fault) => {
            let valid = bytes.get(..fault.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
    };
    header(text.lines().next().unwrap_or_default())
}

/// The name of a header that consists of several words, or is one of other words.
fn other_name(name: &str) -> Option<&'static str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let letters: String = name.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '_')).collect();
    let known = OTHER_NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(&letters));
    known.map(|(_, name)| *name)
}

/// The host and the port of a value that has both. An IPv6 address has several colons.
pub(super) fn host_and_port(value: &str) -> Option<(&str, &str)> {
    let (host, port) = value.split_once(':')?;
    (!host.is_empty() && port.parse::<Port>().is_ok()).then_some((host, port))
}

/// Whether the last line of a request is a word or mark that ends it, and no header.
pub(super) fn is_mark(line: &str) -> bool {
    line.len() <= LONGEST_MARK && !line.contains([':', '=', ' ', '\t']) && header(line).0.is_empty()
}
