//! Compares a reply with what is accepted.

use super::case::Expected;
use super::reply::{Ending, Reply};
use super::symptom::Symptom;
use super::values::Values;
use super::{document_judge, index_judge};

/// How the reply differs from what is accepted; `None` if it is accepted. `first` is the first
/// document of the case.
pub(super) fn difference(
    expected: &Expected,
    reply: &Reply,
    first: Option<&Reply>,
    values: &Values,
) -> Option<Symptom> {
    match expected {
        Expected::RefusedOrClosed => refused_or_closed(reply),
        Expected::Document(rule) => document_judge::difference(*rule, reply, first),
        // A wrong status says more than what follows it.
        Expected::Status(status) | Expected::RefusedWith(status, _)
            if has_other(reply, *status) =>
        {
            Some(Symptom::Status)
        }
        _ => reply.broken().or_else(|| index_judge::difference(expected, reply, values)),
    }
}

fn has_other(reply: &Reply, status: u16) -> bool {
    reply.status.is_some_and(|found| found != status)
}

fn refused_or_closed(reply: &Reply) -> Option<Symptom> {
    match (reply.status, &reply.ending) {
        (Some(400), _) | (None, Ending::CutOff) => None,
        (Some(_), _) => Some(Symptom::Status),
        (None, _) => reply.broken().or(Some(Symptom::Status)),
    }
}
