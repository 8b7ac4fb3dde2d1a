//! One of the index servers that are asked as one.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::discovery::clusters::Clusters;
use crate::discovery::index_connection::IndexConnection;
use crate::discovery::index_dialect::IndexDialect;
use crate::discovery::index_error::IndexError;
use crate::discovery::listed::{Completeness, ListCache};
use crate::discovery::query::{AskIndex, Query};
use crate::error_chain::error_chain;
use crate::limits;
use crate::net::Provenance;
use crate::protocol::{Document, Endpoint, ReplyPart};

/// A server, and whether it has failed.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) connection: IndexConnection,
    /// Its failure, since it has replied last.
    failed: Mutex<Option<Failed>>,
    /// Whether it was asked for its cluster.
    was_asked: AtomicBool,
}

/// A failure, and until when the server is not asked: longer if the failure has taken long.
#[derive(Clone, Copy, Debug)]
struct Failed {
    until: Instant,
    is_logged: bool,
}

impl Failed {
    fn since(begun: Instant, is_logged: bool) -> Self {
        let rest = begun.elapsed().saturating_mul(4);
        let rest = rest.clamp(limits::INDEX_REST, limits::INDEX_REST_MAX);
        Self { until: limits::ends_after(rest), is_logged }
    }
}

impl Member {
    pub(super) fn new(connection: IndexConnection) -> Self {
        Self { connection, failed: Mutex::default(), was_asked: AtomicBool::new(false) }
    }

    fn failed(&self) -> MutexGuard<'_, Option<Failed>> {
        // Each change is one assignment.
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has failed recently, so that other servers are asked first.
    pub(super) fn rests(&self) -> bool {
        self.failed().is_some_and(|failed| Instant::now() < failed.until)
    }

    /// Remembers whether the server has replied.
    fn note<T>(&self, begun: Instant, outcome: &Result<T, IndexError>) {
        match outcome {
            Ok(_) => {
                if self.failed().take().is_some() {
                    log::info!("the index {} replies again", self.connection.server());
                }
            }
            Err(error) if error.is_absence() => {
                let mut failed = self.failed();
                let is_logged = failed.is_some_and(|failed| failed.is_logged);
                *failed = Some(Failed::since(begun, is_logged));
            }
            // The server has replied, or the user has cancelled the request.
            Err(_) => {}
        }
    }

    /// Logs a failure once, because others are asked in the place of this server. If there are none, the error
    /// of the request names it.
    pub(super) fn log_failure(&self, error: &IndexError) {
        if let Some(failed) = &mut *self.failed()
            && !failed.is_logged
        {
            failed.is_logged = true;
            log::warn!("{}; continuing without it", error_chain(error));
        }
    }

    /// Connects, unless it is connected. A server that has shown extensions is asked once for its cluster.
    pub(super) fn reach(&self, clusters: &Clusters) -> Result<SocketAddr, IndexError> {
        let begun = Instant::now();
        self.connection.resume();
        let reached = self.connection.connect_if_closed().and_then(|address| {
            let dialect = self.connection.dialect();
            let is_asked = dialect.shows_extensions()
                && dialect.may_name_cluster()
                && !self.was_asked.swap(true, Ordering::Relaxed);
            match is_asked.then(|| self.connection.ask_cluster()) {
                Some(Ok(named)) => {
                    clusters.learn(&self.connection.known(), address, named.as_ref());
                }
                Some(Err(error)) if error.is_absence() => return Err(error),
                Some(Err(error)) => dialect.doubt_cluster(&error),
                None => {}
            }
            Ok(address)
        });
        // A connection alone is no reply.
        if reached.is_err() {
            self.note(begun, &reached);
        }
        reached
    }
}

/// Asks one server, and remembers whether it has replied.
impl AskIndex for Member {
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        let begun = Instant::now();
        let asked = self.connection.ask(query, take);
        self.note(begun, &asked);
        asked.inspect_err(|error| self.log_failure(error))
    }

    fn look_up_all(
        &self,
        documents: &[&Document],
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<(), IndexError> {
        let begun = Instant::now();
        let asked = AskIndex::look_up_all(&self.connection, documents, take);
        self.note(begun, &asked);
        asked.inspect_err(|error| self.log_failure(error))
    }

    fn give_up(&self, begun: Instant) -> bool {
        // The caller reports it.
        *self.failed() = Some(Failed::since(begun, true));
        self.connection.give_up();
        true
    }

    fn server(&self) -> &Endpoint {
        self.connection.server()
    }

    fn provenance(&self) -> Result<Provenance, IndexError> {
        AskIndex::provenance(&self.connection)
    }

    fn dialect(&self) -> &IndexDialect {
        self.connection.dialect()
    }

    fn list_cache(&self) -> &ListCache {
        self.connection.list_cache()
    }
}
