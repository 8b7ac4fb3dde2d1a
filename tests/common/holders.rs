//! Holders: honest ones, and ones that reply as a test says.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use p2p_ci::library::{Depth, Library};
use p2p_ci::limits::Downloads;
use p2p_ci::net::AddressPolicy;
use p2p_ci::peer::{Bandwidth, Downloader, PeerStats, Source, UploadServer, Uploads};
use p2p_ci::protocol::Endpoint;
use p2p_ci::protocol::role::{DocumentServer, IndexServer, RequestEvent, RequestMeaning};

/// Downloads in which all deadlines are this many times shorter than usual, and all minimum rates as
/// many times higher. A holder that stops or is slow is noticed sooner.
pub fn hurried(factor: u32) -> Downloader {
    let mut limits = Downloads::default();
    for time in [
        &mut limits.first_byte,
        &mut limits.first_byte_unproven,
        &mut limits.first_byte_of_form,
        &mut limits.holder_stagger,
        &mut limits.silent,
        &mut limits.stopped_after,
        &mut limits.retry,
        &mut limits.retry_max,
        &mut limits.min_rate_time,
        &mut limits.min_rate_time_with_others,
        &mut limits.slow_after,
        &mut limits.fruitless_after,
        &mut limits.least_patience,
        &mut limits.least_turn,
    ] {
        *time /= factor;
    }
    for rate in [
        &mut limits.beginning_rate,
        &mut limits.min_rate,
        &mut limits.slow_rate,
        &mut limits.rate_with_others,
    ] {
        *rate *= u64::from(factor);
    }
    let (stats, bandwidth) = (PeerStats::default(), Bandwidth::default());
    Downloader::new(stats, bandwidth, AddressPolicy::default(), limits)
}

/// An address as an endpoint.
pub fn endpoint(address: SocketAddr) -> Endpoint {
    address.to_string().parse().unwrap()
}

/// An honest holder of a directory.
pub fn honest(directory: &Path, address: Ipv4Addr) -> (UploadServer, Source) {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let library = Library::scan(directory, Depth::Directory).unwrap();
    let server = UploadServer::start(listener, library, Uploads::default()).unwrap();
    let source = endpoint(server.address()).into();
    (server, source)
}

/// A holder that reads a request and replies as `reply` does; returns where it is.
pub fn holder(
    address: Ipv4Addr,
    reply: impl Fn(&mut TcpStream, &str) -> std::io::Result<()> + Clone + Send + 'static,
) -> SocketAddr {
    holder_on(TcpListener::bind((address, 0)).unwrap(), reply)
}

/// The same on this listener.
pub fn holder_on(
    listener: TcpListener,
    reply: impl Fn(&mut TcpStream, &str) -> std::io::Result<()> + Clone + Send + 'static,
) -> SocketAddr {
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let reply = reply.clone();
            // A peer that goes away is no failure of the test.
            thread::spawn(move || {
                let request = request(&mut stream)?;
                reply(&mut stream, &request)
            });
        }
    });
    at
}

/// Reads a request to a holder, and no byte after it.
pub fn request(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut role = DocumentServer::new();
    read_request(stream, |input| role.next(input, || Duration::ZERO))
}

/// Reads a request to an index, and no byte after it.
pub fn index_request(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut role = IndexServer::new();
    read_request(stream, |input| role.next(input, || Duration::ZERO))
}

fn read_request<R: std::fmt::Debug>(
    stream: &mut TcpStream,
    mut next: impl FnMut(&[u8]) -> Option<RequestEvent<R>>,
) -> std::io::Result<String> {
    let (mut request, mut byte) = (Vec::new(), [0]);
    loop {
        if super::uninterrupted(|| stream.read(&mut byte))? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        request.extend(byte);
        match next(&request).map(|event| event.meaning) {
            None => {}
            Some(RequestMeaning::Request(_)) => {
                return Ok(String::from_utf8_lossy(&request).into_owned());
            }
            Some(other) => return Err(std::io::Error::other(format!("{other:?}"))),
        }
    }
}

/// Sends a head and what follows it.
pub fn respond(stream: &mut TcpStream, headers: &str, body: &[u8]) -> std::io::Result<()> {
    let head =
        format!("P2P-CI/1.0 200 OK\r\nOS: test\r\n{headers}Content-Type: text/plain\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}
