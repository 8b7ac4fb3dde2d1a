//! What is known of an index server that may be another program (protocol.md sections 4.9 and 8.5).
//!
//! Nothing beyond the handout is sent to a server before it has shown that it knows an extension,
//! and a reply without an end of its own ends after a silence that depends on what the server has
//! shown.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::limits;
use crate::protocol::{ReplyForm, ReplyState};

/// What an index server has shown of itself. All connections of a program to it share this.
#[derive(Debug, Default)]
pub struct IndexDialect(Mutex<Shown>);

#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    extensions: Extensions,
    /// How often it did not answer the request that asks for an extension, perhaps for another
    /// reason: then extensions count as refused although it has refused none.
    silent_probes: u8,
    /// It sends the final empty line of replies.
    final_lines: bool,
    /// It answers ADD without repeating the record.
    adds_without_record: bool,
    line_ends: LineEnds,
    /// It sends something before its first reply.
    greets: bool,
    connections: Connections,
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
    /// It does not, although it has closed one.
    KeptAllTheSame,
}

/// Whether a server understands requests with extensions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Extensions {
    /// It has shown nothing yet.
    #[default]
    Unknown,
    /// It has shown one.
    Shown,
    /// It has refused one, or they are not to be used.
    Refused,
}

/// How the lines of requests end.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum LineEnds {
    #[default]
    CrLf,
    /// After a 505 to CRLF.
    Lf,
    /// LF was answered by 505, too.
    CrLfAgain,
}

impl LineEnds {
    /// Requests with these line ends.
    pub(crate) fn apply(self, mut requests: Vec<u8>) -> Vec<u8> {
        if self == Self::Lf {
            // No value of a request can hold a carriage return.
            requests.retain(|&byte| byte != b'\r');
        }
        requests
    }
}

/// What silence within a reply means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Silence {
    /// How long it may last.
    pub(crate) allowed: Duration,
    /// What it means then.
    pub(crate) then: AfterSilence,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AfterSilence {
    /// Part of the reply is missing.
    Missing,
    /// The reply is complete.
    Complete,
    /// The reply has ended, as far as can be told.
    PossiblyIncomplete,
}

impl IndexDialect {
    /// A server to which no extension is sent, and that is not asked whether it knows one.
    pub fn plain() -> Self {
        Self(Mutex::new(Shown { extensions: Extensions::Refused, ..Shown::default() }))
    }

    /// Whether it understands requests with extensions.
    pub fn extensions(&self) -> Extensions {
        self.lock().extensions
    }

    /// Whether it has shown an extension.
    pub fn shows_extensions(&self) -> bool {
        self.extensions() == Extensions::Shown
    }

    /// Remembers that it has shown an extension. That ends a doubt.
    pub(crate) fn show_extensions(&self) {
        let mut shown = self.lock();
        if shown.extensions == Extensions::Unknown || shown.silent_probes > 0 {
            (shown.extensions, shown.silent_probes) = (Extensions::Shown, 0);
        }
    }

    /// Remembers that it has refused one.
    pub fn refuse_extensions(&self) {
        let mut shown = self.lock();
        (shown.extensions, shown.silent_probes) = (Extensions::Refused, 0);
    }

    /// Remembers that it did not answer a request with one: none is sent to it until
    /// [`IndexDialect::ask_again`], and after a second such request none at all.
    pub(crate) fn doubt_extensions(&self) {
        let mut shown = self.lock();
        if shown.extensions != Extensions::Refused {
            shown.extensions = Extensions::Refused;
            shown.silent_probes = shown.silent_probes.saturating_add(1);
        }
    }

    /// A connection was lost, so the server may have been overloaded or restarted: the first doubt
    /// ends.
    pub(crate) fn ask_again(&self) {
        let mut shown = self.lock();
        if shown.silent_probes == 1 {
            shown.extensions = Extensions::Unknown;
        }
    }

    /// Remembers that it sends the final empty line of replies.
    pub(crate) fn show_final_lines(&self) {
        self.lock().final_lines = true;
    }

    /// Whether the end of its replies can be seen.
    pub(crate) fn ends_replies(&self) -> bool {
        let shown = self.lock();
        shown.final_lines || shown.extensions == Extensions::Shown
    }

    /// Remembers that a reply to ADD held no record.
    pub(crate) fn show_add_without_record(&self) {
        self.lock().adds_without_record = true;
    }

    /// Remembers that it greets; returns whether that is new.
    pub(crate) fn show_greeting(&self) -> bool {
        !std::mem::replace(&mut self.lock().greets, true)
    }

    /// The server has closed a connection instead of a reply to the second request: whether it is
    /// to be found out if it answers one on each.
    pub(crate) fn suspect_one_request(&self) -> bool {
        let mut shown = self.lock();
        let is_new = shown.connections == Connections::Kept;
        if is_new {
            shown.connections = Connections::PerhapsOneRequest;
        }
        is_new
    }

    /// Whether that is being found out.
    pub(crate) fn is_suspected_of_one_request(&self) -> bool {
        self.lock().connections == Connections::PerhapsOneRequest
    }

    /// Remembers whether the server closes each connection after a reply.
    pub(crate) fn set_one_request(&self, closes: bool) {
        self.lock().connections =
            if closes { Connections::OneRequest } else { Connections::KeptAllTheSame };
    }

