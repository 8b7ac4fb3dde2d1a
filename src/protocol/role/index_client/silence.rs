//! The meaning of silence within a reply (protocol.md section 4.9).

use std::time::Duration;

use crate::limits;
use crate::protocol::{ReplyForm, ReplyState};

/// The behaviour that an index server has shown, on any connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct IndexTraits {
    /// It has shown an extension.
    pub extensions: bool,
    /// It has sent the final empty line of a reply with records.
    pub final_lines: bool,
    /// It has answered ADD without the final empty line.
    pub adds_without_record: bool,
    /// Silence has ended a reply of it with records that followed the grammar so far.
    pub silent_ends: bool,
}

/// How long silence may last, and its meaning then.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Silence {
    pub(super) allowed: Duration,
    pub(super) then: AfterSilence,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum AfterSilence {
    /// A part of the reply is missing.
    Missing,
    /// The reply is complete.
    Complete,
    /// The reply has ended, as far as can be told.
    PossiblyIncomplete,
}

impl IndexTraits {
    /// Whether the server marks the end of its replies.
    pub(super) fn ends_replies(self) -> bool {
        self.final_lines || self.extensions
    }

    /// The silence that is allowed when a reply has arrived so far.
    pub(super) fn silence(
        self,
        limits: &limits::IndexClient,
        state: ReplyState,
        form: ReplyForm,
    ) -> Silence {
        let whole_reply = Silence { allowed: limits.reply, then: AfterSilence::Missing };
        match (state, form) {
            (ReplyState::Before, _) => whole_reply,
            // The rest of the line may be in a packet that was lost.
            (ReplyState::InRefusal, _) if self.ends_replies() => whole_reply,
            (ReplyState::InRefusal | ReplyState::Refused, _) => {
                Silence { allowed: limits.refusal_rest, then: AfterSilence::Complete }
            }
            (ReplyState::Found { .. }, _) if self.extensions => whole_reply,
            (ReplyState::Found { .. }, ReplyForm::OneRecord) => {
                let allowed = match self.adds_without_record {
                    true => limits.known_silence,
                    false => limits.end_by_silence,
                };
                Silence { allowed, then: AfterSilence::Complete }
            }
            (ReplyState::Found { .. }, ReplyForm::Records) if self.final_lines => whole_reply,
            (ReplyState::Found { is_in_line: true, .. }, ReplyForm::Records) => whole_reply,
            (ReplyState::Found { follows_grammar, .. }, ReplyForm::Records) => {
                let allowed = match follows_grammar && !self.silent_ends {
                    true => limits.end_by_silence_in_grammar,
                    false => limits.end_by_silence,
                };
                Silence { allowed, then: AfterSilence::PossiblyIncomplete }
            }
        }
    }
}

/// The missing part of a reply that has arrived so far.
pub(super) fn expected(state: ReplyState, input: &[u8]) -> &'static str {
    match state {
        ReplyState::Before if input.is_empty() => "a reply",
        ReplyState::Before | ReplyState::InRefusal => "the end of the status line",
        ReplyState::Refused => "the final empty line",
        ReplyState::Found { is_in_line: true, .. } => "the end of a line",
        ReplyState::Found { is_in_line: false, .. } => "the final empty line of the reply",
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
        let new = IndexTraits::default();
        let final_lines = IndexTraits { final_lines: true, ..new };
        let extended = IndexTraits { extensions: true, ..new };
        let silent_ends = IndexTraits { silent_ends: true, ..new };
        let no_record = IndexTraits { adds_without_record: true, ..new };
        for (shown, state, form, milliseconds, then) in [
            (new, ReplyState::Before, list, 30_000, Missing),
            (new, ReplyState::Refused, list, 200, Complete),
            (extended, ReplyState::Refused, add, 200, Complete),
            (new, ReplyState::InRefusal, list, 200, Complete),
            (final_lines, ReplyState::InRefusal, list, 30_000, Missing),
            (extended, ReplyState::InRefusal, add, 30_000, Missing),
            (new, found(false, false), list, 1_000, PossiblyIncomplete),
            (new, found(true, false), list, 5_000, PossiblyIncomplete),
            (silent_ends, found(true, false), list, 1_000, PossiblyIncomplete),
            (new, found(false, true), list, 30_000, Missing),
            (final_lines, found(false, false), list, 30_000, Missing),
            (extended, found(true, false), list, 30_000, Missing),
            (new, found(false, true), add, 1_000, Complete),
            (final_lines, found(true, false), add, 1_000, Complete),
            (no_record, found(true, false), add, 100, Complete),
            (extended, found(true, false), add, 30_000, Missing),
        ] {
            let allowed = Duration::from_millis(milliseconds);
            let found = shown.silence(&limits::IndexClient::DEFAULT, state, form);
            assert_eq!(found, Silence { allowed, then }, "{shown:?} {state:?} {form:?}");
        }
    }
}
