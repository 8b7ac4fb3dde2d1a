//! Documents and peers that the index lists, for completion. They are requested when the user first types
//! Tab where one of them may follow, in a thread of its own, so that a slow index does not block typing.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::error_chain::error_chain;
use crate::limits;
use crate::peer::{IndexGroup, Registration, Registrations, each_record};
use crate::protocol::{Document, Endpoint, Record};

/// How long Tab waits for a list.
const PATIENCE: Duration = Duration::from_millis(500);
/// After this time a list is requested again.
const FRESH: Duration = Duration::from_secs(30);

/// What the index lists.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) documents: BTreeSet<Document>,
    pub(super) peers: BTreeSet<Endpoint>,
}

/// The lists of the index, as far as they are known.
#[derive(Default)]
pub(super) struct Remote {
    registrations: Vec<Weak<Registration>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    names: Arc<Names>,
    requested: Option<Instant>,
    is_running: bool,
}

impl Remote {
    pub(super) fn new(registrations: &Registrations) -> Self {
        let registrations = registrations.all().map(Arc::downgrade).collect();
        Self { registrations, shared: Arc::default() }
    }

    /// The names that are known. If they are old, they are requested, and awaited for a moment.
    pub(super) fn names(&self) -> Arc<Names> {
        let mut state = self.shared.lock();
        let is_fresh = state.requested.is_some_and(|requested| requested.elapsed() < FRESH);
        if !is_fresh && !state.is_running && !self.registrations.is_empty() {
            let (registrations, shared) = (self.registrations.clone(), Arc::clone(&self.shared));
            let request = move || shared.store(names(&registrations));
            if thread::Builder::new().name("completion".into()).spawn(request).is_ok() {
                (state.is_running, state.requested) = (true, Some(Instant::now()));
            }
        }
        let waited =
            self.shared.changed.wait_timeout_while(state, PATIENCE, |state| state.is_running);
        Arc::clone(&waited.unwrap_or_else(PoisonError::into_inner).0.names)
    }
}

impl Shared {
    /// Stores what was requested. If nothing was received, the names of an earlier request stay, and Tab requests
    /// them again.
    fn store(&self, names: Names) {
        let mut state = self.lock();
        state.is_running = false;
        match names.documents.is_empty() {
            true => state.requested = None,
            false => state.names = Arc::new(names),
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment: a poisoned state is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Requests the lists, and stores the first documents of each kind.
fn names(registrations: &[Weak<Registration>]) -> Names {
    let mut names = Names::default();
    let mut registrations = registrations.iter().filter_map(Weak::upgrade);
    let Some(first) = registrations.next() else { return names };
    let others = registrations.map(|one| one.queries()).collect();
    let queries = IndexGroup::with_clusters(first.queries(), others, first.clusters());
    let (mut rfcs, mut files, mut read) = (0, 0, 0);
    let take = &mut |record: Record| {
        read += 1;
        let count = match record.document {
            Document::Rfc(_) => &mut rfcs,
            Document::File(_) => &mut files,
        };
        if *count < limits::COMPLETED_DOCUMENTS {
            *count += 1;
            names.documents.insert(record.document);
            names.peers.insert(record.holder);
        }
        match files < limits::COMPLETED_DOCUMENTS && read < limits::COMPLETION_RECORDS {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    };
    if let Err(error) = each_record(&queries, take) {
        log::debug!("no list for completion: {}", error_chain(&error));
    }
    queries.close();
    names
}
