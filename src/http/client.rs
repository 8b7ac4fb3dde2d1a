//! Requests to a server at a Unix socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use httparse::{EMPTY_HEADER, Response, Status};

use crate::limits;

/// Time without a byte of the reply.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a reply.
const MOST: u64 = 64 * 1024 * 1024;

/// The reply of a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The three digits of the status.
    pub code: u16,
    /// The body.
    pub body: String,
}

/// Sends a request to a server at a Unix socket, with a form as its body if it is a POST.
///
/// # Errors
/// When the server cannot be reached, or does not reply as HTTP wants.
pub fn request_at(path: &Path, target: &str, form: Option<&str>) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let (method, lines) = match form {
        None => ("GET", String::new()),
        Some(form) => {
            let kind = "Content-Type: application/x-www-form-urlencoded";
            ("POST", format!("{kind}\r\nContent-Length: {}\r\n", form.len()))
        }
    };
    let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    let request = [&head, &*lines, "\r\n", form.unwrap_or_default()].concat();
    stream.write_all(request.as_bytes())?;
    let mut reply = Vec::new();
    stream.take(MOST).read_to_end(&mut reply)?;
    answer(&reply).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no reply of HTTP"))
}

/// The reply, which ends with the connection.
fn answer(reply: &[u8]) -> Option<Answer> {
    let mut headers = [EMPTY_HEADER; limits::HTTP_HEADERS];
    let mut response = Response::new(&mut headers);
    let Ok(Status::Complete(length)) = response.parse(reply) else { return None };
    let body = String::from_utf8_lossy(reply.get(length..)?).into_owned();
    Some(Answer { code: response.code?, body })
}
