//! The form of the requests that a peer sends to an index server of another program (protocol.md appendix
//! B.7).

use std::fmt;

use super::reply_style::LineEnd;
use crate::protocol::{Endpoint, VERSION};

/// How requests are written. The default is the form of the grammar.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RequestForm {
    line_end: LineEnd,
    end: RequestEnd,
    joining: Joining,
    list: ListWords,
}

/// The end of a request, after its last header.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum RequestEnd {
    #[default]
    EmptyLine,
    Nothing,
    /// The last line has no line end either.
    NoLineEnd,
    /// An empty line, and a line `END`.
    EndLine,
    /// `~` up to [`PADDED`] bytes.
    Padding,
}

/// What a peer sends before its first request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Joining {
    #[default]
    Nothing,
    /// `CONNECT port P2P-CI/1.0`.
    Connect,
    /// `host:::port`, without a line end.
    HostAndPort,
}

/// The words of the request for all RFCs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum ListWords {
    #[default]
    ListAll,
    List,
    Joined,
}

/// The size of a padded request.
const PADDED: usize = 1024;

const fn form(line_end: LineEnd, end: RequestEnd) -> RequestForm {
    RequestForm { line_end, end, joining: Joining::Nothing, list: ListWords::ListAll }
}

impl RequestForm {
    pub(super) const CRLF: Self = form(LineEnd::CarriageReturnLineFeed, RequestEnd::EmptyLine);
    pub(super) const LF: Self = form(LineEnd::LineFeed, RequestEnd::EmptyLine);
    pub(super) const CRLF_NO_EMPTY_LINE: Self =
        form(LineEnd::CarriageReturnLineFeed, RequestEnd::Nothing);
    pub(super) const LF_NO_EMPTY_LINE: Self = form(LineEnd::LineFeed, RequestEnd::Nothing);
    pub(super) const CRLF_NO_LINE_END: Self =
        form(LineEnd::CarriageReturnLineFeed, RequestEnd::NoLineEnd);
    pub(super) const LF_NO_LINE_END: Self = form(LineEnd::LineFeed, RequestEnd::NoLineEnd);
    pub(super) const END: Self = form(LineEnd::LineFeed, RequestEnd::EndLine);
    pub(super) const PADDED: Self = form(LineEnd::LineFeed, RequestEnd::Padding);
    pub(super) const CONNECT: Self = Self { joining: Joining::Connect, ..Self::LF_NO_EMPTY_LINE };
    pub(super) const HOST_AND_PORT: Self =
        Self { joining: Joining::HostAndPort, ..Self::LF_NO_EMPTY_LINE };

    /// The forms of `LIST ALL` in other words, with the same lines.
    pub(super) const fn other_lists(self) -> [Self; 2] {
        [Self { list: ListWords::List, ..self }, Self { list: ListWords::Joined, ..self }]
    }

    /// The same form for `LIST ALL`.
    pub(super) const fn with_list_all(self) -> Self {
        Self { list: ListWords::ListAll, ..self }
    }

    /// The same form without an empty line at the end, if it has one.
    pub(super) fn without_empty_line(self) -> Option<Self> {
        let has_one = self.end == RequestEnd::EmptyLine;
        has_one.then_some(Self { end: RequestEnd::Nothing, ..self })
    }

    /// Whether a server of this specification reads it.
    pub fn follows_grammar(self) -> bool {
        self.end == RequestEnd::EmptyLine
            && self.joining == Joining::Nothing
            && self.list == ListWords::ListAll
    }

    /// Whether an empty line follows the headers.
    pub(super) fn has_empty_line(self) -> bool {
        matches!(self.end, RequestEnd::EmptyLine | RequestEnd::EndLine)
    }

    /// Whether a line `END` ends the requests, and so the replies.
    pub fn has_end_line(self) -> bool {
        self.end == RequestEnd::EndLine
    }

