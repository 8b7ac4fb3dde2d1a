//! The replies of an upload server (protocol.md sections 5.2 to 5.4).
//!
//! The bytes of the document follow the head and are not read here. The reader accepts the heads of
//! other programs; the writer is strict.

use super::decode_error::DecodeError;
use super::head::{encode_header, encode_text_header, split_header};
use super::lines::Lines;
use super::status::{Refusal, Status};
use crate::limits;
use crate::protocol::grammar::keep_alive::{self, KeepAlive};
use crate::protocol::grammar::number::ContentLength;
use crate::protocol::{ContentRange, Date, Digest, HeaderText, SyntaxError};

/// The head of a reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DocumentReply {
    /// The document follows.
    Found(DocumentHead),
    /// The reply is a refusal and has no document.
    Refused(Refusal),
}

/// The headers before the bytes of a document.
///
/// ```text
/// document-head = status-line-200
///                 "Date:" SP date CRLF
///                 "OS:" SP header-text CRLF
///                 "Last-Modified:" SP date CRLF
///                 "Content-Length:" SP 1*19DIGIT CRLF
///                 "Content-Type:" SP header-text CRLF
///                 [ "Content-Range:" SP content-range CRLF ]   ; and status 206
///                 [ "Digest:" SP digest CRLF ]
///                 [ "Connection:" SP "keep-alive" CRLF ]
///                 CRLF
/// ```
///
/// The writer includes every header whose value is known. The reader accepts heads in which headers
/// are missing or dates unreadable.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DocumentHead {
    /// When the reply was written.
    pub date: Option<Date>,
    /// The operating system of the upload server.
    pub os: Option<HeaderText>,
    /// When the document was last modified.
    pub last_modified: Option<Date>,
    /// The length of the document in bytes. Without it the document ends with the connection.
    pub content_length: Option<u64>,
    /// The media type.
    pub content_type: Option<HeaderText>,
    /// The digest of the whole document, if it was requested and is known.
    pub digest: Option<Digest>,
    /// Which part follows, in a reply with status 206; otherwise the whole document follows.
    pub content_range: Option<ContentRange>,
    /// Whether the connection stays open after the document, as requested.
    pub keep_alive: bool,
}

impl DocumentReply {
    /// Appends the encoded head.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Found(head) => head.encode(out),
            Self::Refused(refusal) => super::encode_refusal(*refusal, None, out),
        }
    }
}

