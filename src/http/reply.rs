//! Replies (RFC 9112 sections 4 to 6).

use std::fmt::{self, Formatter, Write};
use std::io;
use std::time::SystemTime;

use super::status::HttpStatus;
use super::stream::Stream;

/// Header lines of every reply. A browser runs only scripts of this server, and shows its replies in no page of
/// another site.
const PROTECTION: &str = "Cache-Control: no-store\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'\r\n\
    Cross-Origin-Opener-Policy: same-origin\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n\
    Referrer-Policy: no-referrer\r\n";

type Send = Box<dyn FnOnce(&mut Stream<'_>) -> io::Result<()>>;

/// The reply to a request.
pub struct Reply {
    status: HttpStatus,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

/// The body of a reply.
pub(super) enum Body {
    Bytes(Vec<u8>),
    /// This function sends it bit by bit, and ends it.
    Stream(Send),
}

/// How a connection continues after a reply, and what the client understands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framing {
    /// Whether the connection stays open.
    pub(super) keeps_open: bool,
    /// Whether the client knows chunks: HTTP/1.1.
    pub(super) knows_chunks: bool,
}

impl Reply {
    /// A reply with these bytes.
    pub fn new(status: HttpStatus, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type, headers: Vec::new(), body: Body::Bytes(body.into()) }
    }

    /// A reply of one line for people.
    pub fn text(status: HttpStatus, line: impl fmt::Display) -> Self {
        Self::new(status, "text/plain; charset=utf-8", format!("{line}\n"))
    }

    /// A reply whose body this function sends bit by bit, such as events.
    pub fn stream(
        content_type: &'static str,
        send: impl FnOnce(&mut Stream<'_>) -> io::Result<()> + 'static,
    ) -> Self {
        let body = Body::Stream(Box::new(send));
        Self { status: HttpStatus::Ok, content_type, headers: Vec::new(), body }
    }

    /// The same with a header line. The value must not contain line ends or text from the network.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The status.
    pub fn status(&self) -> HttpStatus {
        self.status
    }

    /// The head, with its empty line.
    pub(super) fn head(&self, framing: Framing) -> String {
        let mut head = String::new();
        // Writing to a string does not fail.
        let _ = self.write_head(&mut head, framing);
        head
    }

    fn write_head(&self, head: &mut String, framing: Framing) -> fmt::Result {
        let (code, phrase) = (self.status.code(), self.status.phrase());
        write!(head, "HTTP/1.1 {code} {phrase}\r\n")?;
        write!(head, "Date: {}\r\n", httpdate::fmt_http_date(SystemTime::now()))?;
        write!(head, "Content-Type: {}\r\n", self.content_type)?;
        match &self.body {
            Body::Bytes(bytes) => write!(head, "Content-Length: {}\r\n", bytes.len())?,
            Body::Stream(_) if framing.knows_chunks => {
                head.push_str("Transfer-Encoding: chunked\r\n");
            }
            // The end of the connection ends it.
            Body::Stream(_) => {}
        }
        head.push_str(PROTECTION);
        if !framing.keeps_open {
            head.push_str("Connection: close\r\n");
        }
        for (name, value) in &self.headers {
            write!(head, "{name}: {}\r\n", value.replace(['\r', '\n'], " "))?;
        }
        head.push_str("\r\n");
        Ok(())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}
