//! The known behaviour of an index server that may be another implementation (protocol.md sections 4.9 and
//! 8.5).
//!
//! No extension is sent to a server before it has shown one. A reply without an end marker ends after
//! a silence that depends on what the server has shown.

mod forms;

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::index_error::IndexError;
use crate::limits;
use crate::protocol::dialect::FormTrials;
use crate::protocol::role::IndexTraits;

/// The properties that an index server has shown, and how long it is waited for. All connections of a
/// program to it share this.
#[derive(Debug, Default)]
pub struct IndexDialect {
    shown: Mutex<Shown>,
    trial_ended: Condvar,
    limits: limits::IndexClient,
}

#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    extensions: Extensions,
    /// How often it did not answer a probe for extensions. After that extensions count as refused,
    /// although the reason may be another one.
    silent_probes: u8,
    /// How it ends its replies; its extensions are above.
    traits: IndexTraits,
    forms: FormTrials,
    /// A thread tries forms of requests.
    is_trying: bool,
    /// It sends something before its first reply.
    greets: bool,
    /// Its replies end with a line `END`.
    has_end_lines: bool,
    /// A row that is no record was reported.
    has_odd_rows: bool,
    connections: Connections,
    /// Other servers have the same records.
    is_replaceable: bool,
    /// How often it did not reply as expected when it was asked for its cluster.
    cluster_failures: u8,
}

/// How many requests a server answers on a connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Connections {
    /// Any number, as far as is known.
    #[default]
    Kept,
    /// It has closed a connection without a reply to the second request, perhaps because of that
    /// request.
    PerhapsOneRequest,
    /// It closes each connection after a reply.
    OneRequest,
    /// It keeps connections, although it has closed one.
    KeptNevertheless,
}

/// Whether a server understands requests with extensions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Extensions {
    /// It has shown nothing yet.
    #[default]
    Unknown,
    /// It has shown one.
    Shown,
    /// It has refused one, or the user excludes them.
    Refused,
}

impl IndexDialect {
    /// A server to which no extension is sent, and that is not probed for extensions.
    pub fn plain() -> Self {
        let shown = Shown { extensions: Extensions::Refused, ..Shown::default() };
        Self { shown: Mutex::new(shown), ..Self::default() }
    }

    /// An unknown server, for whose replies these limits apply.
    pub fn with_limits(limits: limits::IndexClient) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The limits of its replies.
    pub(crate) fn limits(&self) -> &limits::IndexClient {
        &self.limits
    }

    /// Whether it understands requests with extensions.
    pub fn extensions(&self) -> Extensions {
        self.lock().extensions
    }

    /// Whether it has shown an extension.
    pub fn shows_extensions(&self) -> bool {
        self.extensions() == Extensions::Shown
    }

    /// Records that it has shown an extension.
    pub(crate) fn show_extensions(&self) {
        let mut shown = self.lock();
        if shown.extensions == Extensions::Unknown || shown.silent_probes > 0 {
            (shown.extensions, shown.silent_probes) = (Extensions::Shown, 0);
        }
    }

    /// Records that it has refused an extension.
    pub fn refuse_extensions(&self) {
        let mut shown = self.lock();
        (shown.extensions, shown.silent_probes) = (Extensions::Refused, 0);
    }

    /// Records that it did not answer a request with an extension. No extension is sent to it until
    /// [`IndexDialect::ask_again`], and after a second such request none at all.
    pub(crate) fn doubt_extensions(&self) {
        let mut shown = self.lock();
        if shown.extensions != Extensions::Refused {
            shown.extensions = Extensions::Refused;
            shown.silent_probes = shown.silent_probes.saturating_add(1);
        }
    }

    /// Permits a second probe after a lost connection: the server may have been overloaded or
    /// restarted.
    pub(crate) fn ask_again(&self) {
        let mut shown = self.lock();
        if shown.silent_probes == 1 {
            shown.extensions = Extensions::Unknown;
        }
    }

    /// Permits a probe unless a reply has proved that the server knows no extension.
    pub(crate) fn withdraw_doubt(&self) {
        let mut shown = self.lock();
        if shown.silent_probes > 0 {
            shown.extensions = Extensions::Unknown;
        }
    }

    /// Whether the server may know extensions: it has shown none, and no reply has proved that it knows
    /// none.
    pub(crate) fn may_know_extensions(&self) -> bool {
        let shown = self.lock();
        shown.extensions == Extensions::Unknown || shown.silent_probes > 0
    }

