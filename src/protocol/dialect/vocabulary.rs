//! Other words for the same request, and the request as the grammar writes it (protocol.md appendix B.4).

use std::borrow::Cow;
use std::net::SocketAddr;

use super::header_names::{header, host_and_port, is_mark};
use super::request_line::{headers_in_line, request_words, split_headers, split_version};
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

/// The methods of requests. Their lines need no version.
pub(super) const METHODS: [&str; 9] =
    ["ADD", "REMOVE", "DEL", "DELETE", "LOOKUP", "LIST", "LISTALL", "SEARCH", "GET"];
/// The words with which programs join.
pub(super) const JOINING: [&str; 2] = ["CONNECT", "START"];
/// The words with which programs leave. `END` is another one if it has a version.
pub(super) const LEAVING: [&str; 10] = [
    "LEAVE",
    "DISCONNECT",
    "EXIT",
    "QUIT",
    "STOP",
    "BYE",
    "CLOSE",
    "LOGOUT",
    "UNREGISTER",
    "DEREGISTER",
];

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
        // Lines of some programs end with a carriage return alone.
        let text = match text.contains('\n') {
            true => Cow::Borrowed(text),
            false => Cow::Owned(text.replace('\r', "\n")),
        };
        let text = text.as_ref();
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let (request_line, in_line) = split_headers(first.trim());
        let mut lines = headers_in_line(in_line);
        lines.extend(rest.lines().map(str::trim_end).filter(|line| !line.is_empty()));
        // Some programs end a request with a word or mark of their own.
        if let [others @ .., last] = lines.as_slice()
            && is_mark(last)
            && others.last().is_some_and(|line| !header(line).0.is_empty())
        {
            lines.pop();
        }
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
            [_, ..] if is(&LEAVING) || is(&["END"]) => return Meaning::Leave,
            ["DEL" | "REMOVE"] | ["DEL" | "REMOVE", "SELF" | "PEER"] => return Meaning::Leave,
            _ => {}
        }
        let mut request = format!("{} {version}\r\n", request_words(&words));
        let mut named = [false; 2];
        let has_port = lines.iter().any(|line| header(line).0 == "Port");
        for line in lines {
            let (name, mut value) = header(line);
            // With a Port, the value is a host as the grammar reads it.
            if name == "Host"
                && !has_port
                && let Some((host, port)) = host_and_port(value)
            {
                value = host;
                self.learn_port(port);
            }
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

    pub(super) fn learn_port(&mut self, port: &str) {
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
            (
                "LIST ALL P2P-CI/1.0\rHost: h\rPort: 1\r\r",
                format!("LIST ALL P2P-CI/1.0\r\n{h}\r\n"),
            ),
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
            ("P2P-CI/1.0 LIST\nHost: h\nPort: 1\n", format!("LIST ALL P2P-CI/1.0\r\n{h}\r\n")),
            (
                "LIST RFCS P2P-CI 1.0\nHostname: h\nPort Number: 1\n.\n",
                format!("LIST ALL P2P-CI/1.0\r\n{h}\r\n"),
            ),
            ("LOOKUP RFC 7 P2P/1.0\nHost: h:1\n", format!("LOOKUP RFC 7 P2P-CI/1.0\r\n{h}\r\n")),
            (
                "ADD RFC 7 P2P-CI/1.0 Host: h Port: 1 Title: A: b c\n",
                format!("ADD RFC 7 P2P-CI/1.0\r\n{h}Title: A: b c\r\n\r\n"),
            ),
            (
                "ADD RFC 7 P2P_CI/1.0\nHost: h\nPort: 1\nRFC-Title: A\n<END>",
                format!("ADD RFC 7 P2P-CI/1.0\r\n{h}Title: A\r\n\r\n"),
            ),
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
            "UNREGISTER P2P-CI/1.0",
            "REMOVE P2P-CI/1.0",
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