    /// Whether it closes each connection after a reply.
    pub(crate) fn answers_one_request(&self) -> bool {
        self.lock().connections == Connections::OneRequest
    }

    /// How the lines of requests to this server end.
    pub(crate) fn line_ends(&self) -> LineEnds {
        self.lock().line_ends
    }

    /// After a 505 to a request with these line ends: whether the request is to be sent again, with
    /// other ones. Requests on several connections may have been refused for the same line ends.
    pub(crate) fn change_line_ends(&self, refused: LineEnds) -> bool {
        let mut shown = self.lock();
        shown.line_ends = match (shown.line_ends, refused) {
            (LineEnds::CrLf | LineEnds::Lf, LineEnds::CrLf) => LineEnds::Lf,
            (_, LineEnds::Lf | LineEnds::CrLfAgain) | (LineEnds::CrLfAgain, _) => {
                LineEnds::CrLfAgain
            }
        };
        shown.line_ends == LineEnds::Lf
    }

    /// How long silence may last when a reply has arrived so far.
    pub(crate) fn silence(&self, state: ReplyState, form: ReplyForm) -> Silence {
        silence(*self.lock(), state, form)
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        // Each change is one assignment: a poisoned state is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn silence(shown: Shown, state: ReplyState, form: ReplyForm) -> Silence {
    let whole_reply = Silence { allowed: limits::INDEX_REPLY, then: AfterSilence::Missing };
    let shows_extension = shown.extensions == Extensions::Shown;
    match (state, form) {
        (ReplyState::Before, _) => whole_reply,
        (ReplyState::Refused, _) => {
            Silence { allowed: limits::REFUSAL_REST, then: AfterSilence::Complete }
        }
        (ReplyState::Found { .. }, _) if shows_extension => whole_reply,
        (ReplyState::Found { .. }, ReplyForm::OneRecord) => {
            let allowed = match shown.adds_without_record {
                true => limits::KNOWN_SILENCE,
                false => limits::END_BY_SILENCE,
            };
            Silence { allowed, then: AfterSilence::Complete }
        }
        (ReplyState::Found { .. }, ReplyForm::Records) if shown.final_lines => whole_reply,
        (ReplyState::Found { is_in_line: true, .. }, ReplyForm::Records) => whole_reply,
        (ReplyState::Found { follows_grammar, .. }, ReplyForm::Records) => {
            let allowed = match follows_grammar {
                true => limits::END_BY_SILENCE_IN_GRAMMAR,
                false => limits::END_BY_SILENCE,
            };
            Silence { allowed, then: AfterSilence::PossiblyIncomplete }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_means_what_the_server_has_shown() {
        use AfterSilence::{Complete, Missing, PossiblyIncomplete};
        let found = |follows_grammar, is_in_line| ReplyState::Found { follows_grammar, is_in_line };
        let (list, add) = (ReplyForm::Records, ReplyForm::OneRecord);
        let new = Shown::default();
        let final_lines = Shown { final_lines: true, ..new };
        let extended = Shown { extensions: Extensions::Shown, ..new };
        let no_record = Shown { adds_without_record: true, ..new };
        for (shown, state, form, milliseconds, then) in [
            (new, ReplyState::Before, list, 30_000, Missing),
            (new, ReplyState::Refused, list, 200, Complete),
            (extended, ReplyState::Refused, add, 200, Complete),
            (new, found(false, false), list, 1_000, PossiblyIncomplete),
            (new, found(true, false), list, 5_000, PossiblyIncomplete),
            (new, found(false, true), list, 30_000, Missing),
            (final_lines, found(false, false), list, 30_000, Missing),
            (extended, found(true, false), list, 30_000, Missing),
            (new, found(false, true), add, 1_000, Complete),
            (final_lines, found(true, false), add, 1_000, Complete),
            (no_record, found(true, false), add, 100, Complete),
            (extended, found(true, false), add, 30_000, Missing),
        ] {
            let allowed = Duration::from_millis(milliseconds);
            let found = silence(shown, state, form);
            assert_eq!(found, Silence { allowed, then }, "{shown:?} {state:?} {form:?}");
        }
    }

    #[test]
    fn other_line_ends_are_tried_once() {
        let dialect = IndexDialect::default();
        let first = dialect.line_ends();
        assert_eq!(first.apply(b"a\r\n\r\n".to_vec()), b"a\r\n\r\n");
        assert!(dialect.change_line_ends(first));
        // Another request was sent before that.
        assert!(dialect.change_line_ends(first));
        let second = dialect.line_ends();
        assert_eq!(second.apply(b"a\r\n\r\n".to_vec()), b"a\n\n");
        assert!(!dialect.change_line_ends(second));
        assert!(!dialect.change_line_ends(second));
        assert!(!dialect.change_line_ends(first));
        assert_eq!(dialect.line_ends().apply(b"a\r\n".to_vec()), b"a\r\n");
    }

    #[test]
    fn what_was_refused_is_not_used_again() {
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
        dialect.show_extensions();
        dialect.ask_again();
        assert_eq!(dialect.extensions(), Extensions::Shown);
    }
}
