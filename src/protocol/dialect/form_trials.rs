//! The order in which the forms of requests are tried at an index server of another program (protocol.md
//! appendix B.7). Each form is tried once.

use super::request_form::RequestForm;

/// What is known of the form that a server reads. Pure: the caller sends the requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct FormTrials {
    current: RequestForm,
    knowledge: Knowledge,
    /// A bit for each form of [`ORDER`] that was tried.
    tried: u32,
    /// Whether a list was returned, or no words for it are left.
    lists: bool,
    /// Whether the server has refused a form by 400: it replies.
    replies: bool,
    /// Whether a server that replies did not reply to a form without an empty line: it waits for that line.
    waits_for_empty_line: bool,
    /// Whether the form without an empty line was tried because more than a reply came.
    is_shortened: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Knowledge {
    #[default]
    Unknown,
    /// A request in the current form was answered.
    Answered,
    /// No form was answered.
    Exhausted,
}

/// Why a form is given up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FormFailure {
    /// There was no reply in time.
    Silence,
    /// The connection was closed without a reply.
    Close,
    /// The reply was 400.
    Refusal,
}

/// All forms, each with the bit of its place.
const ORDER: [RequestForm; 14] = [
    RequestForm::CRLF,
    RequestForm::LF,
    OTHER_LISTS[0][0],
    OTHER_LISTS[1][0],
    OTHER_LISTS[0][1],
    OTHER_LISTS[1][1],
    RequestForm::CRLF_NO_EMPTY_LINE,
    RequestForm::LF_NO_EMPTY_LINE,
    RequestForm::CRLF_NO_LINE_END,
    RequestForm::LF_NO_LINE_END,
    RequestForm::END,
    RequestForm::CONNECT,
    RequestForm::HOST_AND_PORT,
    RequestForm::PADDED,
];

const OTHER_LISTS: [[RequestForm; 2]; 2] =
    [RequestForm::LF.other_lists(), RequestForm::CRLF.other_lists()];

/// After silence the server may wait for more.
const AFTER_SILENCE: [RequestForm; 10] = [
    RequestForm::CRLF,
    RequestForm::LF,
    RequestForm::END,
    RequestForm::CONNECT,
    RequestForm::HOST_AND_PORT,
    RequestForm::CRLF_NO_EMPTY_LINE,
    RequestForm::LF_NO_EMPTY_LINE,
    RequestForm::CRLF_NO_LINE_END,
    RequestForm::LF_NO_LINE_END,
    RequestForm::PADDED,
];

impl FormTrials {
    /// The form of the next request.
    pub fn current(&self) -> RequestForm {
        self.current
    }

    /// Whether no other form of lines is tried: a request was answered, or all forms were tried.
    pub fn is_known(&self) -> bool {
        self.knowledge != Knowledge::Unknown
    }

    /// Whether other forms are tried after 400 to `LIST ALL`.
    pub fn doubts_list(&self) -> bool {
        !self.lists && self.knowledge != Knowledge::Exhausted
    }

    /// A request in this form was answered by 200 or 404.
    pub fn confirm(&mut self, form: RequestForm) {
        if form == self.current {
            self.knowledge = Knowledge::Answered;
        }
    }

    /// The server has returned a list to a request in this form.
    pub fn confirm_list(&mut self, form: RequestForm) {
        self.confirm(form);
        self.lists |= form == self.current;
    }

    /// The reply to this form was 505. Returns whether the request is to be sent again with other line ends.
    /// Several connections may have sent the same form.
    pub fn other_version(&mut self, refused: RequestForm) -> bool {
        let has_tried = self.is_tried(RequestForm::LF);
        self.mark(refused);
        match (self.current, refused) {
            (RequestForm::CRLF, RequestForm::CRLF) if !has_tried => {
                self.current = RequestForm::LF;
                true
            }
            // Another connection has changed them.
            (RequestForm::LF, RequestForm::CRLF) => true,
            (RequestForm::LF, RequestForm::LF) => {
                self.current = RequestForm::CRLF;
                false
            }
            _ => false,
        }
    }

    /// The form to be tried next after this one has failed, if one has; `None` if none is left, or the form
    /// is known by now.
    pub fn next(
        &mut self,
        failed: Option<RequestForm>,
        failure: FormFailure,
    ) -> Option<RequestForm> {
        failed.into_iter().for_each(|form| self.mark(form));
        self.replies |= failure == FormFailure::Refusal;
        self.waits_for_empty_line |= self.replies
            && failure == FormFailure::Silence
            && failed.is_some_and(|form| !form.has_empty_line());
        if self.knowledge != Knowledge::Unknown {
            return self.next_list();
        }
        let order: &[RequestForm] = match failure {
            FormFailure::Silence if !self.replies => &AFTER_SILENCE,
            FormFailure::Silence | FormFailure::Close | FormFailure::Refusal => &ORDER,
        };
        let is_left = |form: &RequestForm| {
            !self.is_tried(*form) && (form.has_empty_line() || !self.waits_for_empty_line)
        };
        let next = order.iter().copied().find(is_left);
        if next.is_none() {
            self.knowledge = Knowledge::Exhausted;
            self.current = RequestForm::CRLF;
        }
        next
    }

    /// Other words for `LIST ALL`, where requests in these lines are answered.
    fn next_list(&mut self) -> Option<RequestForm> {
        if !self.replies || !self.doubts_list() {
            return None;
        }
        let next = self.current.other_lists().into_iter().find(|&form| !self.is_tried(form));
        if next.is_none() {
            self.lists = true;
            self.current = self.current.with_list_all();
        }
        next
    }

    /// A list was returned, or reported as empty, to a request in this form.
    pub fn adopt(&mut self, form: RequestForm) {
        (self.current, self.knowledge, self.lists) = (form, Knowledge::Answered, true);
    }