    /// The shown properties that decide how a reply ends.
    pub(super) fn traits(&self) -> IndexTraits {
        let shown = self.lock();
        IndexTraits { extensions: shown.extensions == Extensions::Shown, ..shown.traits }
    }

    /// Records the properties that it has shown on a connection.
    pub(super) fn show(&self, found: IndexTraits) {
        if found == IndexTraits::default() {
            return;
        }
        if found.extensions {
            self.show_extensions();
        }
        let traits = &mut self.lock().traits;
        traits.final_lines |= found.final_lines;
        traits.adds_without_record |= found.adds_without_record;
        traits.silent_ends |= found.silent_ends;
    }

    /// Whether it may be asked for its cluster. It is not asked again after two requests without a reply, or after one
    /// other reply than expected.
    pub(crate) fn may_name_cluster(&self) -> bool {
        self.lock().cluster_failures < 2
    }

    /// Records that it has failed when it was asked for its cluster.
    pub(crate) fn doubt_cluster(&self, error: &IndexError) {
        let failures = &mut self.lock().cluster_failures;
        // A server that is restarted may answer later.
        *failures = if error.is_transient() { failures.saturating_add(1) } else { 2 };
    }

    /// Records whether other servers have the same records.
    pub(super) fn set_replaceable(&self, is_replaceable: bool) {
        self.lock().is_replaceable = is_replaceable;
    }

    /// Whether other servers have the same records, so that a silent one is given up sooner.
    pub(super) fn is_replaceable(&self) -> bool {
        self.lock().is_replaceable
    }

    /// Records that it sends a greeting; returns whether that is new.
    pub(super) fn show_greeting(&self) -> bool {
        !std::mem::replace(&mut self.lock().greets, true)
    }

    /// Records that its replies end with a line `END`.
    pub(super) fn show_end_lines(&self) {
        self.lock().has_end_lines = true;
    }

    /// Whether its replies end with a line `END`.
    pub(super) fn has_end_lines(&self) -> bool {
        self.lock().has_end_lines
    }

    /// Records that it sends rows that are no records; returns whether that is new.
    pub(super) fn show_odd_rows(&self) -> bool {
        !std::mem::replace(&mut self.lock().has_odd_rows, true)
    }

    /// Records that the server has closed a connection instead of answering the second request.
    /// Returns whether the peer has to find out if it answers one request on each connection.
    pub(crate) fn suspect_one_request(&self) -> bool {
        let mut shown = self.lock();
        let is_new = shown.connections == Connections::Kept;
        if is_new {
            shown.connections = Connections::PerhapsOneRequest;
        }
        is_new
    }

    /// Whether the peer has to find that out.
    pub(crate) fn is_suspected_of_one_request(&self) -> bool {
        self.lock().connections == Connections::PerhapsOneRequest
    }

    /// Records whether the server closes each connection after a reply.
    pub(crate) fn set_one_request(&self, closes: bool) {
        self.lock().connections =
            if closes { Connections::OneRequest } else { Connections::KeptNevertheless };
    }

    /// Whether it closes each connection after a reply.
    pub(crate) fn answers_one_request(&self) -> bool {
        self.lock().connections == Connections::OneRequest
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        // Each change is one assignment: a poisoned state is whole.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_extension_is_not_used_again() {
        let dialect = IndexDialect::plain();
        dialect.show_extensions();
        dialect.doubt_extensions();
        dialect.ask_again();
        assert_eq!(dialect.extensions(), Extensions::Refused);
    }

    #[test]
    fn a_server_that_was_silent_is_asked_again_on_a_later_connection() {
        let dialect = IndexDialect::default();
        dialect.doubt_extensions();
        assert_eq!(dialect.extensions(), Extensions::Refused);
        dialect.ask_again();
        assert_eq!(dialect.extensions(), Extensions::Unknown);
        // The second time it is not overloaded.
        dialect.doubt_extensions();
        dialect.ask_again();
        assert_eq!(dialect.extensions(), Extensions::Refused);
        // But silence is no proof.
        assert!(dialect.may_know_extensions());
        dialect.withdraw_doubt();
        assert_eq!(dialect.extensions(), Extensions::Unknown);
        dialect.show_extensions();
        dialect.ask_again();
        assert_eq!(dialect.extensions(), Extensions::Shown);
        dialect.refuse_extensions();
        dialect.withdraw_doubt();
        assert!(!dialect.may_know_extensions());
        assert_eq!(dialect.extensions(), Extensions::Refused);
    }
}