impl DocumentHead {
    fn encode(&self, out: &mut Vec<u8>) {
        let status = self.content_range.map_or(Status::Ok, |_| Status::PartialContent);
        status.encode_line(out);
        if let Some(date) = self.date {
            encode_header(out, "Date", date);
        }
        if let Some(os) = &self.os {
            encode_text_header(out, "OS", os.as_str());
        }
        if let Some(date) = self.last_modified {
            encode_header(out, "Last-Modified", date);
        }
        if let Some(length) = self.content_length {
            encode_text_header(out, "Content-Length", itoa::Buffer::new().format(length));
        }
        if let Some(media_type) = &self.content_type {
            encode_text_header(out, "Content-Type", media_type.as_str());
        }
        if let Some(range) = self.content_range {
            encode_header(out, "Content-Range", range);
        }
        if let Some(digest) = self.digest {
            encode_header(out, "Digest", digest);
        }
        if self.keep_alive {
            encode_text_header(out, keep_alive::NAME, keep_alive::VALUE);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Takes the value of a header; dates and free text that cannot be read are ignored.
    fn set(&mut self, name: Name, value: &str) -> Result<(), SyntaxError> {
        match name {
            Name::Date => self.date = value.parse().ok(),
            Name::Os => self.os = value.parse().ok(),
            Name::LastModified => self.last_modified = value.parse().ok(),
            Name::ContentType => self.content_type = value.parse().ok(),
            Name::ContentRange => self.content_range = value.parse().ok(),
            Name::Digest => self.digest = value.parse().ok(),
            Name::ContentLength if self.content_length.is_some() => {
                return Err(SyntaxError::new("`Content-Length` once", "it again", "2.9"));
            }
            Name::ContentLength => {
                self.content_length = Some(value.parse::<ContentLength>()?.0);
            }
        }
        Ok(())
    }
}

/// The headers of a reply, with the names that other programs use.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Name {
    Date,
    Os,
    LastModified,
    ContentLength,
    ContentType,
    ContentRange,
    Digest,
}

impl Name {
    const SPELLINGS: [(&'static str, Self); 8] = [
        ("date", Self::Date),
        ("data", Self::Date),
        ("os", Self::Os),
        ("last-modified", Self::LastModified),
        ("content-length", Self::ContentLength),
        ("content-type", Self::ContentType),
        ("content-range", Self::ContentRange),
        ("digest", Self::Digest),
    ];

    fn folded(name: &str) -> String {
        name.trim_matches([' ', '\t']).to_ascii_lowercase().replace(' ', "-")
    }

    fn parse(name: &str) -> Option<Self> {
        let folded = Self::folded(name);
        Self::SPELLINGS.iter().find(|(spelling, _)| *spelling == folded).map(|&(_, name)| name)
    }

    /// Whether these bytes may become a line with one of the headers that are still `missing`.
    fn may_start(bytes: &[u8], missing: impl Fn(Self, &str) -> bool) -> bool {
        let line_end = bytes.iter().position(|&byte| byte == b'\n');
        let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let colon = line.iter().position(|&byte| byte == b':');
        let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
        let Ok(name) = std::str::from_utf8(name) else {
            return false;
        };
        let folded = Self::folded(name);
        Self::SPELLINGS.iter().any(|(spelling, name)| {
            let fits = match (colon, line_end) {
                (Some(_), _) => *spelling == folded,
                (None, None) => !line.starts_with(b"\r") && spelling.starts_with(&folded),
                (None, Some(_)) => false,
            };
            fits && missing(*name, spelling)
        })
    }
}

/// Reads the head of a reply.
#[derive(Debug, Default)]
pub struct DocumentReplyDecoder {
    lines: Lines,
    place: Place,
    head: DocumentHead,
    seen: Vec<Name>,
    is_part: bool,
    separator: &'static str,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Start,
    Headers,
    /// After an empty line. Some upload servers send empty lines within the head.
    EmptyLine,
}

impl DocumentReplyDecoder {
    /// Looks for a whole head at the start of `input`, and returns it with its length.
    ///
    /// `Ok(None)`: call again with the same bytes and more after them.
    ///
    /// # Errors
    /// When the bytes are no reply of an upload server.
    pub fn decode(&mut self, input: &[u8]) -> Result<Option<(DocumentReply, usize)>, DecodeError> {
        loop {
            if self.lines.taken > limits::HEAD || self.lines.count > limits::RESPONSE_HEADERS {
                let fault =
                    SyntaxError::new("a head of at most 64 lines and 16384 bytes", "more", "7");
                return Err(DecodeError::new(self.lines.count, fault));
            }
            let next = self.lines.rest(input);
            match self.place {
                Place::Start => {
                    let Some(line) = self.lines.next(input, limits::START_LINE)? else {
                        return Ok(None);
                    };
                    if line.is_empty() {
                        continue;
                    }
                    let status = Status::parse_line(&String::from_utf8_lossy(line))
                        .map_err(|fault| DecodeError::new(self.lines.count, fault))?;
                    match status {
                        Status::Refused(refusal) => {
                            return Ok(Some((DocumentReply::Refused(refusal), self.lines.taken)));
                        }
                        Status::PartialContent => self.is_part = true,
                        Status::Ok => {}
                    }
                    self.place = Place::Headers;
                }
                Place::EmptyLine if !self.head_may_go_on(next) => return self.found().map(Some),
                Place::EmptyLine | Place::Headers => {
                    let before = (self.lines.taken, self.lines.count);
                    // A line that is too long is no header: it belongs to the document.
                    let Ok(line) = self.lines.next(input, limits::HEADER_LINE) else {
                        return self.found().map(Some);
                    };
                    let Some(line) = line else { return Ok(None) };
                    if !self.take(line, self.lines.taken - before.0)? {
                        (self.lines.taken, self.lines.count) = before;
                        return self.found().map(Some);
                    }
                }
            }
        }
    }

