//! Upload servers with faults.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::scenario::Fault;
use crate::driver::Driver;
use crate::library::SharedLibrary;
use crate::limits::{self, Admission};
use crate::net::{Connection, Interface, Outcome, Permits, Service, Stop, accept_loop, send};
use crate::protocol::role::{DocumentServer, RequestMeaning};
use crate::protocol::{DocumentHead, DocumentReply, Refusal, UploadRequest};

/// The largest number of connections, in all and from one network.
const CONNECTIONS: usize = 256;
/// A request has to arrive within this time.
const REQUEST: Duration = Duration::from_secs(10);
/// A connection without further bytes is closed after this time.
const SILENCE: Duration = Duration::from_secs(120);

/// An upload server with a fault. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct FaultyHolder {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl FaultyHolder {
    /// Serves the documents of a library.
    pub(super) fn start(
        listener: TcpListener,
        library: SharedLibrary,
        fault: Fault,
        interface: Interface,
    ) -> io::Result<Self> {
        let stop = Stop::new();
        let permits = Permits::new(CONNECTIONS, Admission::of_network(CONNECTIONS));
        let handle = move |stream: &Arc<Connection>, _: SocketAddr, _: u64| {
            // The other side may have closed the connection.
            let _ = serve(stream, &library, fault);
            Outcome::Normal
        };
        let service =
            Service::new("faulty", permits, stop.clone(), Vec::new(), handle).on(interface);
        let accept = move || thread::scope(|scope| accept_loop(scope, &listener, &service));
        let thread = thread::Builder::new().name("faulty".into()).spawn(accept)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for FaultyHolder {
    fn drop(&mut self) {
        self.stop.stop_within(Duration::ZERO);
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

/// Serves one request, and closes the connection.
fn serve(stream: &Connection, library: &SharedLibrary, fault: Fault) -> io::Result<()> {
    let limits = limits::Uploads { head_deadline: REQUEST, ..limits::Uploads::DEFAULT };
    let mut driver = Driver::new(stream, DocumentServer::with_limits(&limits));
    let request = loop {
        let event = driver.wait_for_next()?;
        driver.take(event.used);
        match event.meaning {
            RequestMeaning::Request(UploadRequest::Get(request)) => break request,
            RequestMeaning::EmptyLines | RequestMeaning::Joined | RequestMeaning::LateEnd => {}
            RequestMeaning::Request(UploadRequest::List { .. } | UploadRequest::Lookup { .. })
            | RequestMeaning::Fault(_)
            | RequestMeaning::Leaving
            | RequestMeaning::Closed => return Ok(()),
        }
    };
    let entry = library.read().entry(&request.document).cloned();
    let mut reply = Vec::new();
    let Some(entry) = entry else {
        DocumentReply::Refused(Refusal::NotFound).encode(&mut reply);
        return send(stream, &reply);
    };
    let mut document = fs::read(entry.path())?;
    let head = DocumentHead {
        content_length: Some(document.len() as u64),
        digest: library.current_digest(&request.document).filter(|_| request.want_digest),
        ..DocumentHead::default()
    };
    DocumentReply::Found(head).encode(&mut reply);
    match fault {
        Fault::Alters => {
            let middle = document.len() / 2;
            if let Some(byte) = document.get_mut(middle) {
                *byte ^= 1;
            }
            reply.append(&mut document);
            send(stream, &reply)
        }
        Fault::Stops => {
            reply.extend_from_slice(document.get(..document.len() / 2).unwrap_or_default());
            send(stream, &reply)?;
            // The end of input: the other side has given up.
            let deadline = Some(Instant::now() + SILENCE);
            while driver.receiver.fill(deadline)? > 0 {
                driver.take(driver.input().len());
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::{Depth, Library};
    use crate::net::{Cancel, Dialer, Target};

    #[test]
    fn other_bytes_and_half_of_a_document_are_sent() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("rfc7.txt"), "Title\n\n0123456789").unwrap();
        let library = Library::scan(directory.path(), Depth::Directory).unwrap();
        for (fault, expected) in
            [(Fault::Alters, "Title\n\n0023456789"), (Fault::Stops, "Title\n\n0")]
        {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let holder =
                FaultyHolder::start(listener, library.clone(), fault, Interface::default())
                    .unwrap();
            let target = Target::of_user("127.0.0.1", port);
            let stream = Dialer::default().connect(target, &Cancel::new()).unwrap();
            send(&stream, b"GET RFC 7 P2P-CI/1.0\r\nHost: h\r\n\r\n").unwrap();
            let mut found = String::new();
            let begun = Instant::now();
            while !found.ends_with(expected) {
                assert!(begun.elapsed() < Duration::from_secs(60), "{fault:?}: {found:?}");
                let mut chunk = [0; 4096];
                let count = stream.read(&mut chunk, None).unwrap();
                found.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
            }
            assert!(found.contains("Content-Length: 17\r\n"), "{found:?}");
            drop(holder);
        }
    }
}
