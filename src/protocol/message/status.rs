//! Status codes and their phrases (protocol.md section 6.1).

use crate::protocol::SyntaxError;
use crate::protocol::grammar::version::{VERSION, starts_status_line};

/// The outcome of a request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Status {
    /// 200: the request was carried out.
    Ok,
    /// 206: the requested part of the document follows (an extension).
    PartialContent,
    /// The request was not carried out.
    Refused(Refusal),
}

/// Why a request was not carried out.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// 400: the request does not follow the grammar.
    BadRequest,
    /// 404: there is no such record, no holder of the document, or it is not shared.
    NotFound,
    /// 416: the document has no byte of the range (an extension).
    RangeNotSatisfiable,
    /// 503: a limit is reached; the same request may succeed later.
    ServiceUnavailable,
    /// 505: the request names another version of the protocol.
    VersionNotSupported,
}

impl Refusal {
    const ALL: [Self; 5] = [
        Self::BadRequest,
        Self::NotFound,
        Self::RangeNotSatisfiable,
        Self::ServiceUnavailable,
        Self::VersionNotSupported,
    ];
}

impl Status {
    const fn parts(self) -> (u16, &'static str) {
        match self {
            Self::Ok => (200, "OK"),
            Self::PartialContent => (206, "Partial Content"),
            Self::Refused(Refusal::BadRequest) => (400, "Bad Request"),
            Self::Refused(Refusal::NotFound) => (404, "Not Found"),
            Self::Refused(Refusal::RangeNotSatisfiable) => (416, "Range Not Satisfiable"),
            Self::Refused(Refusal::ServiceUnavailable) => (503, "Service Unavailable"),
            Self::Refused(Refusal::VersionNotSupported) => (505, "P2P-CI Version Not Supported"),
        }
    }

    /// The three digits of the code.
    pub const fn code(self) -> u16 {
        self.parts().0
    }

    /// The phrase after the code: it is for people and never compared.
    pub const fn phrase(self) -> &'static str {
        self.parts().1
    }

    fn from_code(code: &str) -> Option<Self> {
        let refused = Refusal::ALL.into_iter().map(Self::Refused);
        [Self::Ok, Self::PartialContent]
            .into_iter()
            .chain(refused)
            .find(|status| status.code().to_string() == code)
    }

    /// Appends the status line with its line end.
    pub(crate) fn encode_line(self, out: &mut Vec<u8>) {
        let (code, phrase) = self.parts();
        let mut digits = itoa::Buffer::new();
        let parts = [VERSION, " ", digits.format(code), " ", phrase, "\r\n"];
        parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    }

    /// Reads a status line without its line end. Other programs write `P2PCI/1.0`, and any phrase.
    pub(crate) fn parse_line(line: &str) -> Result<Self, SyntaxError> {
        let unreadable = || {
            SyntaxError::at(
                "a status line such as `P2P-CI/1.0 200 OK` with code 200, 206, 400, 404, 416, 503 or 505",
                line,
                "6.1",
            )
        };
        if !starts_status_line(line.as_bytes()) {
            return Err(unreadable());
        }
        let code = line.split_ascii_whitespace().nth(1).ok_or_else(unreadable)?;
        Self::from_code(code).ok_or_else(unreadable)
    }
}

impl Status {
    /// The status in a line of another program: its code has its own phrase, and before or after them there is at
    /// most a version, such as `P2P/1.0 404 Not Found`, `404 Not Found` or `200 OK P2P-CI/1.0`.
    pub(crate) fn in_other_words(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (at, status) = words
            .iter()
            .enumerate()
            .take(3)
            .find_map(|(at, word)| Some((at, Self::from_code(word)?)))?;
        let (version, rest) = words.split_at_checked(at)?;
        let rest = rest.get(1..)?;
        let is_version = |word: &&str| {
            let is_number = word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let name = word.get(..3).unwrap_or_default();
            is_number || name.eq_ignore_ascii_case("P2P") || word.starts_with("HTTP/")
        };
        let count = status.phrase().split(' ').count();
        let is_phrase = |words: &[&str]| words.join(" ").eq_ignore_ascii_case(status.phrase());
        let (phrase, after) = rest.split_at_checked(count)?;
        let is_own = is_phrase(phrase) && after.iter().chain(version).all(is_version);
        (is_own && after.len() <= 2).then_some(status)
    }

    /// The same, but only with the name of this protocol before the code. What another protocol replies, such as
    /// HTTP, must not count as a reply of a holder.
    pub(crate) fn in_other_version(line: &str) -> Option<Self> {
        let name = line.get(..3).unwrap_or_default();
        name.eq_ignore_ascii_case("P2P").then(|| Self::in_other_words(line)).flatten()
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (code, phrase) = self.parts();
        write!(f, "{code} {phrase}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_read_as_they_are_written() {
        let refusals = Refusal::ALL.map(Status::Refused);
        for status in refusals.into_iter().chain([Status::Ok, Status::PartialContent]) {
            let mut line = Vec::new();
            status.encode_line(&mut line);
            let line = String::from_utf8(line).unwrap();
            assert_eq!(Status::parse_line(line.trim_end()), Ok(status), "{line:?}");
        }
    }

    #[test]
    fn status_lines_of_other_programs() {
        let ok = Ok(Status::Ok);
        let table = [
            ("P2PCI/1.0 200 OK", ok.clone()),
            ("P2P-CI/1.0 200", ok.clone()),
            ("P2P-CI/1.0  200  Fine ", ok.clone()),
            ("P2P-CI/1.1 404 nothing", Ok(Status::Refused(Refusal::NotFound))),
        ];
        for (line, status) in table {
            assert_eq!(Status::parse_line(line), status, "{line:?}");
        }
        let not_found = Some(Status::Refused(Refusal::NotFound));
        for (line, status) in [
            ("404 Not Found", not_found),
            ("P2P/1.0 404 not found", not_found),
            ("p2p-ci 1.0 404 Not Found", not_found),
            ("HTTP/1.1 404 Not Found", not_found),
            ("200 OK P2P-CI/1.0", Some(Status::Ok)),
            ("404 Not Found Title h 1", None),
            ("RFC 200 OK", None),
            ("200 OK h 1", None),
            ("200 ready", None),
            ("server 200 OK", None),
            ("200", None),
            ("", None),
        ] {
            assert_eq!(Status::in_other_words(line), status, "{line:?}");
        }
        for line in [
            "",
            "200 OK",
            "P2P-CI/1.0",
            "P2P-CI/1.0 +200 OK",
            "HTTP/1.1 200 OK",
            "P2P-CI/1.0 999 x",
        ] {
            assert!(Status::parse_line(line).is_err(), "{line:?}");
        }
    }
}
