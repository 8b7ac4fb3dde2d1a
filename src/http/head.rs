//! Parsing the head of a request (RFC 9112 sections 2 to 6).

use httparse::{EMPTY_HEADER, Error, Header, Status};

use super::request::Method;
use super::status::HttpStatus;
use crate::limits;

/// The head of a request.
#[derive(Debug, Eq, PartialEq)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// The path, as it was sent.
    pub path: String,
    /// What follows the first `?` of the target.
    pub query: String,
    /// The host of the target, or else of the header line.
    pub host: Option<String>,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body.
    pub body: usize,
    /// The minor version: HTTP/1.0 or HTTP/1.1.
    pub minor: u8,
    /// Whether the client closes the connection after the reply.
    pub wants_close: bool,
    /// Whether the client sends the body only after it was asked to.
    pub waits_to_send: bool,
}

/// Why there is no request. The connection ends after the reply.
#[derive(Debug, Eq, PartialEq)]
pub struct Malformed {
    /// The status of the reply.
    pub status: HttpStatus,
    /// The reason, for people.
    pub reason: &'static str,
}

impl Malformed {
    pub(super) fn new(status: HttpStatus, reason: &'static str) -> Self {
        Self { status, reason }
    }
}

/// Parses a head at the beginning of the input, and returns its length; `None` if more bytes are needed.
///
/// # Errors
/// When the input cannot become a request.
pub fn parse(input: &[u8]) -> Result<Option<(Head, usize)>, Malformed> {
    let mut headers = [EMPTY_HEADER; limits::HTTP_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let window = input.get(..limits::HTTP_HEAD).unwrap_or(input);
    let length = match request.parse(window) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if window.len() < limits::HTTP_HEAD => return Ok(None),
        Ok(Status::Partial) if !window.contains(&b'\n') => {
            return Err(Malformed::new(HttpStatus::UriTooLong, "the target is too long"));
        }
        Ok(Status::Partial) => {
            return Err(Malformed::new(HttpStatus::HeaderFieldsTooLarge, "the head is too long"));
        }
        Err(Error::TooManyHeaders) => {
            let reason = "there are too many header lines";
            return Err(Malformed::new(HttpStatus::HeaderFieldsTooLarge, reason));
        }
        Err(Error::Version) => {
            let reason = "expected HTTP/1.1 or HTTP/1.0";
            return Err(Malformed::new(HttpStatus::VersionNotSupported, reason));
        }
        Err(_) => return Err(bad("expected a request of HTTP/1.1")),
    };
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(bad("expected a request of HTTP/1.1"));
    };
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        _ => Method::Other,
    };
    head(method, target, minor, request.headers).map(|head| Some((head, length)))
}

fn bad(reason: &'static str) -> Malformed {
    Malformed::new(HttpStatus::BadRequest, reason)
}

fn head(method: Method, target: &str, minor: u8, lines: &[Header<'_>]) -> Result<Head, Malformed> {
    let line = |line: &Header<'_>| {
        let value = String::from_utf8_lossy(line.value).trim().to_string();
        (line.name.to_ascii_lowercase(), value)
    };
    let headers: Vec<(String, String)> = lines.iter().map(line).collect();
    let all = |name: &'static str| {
        headers.iter().filter(move |(found, _)| found == name).map(|(_, value)| &**value)
    };
    let only = |name: &'static str| {
        let mut values = all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(bad("a header line that may occur once occurs twice")),
            (value, None) => Ok(value),
        }
    };
    let (in_target, target) = split_target(target).ok_or_else(|| bad("expected a path"))?;
    let named = only("host")?;
    if named.is_none() && minor > 0 {
        return Err(bad("expected a header line `Host`"));
    }
    if only("transfer-encoding")?.is_some() {
        let reason = "expected a body with Content-Length";
        return Err(Malformed::new(HttpStatus::LengthRequired, reason));
    }
    let body = match only("content-length")? {
        None => 0,
        Some(digits) if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err(bad("expected a number of bytes in Content-Length"));
        }
        Some(digits) => digits.parse().unwrap_or(usize::MAX),
    };
    if body > limits::HTTP_BODY {
        return Err(Malformed::new(HttpStatus::ContentTooLarge, "the body is too long"));
    }
    let has_token = |name, token: &str| {
        all(name)
            .flat_map(|value| value.split(','))
            .any(|one| one.trim().eq_ignore_ascii_case(token))
    };
    let wants_close = minor == 0 || has_token("connection", "close");
    let waits_to_send = minor > 0 && has_token("expect", "100-continue");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_string(), query.to_string());
    let host = in_target.or(named).map(ToString::to_string);
    Ok(Head { method, path, query, host, headers, body, minor, wants_close, waits_to_send })
}

/// Splits the host from a target in absolute form (RFC 9112 section 3.2.2).
fn split_target(target: &str) -> Option<(Option<&str>, &str)> {
    if target.starts_with('/') {
        return Some((None, target));
    }
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    match rest.find(['/', '?']) {
        None => Some((Some(rest), "/")),
        Some(at) => {
            let (host, target) = rest.split_at_checked(at)?;
            Some((Some(host), target))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_browsers_and_of_tools() {
        let text =
            "GET /metrics?a=b HTTP/1.1\r\nHOST: localhost:1\r\nConnection: x, Close\r\n\r\nrest";
        let (head, length) = parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!(length, text.len() - 4);
        assert_eq!((head.method, &*head.path, &*head.query), (Method::Get, "/metrics", "a=b"));
        assert_eq!(head.host.as_deref(), Some("localhost:1"));
        assert!(head.wants_close && !head.waits_to_send);
        for end in 0..length {
            assert!(parse(&text.as_bytes()[..end]).unwrap().is_none(), "{end}");
        }
        let (head, _) =
            parse(b"GET http://h:1?q HTTP/1.1\r\nHost: other\r\n\r\n").unwrap().unwrap();
        assert_eq!((head.host.as_deref(), &*head.path, &*head.query), (Some("h:1"), "", "q"));
        let (head, _) = parse(b"HEAD / HTTP/1.0\r\n\r\n").unwrap().unwrap();
        assert!(head.host.is_none() && head.wants_close && head.method == Method::Head);
    }

    #[test]
    fn malformed_heads() {
        let long = |line: &str| format!("{line}{}", "x".repeat(limits::HTTP_HEAD));
        let post = |line: &str| format!("POST / HTTP/1.1\r\nHost: h\r\n{line}\r\n\r\n");
        let many: String = (0..=limits::HTTP_HEADERS).map(|n| format!("h{n}: v\r\n")).collect();
        for (text, code) in [
            ("GET / HTTP/1.1\r\n\r\n".to_string(), 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), 400),
            ("GET nothing HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400),
            ("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400),
            ("LIST ALL P2P-CI/1.0\r\n\r\n".into(), 505),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 505),
            (post("Transfer-Encoding: chunked"), 411),
            (post("Content-Length: 1\r\nContent-Length: 1"), 400),
            (post("Content-Length: +1"), 400),
            (post("Content-Length: 99999999999999999999999"), 413),
            (post("Content-Length: 65537"), 413),
            (long("GET /"), 414),
            (long("GET / HTTP/1.1\r\nHost: "), 431),
            (format!("GET / HTTP/1.1\r\n{many}\r\n"), 431),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.status.code(), code, "{}", error.reason);
        }
    }
}
