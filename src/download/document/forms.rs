//! Which form of a GET is tried next at a holder that has not understood one (protocol.md section 5.4).

use super::candidates::{Ask, Candidate};
use super::download::Download;
use crate::download::model::{GetForm, TransferError};
use crate::net::Provenance;
use crate::protocol::{Document, Refusal, Status};

impl Download<'_> {
    /// Sets the form in which the holder is asked next; `false` if none is left, or the holder may not be
    /// asked again.
    ///
    /// A holder that has never replied in this protocol may be the victim of a false record. Only one
    /// that the user has named is asked in several forms (protocol.md section 9).
    pub(super) fn try_another_form(
        &self,
        candidate: &mut Candidate<'_>,
        error: &TransferError,
    ) -> bool {
        let (stats, holder) = (&self.admission.stats, &candidate.source.holder);
        let is_rfc = matches!(self.request.document, Document::Rfc(_));
        // Another download has found the form meanwhile.
        if let Some(form) = stats.plain_form(holder)
            && (candidate.ask, candidate.form) != (Ask::Plain, form)
            && candidate.forms.is_none()
        {
            (candidate.ask, candidate.form) = (Ask::Plain, form);
            return true;
        }
        if !is_rfc || stats.is_proven(holder) {
            return false;
        }
        let is_named =
            candidate.source.provenance == Provenance::User && self.request.sources.len() == 1;
        let is_silence = matches!(error, TransferError::Silent(_));
        let order = match error {
            TransferError::Refused(Status::Refused(
                Refusal::BadRequest | Refusal::VersionNotSupported,
            )) => GetForm::AFTER_REFUSAL,
            error if is_named && error.may_refuse_extensions() => GetForm::AFTER_REFUSAL,
            TransferError::Silent(_) if is_named => GetForm::AFTER_SILENCE,
            _ => return false,
        };
        let left = match candidate.forms {
            // A program that has replied to one form, and not to another, knows none of the rest.
            Some((first, _)) if is_silence && first != GetForm::AFTER_SILENCE => return false,
            Some((first, tried)) => (first, tried),
            None if !stats.begin_forms(holder) => return false,
            None => (order, 0),
        };
        let is_plain = candidate.ask == Ask::Plain;
        // A version that was read with its carriage return.
        let is_version =
            matches!(error, TransferError::Refused(Status::Refused(Refusal::VersionNotSupported)));
        let (order, mut tried) = left;
        while let Some(&form) = order.get(tried) {
            tried += 1;
            let was_tried = is_plain && form == candidate.form;
            let is_refused = is_version && form == GetForm::Grammar;
            if !was_tried && !is_refused {
                (candidate.ask, candidate.form) = (Ask::Plain, form);
                candidate.forms = Some((order, tried));
                return true;
            }
        }
        false
    }
}
