//! What a case has not accepted, and which hint fits it best.

use super::case::Case;
use super::symptom::Symptom;

/// What was not accepted.
pub(super) struct Difference {
    pub(super) symptom: Symptom,
    pub(super) expected: String,
    pub(super) received: Vec<u8>,
    /// The hint, if it is not the hint of the case.
    pub(super) hint: Option<&'static str>,
    /// Whether nothing has ever been received on this connection while the other one was open.
    pub(super) is_second_silent: bool,
}

const ADD_FAILED: &str = "an ADD has failed that must succeed before this case can test its rule: see the \
                          cases add-status and add-record first";

const SECOND_SILENT: &str = "there is no reply on a second connection while the first one is open: serve each \
                             connection in a thread of its own, and accept in a loop";

impl Difference {
    /// The same for an ADD that is not what the case tests.
    pub(super) fn of_add(self) -> Self {
        let hint = (!self.is_second_silent).then_some(ADD_FAILED);
        Self { hint, ..self }
    }

    /// What to change.
    pub(super) fn hint_of(&self, case: &Case) -> &'static str {
        let own = self.hint.or(case.own_hint(self.symptom));
        let of_second = self.is_second_silent.then_some(SECOND_SILENT);
        own.or(of_second).unwrap_or(self.symptom.hint())
    }
}
