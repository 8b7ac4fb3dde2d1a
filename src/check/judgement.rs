//! A case that has failed, with what a person needs to see why.

use std::process::ExitStatus;

use super::case::Client;
use super::symptom::Symptom;

/// Why a case has failed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    /// What to change.
    pub(crate) hint: &'static str,
    /// What was sent until then, in order: the name of the connection, and the bytes.
    pub(crate) sent: Vec<(char, Vec<u8>)>,
    /// What is accepted, as it would be on the wire. `...` stands for any text.
    pub(crate) expected: String,
    /// The bytes that were received instead.
    pub(crate) received: Vec<u8>,
    /// How the reply or the request differs.
    pub(crate) symptom: Symptom,
    /// The last output of a program that was started for the test.
    pub(crate) output: Vec<u8>,
    /// How this program has ended, if it has.
    pub(crate) ended: Option<ExitStatus>,
}

impl Client {
    pub(super) const fn name(self) -> char {
        match self {
            Self::A => 'A',
            Self::B => 'B',
        }
    }
}

impl Symptom {
    /// What was observed.
    pub(crate) const fn observed(self) -> &'static str {
        match self {
            Self::NotConnected => "no connection was possible",
            Self::Silent => "nothing was received in time",
            Self::Closed => "the connection was closed without a reply",
            Self::CutOff => "the reply began and did not end",
            Self::Unreadable => "the bytes are no reply",
            Self::Status => "another status",
            Self::Missing => "something is missing or different",
            Self::Surplus => "more than what is accepted",
            Self::Order => "another order",
            Self::Form => "another form",
            Self::EndLine => "a line `END` in place of the empty line, or after it",
            Self::Content => "other bytes, or another number of bytes",
            Self::Connection => "the connection was not closed when it should be, or too early",
            Self::NotSeen => "no such request was received",
            Self::Stopped => "no further request was received",
            Self::Ended => "the program has ended",
            Self::Skipped => "the step was skipped",
            Self::NotInMenu => "the menu does not say what to type",
            Self::NotRead => "the connection was closed before all bytes were read",
            Self::NotShown => "the output does not have it",
            Self::NotSaved => "no file has these bytes",
            Self::Saved => "a file without a document",
        }
    }
}
