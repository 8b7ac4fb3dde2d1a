//! The requests of a connection and their replies.

use super::reply::Reply;
use crate::transcript::Part;

/// A request and its reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange {
    /// The request in a few words.
    pub(crate) request: String,
    pub(crate) reply: Option<Reply>,
    /// Replies after it that no request has.
    pub(super) surplus: Vec<Reply>,
}

/// The exchanges of a connection, in their order.
#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    list: Vec<Exchange>,
    /// How many requests have been answered.
    answered: usize,
    /// The reply that has begun.
    current: Option<Reply>,
}

impl Exchanges {
    /// Adds what follows on the connection.
    pub(super) fn add(&mut self, parts: Vec<Part>) {
        for part in parts {
            match part {
                Part::Request(request) => {
                    self.list.push(Exchange { request, ..Exchange::default() });
                }
                Part::End { has_request } => self.end(has_request),
                part => self.current.get_or_insert_default().add(part),
            }
        }
    }

    fn end(&mut self, has_request: bool) {
        let Some(reply) = self.current.take() else { return };
        if !has_request {
            if let Some(last) = self.list.last_mut() {
                last.surplus.push(reply);
            }
        } else if let Some(exchange) = self.list.get_mut(self.answered) {
            exchange.reply = Some(reply);
            self.answered += 1;
        }
    }

    /// How many requests have been answered to the end.
    pub(super) fn answered(&self) -> usize {
        self.answered
    }

    /// How many replies have begun, and whether the last one has not ended.
    pub(super) fn begun(&self) -> (usize, bool) {
        let is_open = self.current.is_some();
        (self.answered + usize::from(is_open), is_open)
    }

    /// The connection is over. Lines after the last reply, such as padding, belong to it.
    pub(super) fn finish(mut self) -> Vec<Exchange> {
        if let Some(rest) = self.current.take() {
            let is_reply = rest.status.is_some() || !rest.other.is_empty();
            if is_reply && self.answered < self.list.len() {
                self.current = Some(rest);
                self.end(true);
            } else if let Some(reply) = self.list.last_mut().and_then(|last| last.reply.as_mut()) {
                reply.lines.extend(rest.lines);
            }
        }
        self.list
    }
}
