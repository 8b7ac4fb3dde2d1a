//! Other words for the same request, and the request as the grammar writes it (protocol.md appendix B.4).

use std::net::SocketAddr;

use crate::protocol::{Host, Port, VERSION};

/// What a request means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Meaning {
    /// A request, as the grammar writes it.
    Request(String),
    /// The peer has joined. Nothing is replied.
    Join,
    /// The peer leaves.
    Leave,
}

/// The sender of the requests of a connection: it may state its host and port once, or never.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    host: String,
    port: String,
    has_omitted_port: bool,
}

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

/// The methods of requests. Their lines need no version.
pub(super) const METHODS: [&str; 9] =
    ["ADD", "REMOVE", "DEL", "DELETE", "LOOKUP", "LIST", "LISTALL", "SEARCH", "GET"];
const JOINING: [&str; 2] = ["CONNECT", "START"];
const LEAVING: [&str; 8] = ["LEAVE", "DISCONNECT", "EXIT", "QUIT", "STOP", "BYE", "CLOSE", "END"];

impl Sender {
    /// The sender at this address.
    pub(super) fn new(address: SocketAddr) -> Self {
        let host = Host::from(address.ip()).to_string();
        Self { host, port: address.port().to_string(), has_omitted_port: false }
    }

    /// Whether a request of this sender had no Port.
    pub(super) fn has_omitted_port(&self) -> bool {
        self.has_omitted_port
    }

    /// Reads the lines of a request.
    pub(super) fn read(&mut self, text: &str) -> Meaning {
        let mut lines = text.lines().map(str::trim_end);
        let request_line = lines.next().unwrap_or_default().trim_start();
        let (words, version) = split_version(request_line);
        let words: Vec<&str> = words.split_ascii_whitespace().collect();
        let is_method = words
            .first()
            .is_some_and(|word| METHODS.iter().any(|one| one.eq_ignore_ascii_case(word)));
        // The grammar has one version.
        let version = if version.is_empty() && is_method { VERSION } else { version };
        let is = |known: &[&str]| {
            words
                .first()
                .is_some_and(|word| known.iter().any(|known| known.eq_ignore_ascii_case(word)))
        };
        if let Some(port) = greeted_port(request_line) {
            self.learn_port(port);
            return Meaning::Join;
        }
        match words.as_slice() {
            [_, rest @ ..] if is(&JOINING) => {
                rest.iter().rev().take(1).for_each(|port| self.learn_port(port));
                return Meaning::Join;
            }
            // Without a version, END only ends a request.
            ["END"] if version.is_empty() => {}
            [_, ..] if is(&LEAVING) => return Meaning::Leave,
            ["DEL"] | ["DEL", "SELF" | "PEER"] => return Meaning::Leave,
            _ => {}
        }
        let mut request = format!("{} {version}\r\n", request_words(&words));
        let mut named = [false; 2];
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = header(line);
            match name {
                "Host" if !value.is_empty() => {
                    named[0] = true;
                    self.learn_host(value);
                }
                "Port" if !value.is_empty() => {
                    named[1] = true;
                    self.learn_port(value);
                }
                "Host" | "Port" => continue,
                _ => {}
            }
            match name {
                "" => {
                    request.push_str(line);
                    request.push_str("\r\n");
                }
                _ => request.push_str(&header_line(name, value)),
            }
        }
        let [has_host, has_port] = named;
        let is_get = words.first().is_some_and(|word| word.eq_ignore_ascii_case("GET"));
        if !has_host {
            request.push_str(&header_line("Host", &self.host));
        }
        if !has_port && !is_get {
            self.has_omitted_port = true;
            request.push_str(&header_line("Port", &self.port));
        }
        Meaning::Request(request + "\r\n")
    }

    fn learn_host(&mut self, host: &str) {
        if host.parse::<Host>().is_ok() {
            self.host = host.into();
        }
    }

    fn learn_port(&mut self, port: &str) {
        if port.parse::<Port>().is_ok() {
            self.port = port.into();
        }
    }
}

pub(super) fn header_line(name: &str, value: &str) -> String {
    format!("{name}: {value}\r\n")
}

/// The port of a greeting such as `h:::5678`.
fn greeted_port(line: &str) -> Option<&str> {
    let (_, port) = line.split_once(":::")?;
    Some(port.trim()).filter(|port| port.parse::<Port>().is_ok())
}

/// Separates the version from the words before it, and writes it as the grammar does. A line without a
/// version stays as it is, so that its refusal says what is missing.
pub(super) fn split_version(line: &str) -> (&str, &str) {
    let line = line.trim_end();
    let (words, last) = line.rsplit_once([' ', '\t']).unwrap_or(("", line));
    let upper = last.to_ascii_uppercase();
    let is_first = ["1.0", "P2PCI/1.0", "P2P-CI/1.0", "P2P-CI/1", "P2P-CI-V1.0.0", "P2P-CI-1.0"]
        .contains(&upper.as_str());
    match upper.starts_with("P2P") {
        _ if is_first => (words.trim_end(), VERSION),
        true => (words.trim_end(), last),
        false => (line, ""),
    }
}

/// The words of a request line as the grammar writes them.
fn request_words(words: &[&str]) -> String {
    let upper: Vec<String> = words.iter().map(|word| word.to_ascii_uppercase()).collect();
    let upper: Vec<&str> = upper.iter().map(String::as_str).collect();
    match (upper.as_slice(), words) {
        (["LIST" | "LISTALL"], _) => "LIST ALL".into(),
        (["LIST", "ALL" | "FILES"], _) | (["SEARCH", "ALL"], _) => upper.join(" "),
        (["DEL" | "DELETE", rest @ ..], [_, names @ ..]) => {
            format!("REMOVE {}", document_words(rest, names))
        }
        (["ADD" | "REMOVE" | "LOOKUP" | "GET", ..], [method, names @ ..]) => {
            let method = method.to_ascii_uppercase();
            let rest = upper.get(1..).unwrap_or_default();
            format!("{method} {}", document_words(rest, names))
        }
        _ => words.join(" "),
    }
}

