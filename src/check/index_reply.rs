//! Reads a reply of an index server with the role of a peer, which accepts the forms of
//! protocol.md section 4.9.

use std::time::Duration;

use super::link::{Arrival, Link};
use super::reply::{Ending, Reply};
use crate::limits;
use crate::protocol::role::{IndexClient, IndexTraits, ReplyEnd, ReplyMeaning};
use crate::protocol::{
    IndexReplyDecoder, ReplyForm, ReplyPart, Status, encode_attribute, encode_record,
};

/// Time in which a reply must begin.
const REPLY: Duration = Duration::from_secs(3);
/// Silence that ends a reply without an end of its own.
const SILENCE: Duration = Duration::from_millis(500);
/// Bytes of a reply that are kept. A list may be long.
const KEPT: usize = 4 * 1024 * 1024;

/// The role for a new connection.
pub(super) fn role() -> IndexClient {
    let limits = limits::IndexClient {
        reply: REPLY,
        reply_after_greeting: Duration::from_secs(1),
        end_by_silence: SILENCE,
        end_by_silence_in_grammar: SILENCE,
        ..limits::IndexClient::DEFAULT
    };
    IndexClient::with_limits(IndexReplyDecoder::after_greeting(), limits)
}

/// Reads one reply.
pub(super) fn read(link: &mut Link, role: &mut IndexClient) -> Reply {
    role.expect(ReplyForm::Records, link.now());
    let mut reply = Reply::default();
    loop {
        let now = link.now();
        let event = match role.next(&link.input, || now) {
            Some(event) => event,
            None => {
                let until = role.wait(&link.input, IndexTraits::default(), now);
                let arrival = link.receive(until);
                let now = link.now();
                let event = match arrival {
                    Arrival::Bytes(count) => role.received(count, now),
                    Arrival::End => Some(role.on_end(&link.input, now)),
                    Arrival::Nothing if link.is_over() => return late(link, reply),
                    Arrival::Nothing => role.on_timeout(&link.input, now),
                };
                let Some(event) = event else { continue };
                event
            }
        };
        let used = link.take(event.used);
        let is_first = matches!(event.meaning, ReplyMeaning::Part(_)) && reply.status.is_none();
        if is_first {
            // A greeting and empty lines before the reply are no part of it.
            reply.raw.clear();
        }
        if reply.raw.len() < KEPT {
            reply.raw.extend(used);
        }
        match event.meaning {
            ReplyMeaning::EmptyLines | ReplyMeaning::Skipped => {}
            ReplyMeaning::Part(part) => add(&mut reply, part),
            ReplyMeaning::End(end) => {
                reply.ending = match end {
                    ReplyEnd::Complete => Ending::Complete,
                    ReplyEnd::Silence(_) => Ending::Silence,
                    ReplyEnd::Close => Ending::Close,
                };
                return reply;
            }
            ReplyMeaning::Fault(_) => {
                let rest = link.take(usize::MAX);
                reply.raw.extend(rest);
                reply.ending = Ending::Unreadable;
                return reply;
            }
            ReplyMeaning::Missing(_) => return late(link, reply),
            ReplyMeaning::NotRead | ReplyMeaning::Closed => {
                reply.ending = Ending::CutOff;
                return reply;
            }
        }
    }
}

/// Waits for bytes after a reply, and adds them to it.
pub(super) fn read_surplus(link: &mut Link, reply: &mut Reply) {
    let until = link.now().saturating_add(Duration::from_millis(300));
    link.receive(Some(until));
    let surplus = link.take(usize::MAX);
    reply.raw.extend(surplus);
}

/// The reply did not end, or did not begin with a status line.
fn late(link: &mut Link, mut reply: Reply) -> Reply {
    let rest = link.take(usize::MAX);
    reply.raw.extend(rest);
    reply.ending = match reply.status {
        None if !reply.raw.trim_ascii().is_empty() => Ending::Unreadable,
        _ => Ending::Late,
    };
    reply
}

fn add(reply: &mut Reply, part: ReplyPart) {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned();
    let mut line = Vec::new();
    match part {
        ReplyPart::Found => reply.status = Some(Status::Ok.code()),
        ReplyPart::Refused(refusal) => reply.status = Some(Status::Refused(refusal).code()),
        ReplyPart::Record(record) if reply.raw.len() < KEPT => {
            encode_record(record.borrowed(), &mut line);
            reply.records.push(text(line));
        }
        ReplyPart::Attribute(attribute) if reply.raw.len() < KEPT => {
            encode_attribute(attribute, &mut line);
            reply.attributes.push(text(line));
        }
        ReplyPart::Record(_)
        | ReplyPart::Attribute(_)
        | ReplyPart::Reason(_)
        | ReplyPart::Cluster(_)
        | ReplyPart::ClusterServer(_)
        | ReplyPart::End => {}
    }
}
