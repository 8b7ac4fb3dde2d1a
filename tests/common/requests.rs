//! Requests that arrive at a server of a test.

use std::collections::VecDeque;
use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use p2p_ci::protocol::role::{DocumentServer, IndexServer, RequestEvent, RequestMeaning};

/// The requests on one connection, as text.
pub struct Requests {
    stream: TcpStream,
    /// Bytes that no request has taken.
    input: Vec<u8>,
    /// Requests that have arrived and were not returned.
    whole: VecDeque<String>,
    next: Next,
}

/// The bytes that an event took, and whether they are a request.
type Taken = (usize, bool);
/// A role, as the function that finds its next event.
type Next = Box<dyn FnMut(&[u8]) -> Option<Taken> + Send>;

impl Requests {
    /// Requests to an index server.
    pub fn to_index(stream: &TcpStream) -> Self {
        let mut role = IndexServer::new();
        Self::new(stream, move |input| {
            role.next(input, || Duration::ZERO).map(|event| taken(&event))
        })
    }

    /// Requests to an upload server.
    pub fn to_holder(stream: &TcpStream) -> Self {
        let mut role = DocumentServer::new();
        Self::new(stream, move |input| {
            role.next(input, || Duration::ZERO).map(|event| taken(&event))
        })
    }

    fn new(stream: &TcpStream, next: impl FnMut(&[u8]) -> Option<Taken> + Send + 'static) -> Self {
        let (input, whole) = (Vec::new(), VecDeque::new());
        Self { stream: stream.try_clone().unwrap(), input, whole, next: Box::new(next) }
    }

    /// The next request, with its final empty line; `None` when the client has closed the connection.
    pub fn next(&mut self) -> Option<String> {
        let mut chunk = [0; 64 * 1024];
        while self.whole.is_empty() {
            let count = super::uninterrupted(|| self.stream.read(&mut chunk));
            let count = count.ok().filter(|count| *count > 0)?;
            self.input.extend_from_slice(&chunk[..count]);
            while let Some((used, is_request)) = (self.next)(&self.input) {
                let bytes: Vec<u8> = self.input.drain(..used).collect();
                if is_request {
                    self.whole.push_back(String::from_utf8(bytes).unwrap());
                }
            }
        }
        self.whole.pop_front()
    }

    /// The number of requests that have arrived after those that were returned.
    pub fn ahead(&self) -> usize {
        self.whole.len()
    }
}

fn taken<R: std::fmt::Debug>(event: &RequestEvent<R>) -> Taken {
    assert!(!matches!(event.meaning, RequestMeaning::Fault(_)), "{event:?}");
    (event.used, matches!(event.meaning, RequestMeaning::Request(_)))
}