    /// Whether the request for all RFCs has other words.
    pub fn has_other_list_words(self) -> bool {
        self.list != ListWords::ListAll
    }

    /// What is sent on a new connection before the first request, in a segment of its own.
    pub fn joining(self, own: &Endpoint) -> Option<String> {
        let Endpoint { host, port } = own;
        match self.joining {
            Joining::Nothing => None,
            Joining::Connect => Some(format!("CONNECT {port} {VERSION}\n")),
            Joining::HostAndPort => Some(format!("{host}:::{port}")),
        }
    }

    /// Writes a request of the grammar in this form. Several requests are written together only in a form
    /// that the grammar permits.
    pub fn apply(self, mut request: Vec<u8>) -> Vec<u8> {
        if self == Self::CRLF {
            return request;
        }
        let words: Option<&[u8]> = match self.list {
            ListWords::ListAll => None,
            ListWords::List => Some(b"LIST "),
            ListWords::Joined => Some(b"LISTALL "),
        };
        if let (Some(words), Some(rest)) = (words, request.strip_prefix(b"LIST ALL ")) {
            request = [words, rest].concat();
        }
        match self.end {
            RequestEnd::EmptyLine => {}
            RequestEnd::EndLine => request.extend_from_slice(b"END\r\n"),
            RequestEnd::Nothing | RequestEnd::Padding => {
                if request.ends_with(b"\r\n\r\n") {
                    request.truncate(request.len() - 2);
                }
            }
            RequestEnd::NoLineEnd => request.truncate(request.trim_ascii_end().len()),
        }
        if self.line_end == LineEnd::LineFeed {
            // No value of a request can hold a carriage return.
            request.retain(|&byte| byte != b'\r');
        }
        if self.end == RequestEnd::Padding {
            request.resize(request.len().next_multiple_of(PADDED), b'~');
        }
        request
    }
}

/// For messages.
impl fmt::Display for RequestForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.joining {
            Joining::Nothing => "",
            Joining::Connect => "`CONNECT`, then ",
            Joining::HostAndPort => "`host:::port`, then ",
        })?;
        f.write_str(match self.list {
            ListWords::ListAll => "",
            ListWords::List => "`LIST` with ",
            ListWords::Joined => "`LISTALL` with ",
        })?;
        f.write_str(match self.line_end {
            LineEnd::CarriageReturnLineFeed => "CRLF",
            LineEnd::LineFeed => "LF",
        })?;
        f.write_str(match self.end {
            RequestEnd::EmptyLine => " and an empty line",
            RequestEnd::Nothing => " without an empty line",
            RequestEnd::NoLineEnd => " without a last line end",
            RequestEnd::EndLine => " and `END`",
            RequestEnd::Padding => " and padding",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_written_in_each_form() {
        let list = "LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n";
        let padded = format!("{:~<1024}", "LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n");
        for (form, expected) in [
            (RequestForm::default(), list),
            (RequestForm::LF, "LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\n"),
            (RequestForm::CRLF_NO_EMPTY_LINE, "LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n"),
            (RequestForm::LF_NO_EMPTY_LINE, "LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"),
            (RequestForm::END, "LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\nEND\n"),
            (RequestForm::CRLF_NO_LINE_END, list.trim_end()),
            (RequestForm::PADDED, &padded),
            (RequestForm::LF.other_lists()[0], "LIST P2P-CI/1.0\nHost: h\nPort: 1\n\n"),
            (RequestForm::CRLF.other_lists()[1], &list.replacen(' ', "", 1)),
        ] {
            let written = form.apply(list.as_bytes().to_vec());
            assert_eq!(String::from_utf8(written).unwrap(), expected, "{form}");
        }
        let own = "h:1".parse().unwrap();
        assert_eq!(RequestForm::CONNECT.joining(&own).unwrap(), "CONNECT 1 P2P-CI/1.0\n");
        assert_eq!(RequestForm::HOST_AND_PORT.joining(&own).unwrap(), "h:::1");
    }
}
