//! The form of requests that an index server has shown to read (protocol.md appendix B.7).

use std::sync::PoisonError;

use super::{Extensions, IndexDialect};
use crate::discovery::index_error::IndexError;
use crate::error_chain::error_chain;
use crate::limits;
use crate::net::Cancel;
use crate::protocol::dialect::{FormFailure, RequestForm};

/// The right to try forms of requests, of one thread at a time.
pub(crate) struct Trial<'a>(&'a IndexDialect);

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.0.lock().is_trying = false;
        self.0.trial_ended.notify_all();
    }
}

impl IndexDialect {
    /// Waits until no other thread tries forms; `None` if that is cancelled. The other threads then use what
    /// this one has found.
    pub(crate) fn begin_trial(&self, cancel: &Cancel) -> Option<Trial<'_>> {
        let mut shown = self.lock();
        while shown.is_trying {
            if cancel.is_cancelled() {
                return None;
            }
            let waited = self.trial_ended.wait_timeout(shown, limits::INTERRUPT_POLL);
            shown = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        shown.is_trying = true;
        Some(Trial(self))
    }

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

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn one_thread_tries_forms_at_a_time() {
        let (dialect, cancel) = (IndexDialect::default(), Cancel::new());
        let first = dialect.begin_trial(&cancel);
        thread::scope(|scope| {
            let second = scope.spawn(|| dialect.begin_trial(&cancel).is_some());
            dialect.adopt_form(RequestForm::default());
            drop(first);
            assert!(second.join().unwrap());
        });
        let _third = dialect.begin_trial(&cancel);
        cancel.cancel();
        assert!(dialect.begin_trial(&cancel).is_none());
    }
}
