//! The paths of a status page.

use std::io;
use std::sync::Arc;

use super::access::Access;
use super::events::{Streams, send_events};
use super::files::with_files;
use super::paths::{Paths, refusal};
use super::program::StatusPage;
use super::samples::{Sampler, Samples};
use crate::http::{HttpStatus, Reply, Router};

/// A page that is ready to be served.
#[derive(Debug)]
pub struct Page {
    /// The paths of the page, and those that were there before.
    pub router: Router,
    /// Takes samples until it is dropped.
    pub sampler: Sampler,
}

/// Adds the page of a program to a router. A server with this number of connections serves it.
///
/// # Errors
/// When no thread can be started.
pub fn page<P: StatusPage>(
    router: Router,
    program: &Arc<P>,
    access: Access,
    connections: usize,
) -> io::Result<Page> {
    let samples = Arc::new(Samples::new(program.series(), program.values()));
    let access = Arc::new(access);
    let router = with_files(router, program.name(), program.parts());
    let paths = program.add_paths(Paths { router, access: Arc::clone(&access) });
    let streams = Arc::new(Streams::of_connections(connections));
    let (shown, sampled) = (Arc::clone(program), Arc::clone(&samples));
    let router = paths.router.get("/events", move |request| {
        let sight = match access.sight(request) {
            Ok(sight) => sight,
            Err((status, reason)) => return refusal(status, reason),
        };
        let Some(open) = streams.open() else {
            let most = streams.most();
            let reason = format!("{most} status pages are open already; close one of them");
            return refusal(HttpStatus::ServiceUnavailable, reason);
        };
        let (program, samples) = (Arc::clone(&shown), Arc::clone(&sampled));
        Reply::stream("text/event-stream; charset=utf-8", move |stream| {
            let _open = open;
            send_events(&*program, &samples, sight, stream)
        })
    });
    let sampler = Sampler::start(samples, Arc::clone(program))?;
    Ok(Page { router, sampler })
}
