//! Sources that are asked at the same time (protocol.md section 4.12).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar};

use super::*;
use crate::discovery::{Gap, GapCause, IndexDialect, ListCache, Query};
use crate::net::Provenance;
use crate::protocol::{Document, Endpoint, ReplyPart};

/// A source. What it replies is up to the test.
#[derive(Debug)]
struct Source {
    server: Endpoint,
    /// Whether it was given up, if it can be.
    given_up: Option<Arc<Flag>>,
    dialect: IndexDialect,
    list: ListCache,
}

#[derive(Debug, Default)]
struct Flag(Mutex<bool>, Condvar);

impl Flag {
    fn set(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }

    fn wait(&self) {
        drop(self.1.wait_while(self.0.lock().unwrap(), |is_set| !*is_set).unwrap());
    }
}

impl Source {
    fn new(port: u16, given_up: Option<&Arc<Flag>>) -> Self {
        let (dialect, list) = (IndexDialect::default(), ListCache::default());
        let server = format!("source:{port}").parse().unwrap();
        Self { server, given_up: given_up.cloned(), dialect, list }
    }

    fn failure(&self) -> IndexError {
        IndexError::Lost { index: self.server.clone(), source: io::ErrorKind::BrokenPipe.into() }
    }
}

impl AskIndex for Source {
    fn ask(
        &self,
        _: Query<'_>,
        _: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        Err(self.failure())
    }

    fn look_up_all(&self, _: &[&Document], _: &mut dyn FnMut(ReplyPart)) -> Result<(), IndexError> {
        Err(self.failure())
    }

    fn give_up(&self, _: Instant) -> bool {
        self.given_up.as_ref().inspect(|flag| flag.set()).is_some()
    }

    fn server(&self) -> &Endpoint {
        &self.server
    }

    fn provenance(&self) -> Result<Provenance, IndexError> {
        Ok(Provenance::User)
    }

    fn dialect(&self) -> &IndexDialect {
        &self.dialect
    }

    fn list_cache(&self) -> &ListCache {
        &self.list
    }
}

/// Asks the sources, and returns the parts of all replies with the port of their source.
fn asked<P: Copy + Send>(
    sources: &[Source],
    ask: Ask<'_, P, u16>,
) -> Result<(Vec<u16>, Vec<P>, Completeness), IndexError> {
    let members: Vec<&dyn AskIndex> = sources.iter().map(|source| source as _).collect();
    let mut parts = Vec::new();
    let (replied, listed) = of_each(&members, ask, |_, reply| {
        reply.read(&mut |part| {
            parts.push(part);
            Ok(())
        })
    })?;
    Ok((replied, parts, listed))
}

fn port(source: &dyn AskIndex) -> u16 {
    source.server().port.value()
}

#[test]
fn replies_are_used_in_the_order_of_the_sources() {
    let (sources, last_has_replied) =
        ([1, 2, 3].map(|port| Source::new(port, None)), Flag::default());
    let (replied, parts, listed) = asked(&sources, &|source, take| {
        // Each waits for the last one, which a request after the other would never reach.
        match port(source) {
            3 => last_has_replied.set(),
            _ => last_has_replied.wait(),
        }
        take(port(source) * 10).map_err(IndexError::Taker)?;
        take(port(source) * 10 + 1).map_err(IndexError::Taker)?;
        Ok(port(source))
    })
    .unwrap();
    assert_eq!((replied, parts), (vec![1, 2, 3], vec![10, 11, 20, 21, 30, 31]));
    assert!(matches!(listed, Completeness::Complete), "{listed:?}");
}

#[test]
fn a_large_reply_is_requested_again_and_is_whole() {
    let (sources, requests) = ([1, 2].map(|port| Source::new(port, None)), AtomicUsize::new(0));
    let many = limits::PARTS_KEPT + 1;
    let (replied, parts, _) = asked(&sources, &|source, take| {
        requests.fetch_add(1, Ordering::Relaxed);
        let count = if port(source) == 1 { many } else { limits::PARTS_KEPT };
        (0..count).try_for_each(|at| take(at).map_err(IndexError::Taker))?;
        Ok(port(source))
    })
    .unwrap();
    assert_eq!(replied, [1, 2]);
    assert!(parts.into_iter().eq((0..many).chain(0..limits::PARTS_KEPT)));
    assert_eq!(requests.into_inner(), 3);
}

#[test]
fn a_source_that_fails_is_left_out_unless_all_fail() {
    let sources = [1, 2, 3].map(|port| Source::new(port, None));
    let failing = |fails: &[u16]| {
        asked(&sources, &|source, take: Take<'_, ()>| {
            // What has arrived before is used.
            take(()).map_err(IndexError::Taker)?;
            match fails.contains(&port(source)) {
                true => Err(sources[usize::from(port(source)) - 1].failure()),
                false => Ok(port(source)),
            }
        })
    };
    let (replied, parts, listed) = failing(&[1]).unwrap();
    assert_eq!((replied, parts.len()), (vec![2, 3], 3));
    assert!(matches!(listed, Completeness::Complete), "{listed:?}");
    let error = failing(&[1, 2, 3]).unwrap_err();
    assert!(matches!(&error, IndexError::All(errors) if errors.len() == 3), "{error}");
}

/// The second source has its own deadline, which ends when the first one is given up.
#[test]
fn a_source_that_does_not_reply_is_given_up_if_it_permits_that() {
    let given_up = Arc::new(Flag::default());
    let sources = [Source::new(1, Some(&given_up)), Source::new(2, None), Source::new(3, None)];
    let (replied, parts, listed) = asked(&sources, &|source, take| {
        take(port(source)).map_err(IndexError::Taker)?;
        match port(source) {
            1 => {
                given_up.wait();
                return Err(sources[0].failure());
            }
            2 => given_up.wait(),
            _ => {}
        }
        Ok(port(source))
    })
    .unwrap();
    assert_eq!((replied, parts), (vec![2, 3], vec![1, 2, 3]));
    let Completeness::Incomplete(Gap { reason, cause: GapCause::NoReply(error) }) = listed else {
        panic!("expected an incomplete result, found {listed:?}")
    };
    assert!(reason.starts_with("the index source:1 sent no reply within "), "{reason}");
    assert!(matches!(&*error, IndexError::Silent { waited, .. } if *waited >= limits::INDEX_GRACE));
}
