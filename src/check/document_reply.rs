//! Reads a reply of an upload server with the role of a client, which accepts the forms of
//! protocol.md section 5.4.

use std::time::Duration;

use super::link::{Arrival, Link};
use super::reply::{Ending, Reply};
use crate::protocol::Status;
use crate::protocol::role::{DocumentClient, DocumentEnd, DocumentMeaning};

/// Bytes of a document that are read. The rest of a longer one is not.
const LONGEST: usize = 64 * 1024 * 1024;
/// Time in which a reply must begin.
const REPLY: Duration = Duration::from_secs(3);

/// Reads one reply.
pub(super) fn read(link: &mut Link, role: &mut DocumentClient) -> Reply {
    role.expect_reply();
    let mut reply = Reply::default();
    let begun = link.now();
    loop {
        let event = match role.next(&link.input) {
            Some(event) => event,
            None => {
                let until = reply.status.is_none().then(|| begun.saturating_add(REPLY));
                match link.receive(until) {
                    Arrival::Bytes(_) => continue,
                    Arrival::End => role.on_end(&link.input),
                    Arrival::Nothing => {
                        let rest = link.take(usize::MAX);
                        reply.raw.extend(rest);
                        reply.ending = Ending::Late;
                        return reply;
                    }
                }
            }
        };
        let used = link.take(event.used);
        reply.ending = match event.meaning {
            DocumentMeaning::Head(head) => {
                let status = head.content_range.map_or(Status::Ok, |_| Status::PartialContent);
                (reply.status, reply.head) = (Some(status.code()), Some(head));
                reply.raw.extend(used);
                continue;
            }
            DocumentMeaning::Bytes(_) if reply.body.len() < LONGEST => {
                reply.body.extend(used);
                continue;
            }
            DocumentMeaning::End(DocumentEnd::Complete) => Ending::Complete,
            DocumentMeaning::End(DocumentEnd::Close) => Ending::Close,
            DocumentMeaning::End(DocumentEnd::WithoutFirst(first)) => {
                reply.body.splice(0..0, first);
                Ending::Close
            }
            DocumentMeaning::End(DocumentEnd::CountsHead(_)) => Ending::CutOff,
            DocumentMeaning::Refused(refusal) => {
                reply.status = Some(Status::Refused(refusal).code());
                reply.raw.extend(used);
                Ending::Complete
            }
            DocumentMeaning::Fault(_) | DocumentMeaning::Surplus => {
                reply.raw.extend(used);
                let rest = link.take(usize::MAX);
                reply.raw.extend(rest);
                Ending::Unreadable
            }
            DocumentMeaning::Truncated(_) | DocumentMeaning::Bytes(_) => Ending::CutOff,
            DocumentMeaning::NoReply | DocumentMeaning::Closed => Ending::CutOff,
        };
        return reply;
    }
}

/// Reads after a document until the connection is closed, for at most 2 s.
pub(super) fn read_to_close(link: &mut Link, reply: &mut Reply) {
    let until = link.now().saturating_add(Duration::from_secs(2));
    reply.surplus += link.take(usize::MAX).len();
    while reply.surplus < LONGEST {
        match link.receive(Some(until)) {
            Arrival::Bytes(_) => {}
            Arrival::End => {
                reply.is_closed = true;
                return;
            }
            Arrival::Nothing => return,
        }
        reply.surplus += link.take(usize::MAX).len();
    }
}