/// The words for a document as the grammar writes them.
fn document_words(upper: &[&str], words: &[&str]) -> String {
    let number = |text: &str| {
        let digits = text.trim_start_matches("RFC").trim_start_matches(['-', '_', ':', '#']);
        let significant = digits.trim_start_matches('0');
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| format!("RFC {}", if significant.is_empty() { "0" } else { significant }))
    };
    let rfc = match upper {
        ["RFC", one] | [one] => number(one),
        _ => None,
    };
    match (rfc, upper, words) {
        (Some(rfc), _, _) => rfc,
        (None, ["FILE", ..], [_, names @ ..]) => format!("FILE {}", names.join("%20")),
        _ => words.join(" "),
    }
}

/// The name of a header, as the grammar writes it, and its value. The name is empty if the line is no header
/// that the grammar knows.
pub(super) fn header(line: &str) -> (&'static str, &str) {
    let line = line.trim_start();
    let is_end = |c: char| matches!(c, ':' | '=') || c.is_ascii_whitespace();
    let end = line.find(is_end).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let known = HEADERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let rest = rest.trim_start();
    (known.map_or("", |(_, name)| name), rest.strip_prefix([':', '=']).unwrap_or(rest).trim())
}

/// Whether this is the name of a header, as any program writes it.
pub(super) fn is_header(name: &[u8]) -> bool {
    HEADERS.iter().any(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender() -> Sender {
        Sender::new("192.0.2.7:40000".parse().unwrap())
    }

    #[test]
    fn requests_in_other_words_become_requests_of_the_grammar() {
        let h = "Host: h\r\nPort: 1\r\n";
        let table = [
            ("LIST P2P-CI/1.0\nHost: h\nPort: 1\n", format!("LIST ALL P2P-CI/1.0\r\n{h}\r\n")),
            ("LISTALL P2P-CI/1.0\nHost: h\nPost: 1\n", format!("LIST ALL P2P-CI/1.0\r\n{h}\r\n")),
            ("LIST ALL 1.0\nHost h\nPORT:1\n", format!("LIST ALL P2P-CI/1.0\r\n{h}\r\n")),
            (
                "LOOKUP RFC1 P2P-CI-v1.0.0\n Host : h\nPort 1\n",
                format!("LOOKUP RFC 1 P2P-CI/1.0\r\n{h}\r\n"),
            ),
            (
                "add 0951 P2P-CI/1.0 \nHost: h\nPort: 1\nTitle: a b\n",
                format!("ADD RFC 951 P2P-CI/1.0\r\n{h}Title: a b\r\n\r\n"),
            ),
            (
                "ADD file a.txt 1.0\nHost: h\nPort: 1\nTitle:\n",
                format!("ADD FILE a.txt P2P-CI/1.0\r\n{h}Title: \r\n\r\n"),
            ),
            (
                "DEL RFC 7 P2P-CI/1.0\nHost: h\nPort: 1",
                format!("REMOVE RFC 7 P2P-CI/1.0\r\n{h}\r\n"),
            ),
            (
                "GET RFC 1 P2P-CI/1.0\nHost 127.0.0.1 \nOS Linux",
                "GET RFC 1 P2P-CI/1.0\r\nHost: 127.0.0.1\r\nOS: Linux\r\n\r\n".into(),
            ),
            ("LIST ALL\nHost=h\nPort = 1\n", format!("LIST ALL P2P-CI/1.0\r\n{h}\r\n")),
            ("LOOKUP RFC 7\nHost: h\nPort: 1\n", format!("LOOKUP RFC 7 P2P-CI/1.0\r\n{h}\r\n")),
            (
                "LOOKUP RFC 7 P2P-CI/1.0\nHost: h\nPort: 1\nTitle: a=b: c\n",
                format!("LOOKUP RFC 7 P2P-CI/1.0\r\n{h}Title: a=b: c\r\n\r\n"),
            ),
            ("LIST ALL P2P-CI/2.0\nHost: h\nPort: 1\n", format!("LIST ALL P2P-CI/2.0\r\n{h}\r\n")),
            (
                "LIST ALL P2P-CI/1.0",
                "LIST ALL P2P-CI/1.0\r\nHost: 192.0.2.7\r\nPort: 40000\r\n\r\n".into(),
            ),
        ];
        for (sent, expected) in table {
            assert_eq!(sender().read(sent), Meaning::Request(expected), "{sent:?}");
        }
    }

    #[test]
    fn words_of_a_session_are_no_requests() {
        for line in [
            "EXIT P2P-CI/1.0",
            "DEL SELF P2P-CI/1.0",
            "DEL P2P-CI/1.0",
            "QUIT",
            "STOP h 1 P2P-CI/1.0",
        ] {
            assert_eq!(sender().read(line), Meaning::Leave, "{line:?}");
        }
        for line in ["CONNECT 5678 P2P-CI/1.0", "START 5678 P2P-CI/1.0", "h:::5678"] {
            let mut sender = sender();
            assert_eq!(sender.read(line), Meaning::Join, "{line:?}");
            assert_eq!(sender.port, "5678", "{line:?}");
        }
    }
}
