//! The form of requests that an index server has shown to read (protocol.md appendix B.7).

use super::{Extensions, IndexDialect};
use crate::discovery::index_error::IndexError;
use crate::error_chain::error_chain;
use crate::protocol::dialect::{FormFailure, RequestForm};

impl IndexDialect {
    /// The form of requests to this server, on new connections.
    pub(crate) fn form(&self) -> RequestForm {
        self.lock().forms.current()
    }

    /// Whether the form is known: a request was answered, or all forms were tried.
    pub(crate) fn knows_form(&self) -> bool {
        self.lock().forms.is_known()
    }

    /// Whether all forms were tried, and no request was answered.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.lock().forms.exhausted().is_some()
    }

    /// Whether other forms are tried after 400 to LIST.
    pub(crate) fn doubts_list(&self) -> bool {
        self.lock().forms.doubts_list()
    }

    /// Records that a request in this form was answered by 200 or 404.
    pub(crate) fn confirm_form(&self, form: RequestForm) {
        self.lock().forms.confirm(form);
    }

    /// Records that a LIST in this form was answered by 200 or 404.
    pub(crate) fn confirm_list(&self, form: RequestForm) {
        self.lock().forms.confirm_list(form);
    }

    /// Why the form of a request may be the reason of this error, if other forms are left.
    pub(crate) fn form_failure(&self, error: &IndexError) -> Option<FormFailure> {
        if self.knows_form() {
            return None;
        }
        match error {
            IndexError::Silent { .. } | IndexError::Unfinished { .. } => Some(FormFailure::Silence),
            IndexError::Lost { .. } => Some(FormFailure::Close),
            _ => None,
        }
    }

    /// The form to be tried after this one has failed, if one has; `None` if none is left or another thread has found
    /// one.
    pub(crate) fn next_form(
        &self,
        failed: Option<RequestForm>,
        failure: FormFailure,
    ) -> Option<RequestForm> {
        self.lock().forms.next(failed, failure)
    }

    /// Uses this form from now on: a list was returned.
    pub(crate) fn adopt_form(&self, form: RequestForm) {
        let mut shown = self.lock();
        shown.forms.adopt(form);
        if !form.follows_grammar() && shown.extensions != Extensions::Shown {
            // A server that knows extensions reads the form of the grammar.
            (shown.extensions, shown.silent_probes) = (Extensions::Refused, 0);
        }
    }

    /// Records that more than a reply came after a request in this form. Returns whether requests have
    /// another form now.
    pub(crate) fn shorten_form(&self, form: RequestForm) -> bool {
        self.lock().forms.shorten(form)
    }

    /// Records a 505 to a request in this form. Returns whether the request is to be sent again, in another
    /// form.
    pub(crate) fn change_line_ends(&self, refused: RequestForm) -> bool {
        self.lock().forms.other_version(refused)
    }

    /// Adds to an error which forms were tried, if no request was answered in any.
    pub(crate) fn with_tried_forms(&self, error: IndexError) -> IndexError {
        match (error, self.lock().forms.exhausted()) {
            (
                error @ (IndexError::Silent { .. }
                | IndexError::Unfinished { .. }
                | IndexError::Lost { .. }),
                Some(tried),
            ) => {
                let reason = error_chain(&error);
                IndexError::NoForm { reason, is_transient: error.is_transient(), tried }
            }
            (error, _) => error,
        }
    }
}