    /// More than a reply came after a request in this form: the server may have taken the empty line for
    /// another request. Returns whether the form without it is to be tried; that is done once.
    pub fn shorten(&mut self, form: RequestForm) -> bool {
        if form != self.current || std::mem::replace(&mut self.is_shortened, true) {
            return false;
        }
        let Some(shorter) = form.without_empty_line() else { return false };
        (self.current, self.knowledge, self.tried) = (shorter, Knowledge::Unknown, 0);
        true
    }

    /// The forms that were tried, for messages, if no request was answered.
    pub fn exhausted(&self) -> Option<String> {
        (self.knowledge == Knowledge::Exhausted).then(|| {
            let tried = ORDER.iter().filter(|&&form| self.is_tried(form));
            tried.map(ToString::to_string).collect::<Vec<_>>().join("; ")
        })
    }

    fn is_tried(&self, form: RequestForm) -> bool {
        self.tried & bit(form) != 0
    }

    fn mark(&mut self, form: RequestForm) {
        self.tried |= bit(form);
    }
}

fn bit(form: RequestForm) -> u32 {
    ORDER.iter().position(|&one| one == form).map_or(1 << ORDER.len(), |at| 1 << at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All forms that are tried while each fails in this way.
    fn all(failure: FormFailure) -> (FormTrials, Vec<RequestForm>) {
        let (mut trials, mut found) = (FormTrials::default(), vec![RequestForm::default()]);
        while let Some(next) = trials.next(found.last().copied(), failure) {
            found.push(next);
        }
        (trials, found)
    }

    #[test]
    fn each_form_is_tried_once() {
        let (trials, found) = all(FormFailure::Close);
        assert_eq!(found, ORDER);
        assert_eq!(trials.current(), RequestForm::default());
        assert!(trials.is_known() && !trials.doubts_list());
        assert!(trials.exhausted().unwrap().starts_with("CRLF and an empty line; LF and an "));
        let (_, found) = all(FormFailure::Silence);
        assert_eq!(found, AFTER_SILENCE);
        let (mut trials, _) = all(FormFailure::Refusal);
        assert_eq!(trials.next(Some(RequestForm::default()), FormFailure::Silence), None);
    }

    /// A server that waits for an empty line refuses some forms, and does not reply to others. Only the first of
    /// these is tried.
    #[test]
    fn silence_without_an_empty_line_excludes_other_forms_without_one() {
        let mut trials = FormTrials::default();
        let mut next = trials.next(Some(RequestForm::CRLF), FormFailure::Refusal);
        let mut found = vec![RequestForm::CRLF];
        while let Some(form) = next {
            found.push(form);
            let failure = match form.has_empty_line() {
                true => FormFailure::Refusal,
                false => FormFailure::Silence,
            };
            next = trials.next(Some(form), failure);
        }
        let first_without = RequestForm::CRLF_NO_EMPTY_LINE;
        let expected: Vec<_> = ORDER
            .into_iter()
            .filter(|&form| form.has_empty_line() || form == first_without)
            .collect();
        assert_eq!(found, expected);
    }

    /// A server that was silent once may need the line `END`.
    #[test]
    fn silence_after_a_refusal_does_not_change_the_order() {
        let mut trials = FormTrials::default();
        trials.next(Some(RequestForm::CRLF), FormFailure::Refusal);
        let next = trials.next(Some(RequestForm::LF), FormFailure::Silence);
        assert_eq!(next, Some(OTHER_LISTS[0][0]));
    }

    #[test]
    fn an_answered_form_stays() {
        let mut trials = FormTrials::default();
        let next = trials.next(Some(RequestForm::default()), FormFailure::Silence).unwrap();
        assert_eq!(next, RequestForm::LF);
        // The reply to a request of another connection.
        trials.confirm(next);
        assert!(!trials.is_known());
        trials.adopt(next);
        assert!(trials.is_known() && trials.exhausted().is_none());
        assert_eq!(trials.next(Some(next), FormFailure::Silence), None);
        assert_eq!(trials.current(), next);
    }

    #[test]
    fn other_words_for_a_list() {
        let mut trials = FormTrials::default();
        trials.confirm(RequestForm::default());
        let [list, joined] = RequestForm::CRLF.other_lists();
        assert_eq!(trials.next(Some(RequestForm::default()), FormFailure::Refusal), Some(list));
        assert_eq!(trials.next(Some(list), FormFailure::Refusal), Some(joined));
        assert_eq!(trials.next(Some(joined), FormFailure::Refusal), None);
        assert!(!trials.doubts_list());
        assert_eq!(trials.current(), RequestForm::default());
    }

    #[test]
    fn other_line_ends_are_tried_once_after_505() {
        let mut trials = FormTrials::default();
        let first = trials.current();
        assert!(trials.other_version(first));
        // Another request was sent before that.
        assert!(trials.other_version(first));
        let second = trials.current();
        assert_eq!(second, RequestForm::LF);
        assert!(!trials.other_version(second));
        assert!(!trials.other_version(second));
        assert!(!trials.other_version(first));
        assert_eq!(trials.current(), first);
    }

    #[test]
    fn the_empty_line_is_omitted_once() {
        let mut trials = FormTrials::default();
        let first = trials.current();
        trials.confirm(first);
        assert!(trials.shorten(first));
        let shorter = trials.current();
        assert_eq!(shorter, RequestForm::CRLF_NO_EMPTY_LINE);
        assert!(!trials.is_known());
        // It was not understood.
        assert_eq!(trials.next(Some(shorter), FormFailure::Silence), Some(first));
        trials.adopt(first);
        assert!(!trials.shorten(first));
    }
}
