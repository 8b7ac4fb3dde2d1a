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
