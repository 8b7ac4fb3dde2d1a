//! Steps that threads take at the same time, one after the other.

use std::fs;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use super::*;
use crate::library::{Depth, Library};
use crate::net::pipe;
use crate::protocol::{Document, Endpoint};
use crate::registration::present::Present;

fn rfc(number: u32) -> Document {
    Document::Rfc(number.to_string().parse().unwrap())
}

/// A registration at the index on this port, without its thread.
fn shared(port: u16, directory: &std::path::Path, state: State) -> Shared {
    shared_with(limits::Registration::DEFAULT, port, directory, state)
}

/// The same with these limits.
fn shared_with(
    limits: limits::Registration,
    port: u16,
    directory: &std::path::Path,
    state: State,
) -> Shared {
    let index: Endpoint = format!("127.0.0.1:{port}").parse().unwrap();
    let library = Library::scan(directory, Depth::Directory).unwrap();
    let port = "1".parse().unwrap();
    let shared = Shared::new(
        Registrant::default(),
        index,
        OwnEnd::at(port),
        library,
        IndexDialect::default(),
        limits,
        Arc::new(|_| {}),
    );
    *shared.lock() = state;
    shared
}

/// The announcer tried the same document again without end, and the program did not exit.
#[test]
fn documents_that_wait_are_not_tried_while_the_peer_leaves() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rfc1.txt"), "text").unwrap();
    let shared = shared(1, directory.path(), State::Closing);
    shared.dialect.set_one_request(true);
    shared.lock_ledger().wait_for(rfc(1));
    let told = shared.retry_singly(&mut 0, &Cancel::new());
    assert!(matches!(told, Err(IndexError::Leaving)), "{told:?}");
    assert!(shared.lock_ledger().waiting().contains(&rfc(1)));
}

/// A connection is replaced once, and not after it was lost: the state and the flag stay together.
#[test]
fn only_the_present_connection_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let shared = shared(1, directory.path(), State::Connecting);
    let link = |stream| {
        Arc::new(Link::over(stream, &shared.index, "127.0.0.1:1".parse().unwrap()).unwrap())
    };
    let (first, second) = (link(pipe().0), link(pipe().0));
    let error = || Arc::new(IndexError::Leaving);

    shared.advance(State::Registered(Arc::clone(&second), None));
    shared.replace(&first);
    assert!(matches!(&*shared.lock(), State::Registered(here, None) if Arc::ptr_eq(here, &second)));
    assert!(matches!(shared.end_connection(&error()), Ended::Lost));

    shared.replace(&second);
    assert!(matches!(&*shared.lock(), State::Away(_)));
    assert!(matches!(shared.end_connection(&error()), Ended::Lost));

    shared.advance(State::Registered(Arc::clone(&second), None));
    shared.replace(&second);
    assert!(matches!(&*shared.lock(), State::Connecting));
    assert!(matches!(shared.end_connection(&error()), Ended::Planned));
    assert!(matches!(shared.end_connection(&error()), Ended::Lost));
}

/// The pause after a lost connection doubles up to its limit.
#[test]
fn a_lost_connection_is_replaced_after_the_pauses_of_the_limits() {
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let milliseconds = Duration::from_millis;
    let (reconnect, reconnect_max) = (milliseconds(20), milliseconds(40));
    let defaults = limits::Registration::DEFAULT;
    let limits = limits::Registration { reconnect, reconnect_max, ..defaults };
    let (sender, pauses) = std::sync::mpsc::channel();
    let mut shared = shared_with(limits, port, directory.path(), State::Connecting);
    shared.report = Arc::new(move |event| {
        if let Event::Away(_, pause) = event {
            let _ = sender.send(pause);
        }
    });
    let present = Present::new(shared);
    thread::scope(|scope| {
        scope.spawn(|| present.stay_registered());
        let found: Vec<Duration> = [(); 3]
            .into_iter()
            .map_while(|()| {
                drop(listener.accept());
                pauses.recv_timeout(Duration::from_secs(20)).ok()
            })
            .collect();
        // Before anything can fail: the thread ends with it.
        present.close();
        assert_eq!(found.len(), 3);
        for (usual, pause) in [20, 40, 40].map(milliseconds).into_iter().zip(found) {
            // A quarter more or less.
            assert!((usual * 3 / 4..=usual * 5 / 4).contains(&pause), "{usual:?} {pause:?}");
        }
    });
}