    /// Like [`DocumentReplyDecoder::decode`], after the end of the connection.
    ///
    /// # Errors
    /// When there is no status line.
    pub fn finish(&mut self, input: &[u8]) -> Result<(DocumentReply, usize), DecodeError> {
        if let Some(found) = self.decode(input)? {
            return Ok(found);
        }
        if !matches!(self.place, Place::Start) {
            return self.found();
        }
        let line = String::from_utf8_lossy(self.lines.rest(input));
        match Status::parse_line(line.trim_end()) {
            Ok(Status::Refused(refusal)) => Ok((DocumentReply::Refused(refusal), input.len())),
            Ok(Status::Ok) => Ok((DocumentReply::Found(DocumentHead::default()), input.len())),
            Ok(Status::PartialContent) => {
                self.is_part = true;
                self.found()
            }
            Err(fault) => Err(DecodeError::new(self.lines.count + 1, fault)),
        }
    }

    /// The empty line that ended the head.
    ///
    /// Some upload servers omit it. Then an empty line at the beginning of the document was taken
    /// for it: if exactly these bytes are missing at the end, they belong to the beginning of the
    /// document.
    pub fn separator(&self) -> &'static str {
        self.separator
    }

    /// Whether the bytes after an empty line may be another header. A reply that follows the
    /// grammar has all five headers, so that the bytes of its document are never examined.
    fn head_may_go_on(&self, next: &[u8]) -> bool {
        // The document may be shorter than the name of a header: waiting for more bytes could wait
        // forever.
        let longest = self.head.content_length.unwrap_or(u64::MAX);
        self.seen.len() < 5
            && Name::may_start(next, |name, spelling| {
                spelling.len() as u64 <= longest && !self.seen.contains(&name)
            })
    }

    /// Reads a line of the head; `false` if the line is not a header.
    fn take(&mut self, line: &[u8], with_end: usize) -> Result<bool, DecodeError> {
        if line.is_empty() {
            self.separator = if with_end == 2 { "\r\n" } else { "\n" };
            self.place = Place::EmptyLine;
            return Ok(true);
        }
        let Ok(line) = std::str::from_utf8(line) else {
            return Ok(false);
        };
        let Some((name, value)) = line.split_once(':') else {
            return Ok(false);
        };
        self.separator = "";
        match Name::parse(name) {
            Some(name) => {
                self.place = Place::Headers;
                if !self.seen.contains(&name) {
                    self.seen.push(name);
                }
                let line = self.lines.count;
                self.head.set(name, value.trim()).map_err(|fault| DecodeError::new(line, fault))?;
                Ok(true)
            }
            None => Ok(split_header(line).is_some_and(|(name, value)| {
                if name.eq_ignore_ascii_case(keep_alive::NAME) {
                    self.head.keep_alive = value.parse() == Ok(KeepAlive(true));
                }
                true
            })),
        }
    }

    /// The head that was read. A 206 without a content range is unusable; in a 200 a content range
    /// is ignored.
    fn found(&mut self) -> Result<(DocumentReply, usize), DecodeError> {
        let mut head = std::mem::take(&mut self.head);
        if !self.is_part {
            head.content_range = None;
        } else if head.content_range.is_none() {
            let fault = SyntaxError::new("`Content-Range` in a 206", "none", "5.6");
            return Err(DecodeError::new(self.lines.count, fault));
        }
        Ok((DocumentReply::Found(head), self.lines.taken))
    }
}
