//! Cases for a client: its operations, and replies of an index server (protocol.md sections 3.2, 4 and 6).

use super::super::case::Case;
use super::super::case::Level::{Extension, Handout, Robust};
use super::super::client::ClientTest::{self, Exchange as Exchanged};
use super::super::client::{Delivery, Exchange, Operation, Reply};
use super::super::symptom::Symptom;
use crate::protocol::Refusal;

const fn lookup(count: usize, delivery: Delivery) -> ClientTest {
    Exchanged(Exchange::new(Operation::Lookup, Reply::Records(count, delivery)))
}

const fn list(count: usize) -> ClientTest {
    Exchanged(Exchange::new(Operation::List, Reply::Records(count, Delivery::Whole)))
}

const fn refused(refusal: Refusal, reason: Option<&'static str>) -> ClientTest {
    Exchanged(Exchange::new(Operation::Lookup, Reply::Refused(refusal, reason)))
}

const NO_ADD: &str = "send an ADD for the document as the handout describes it";
const NO_LIST: &str = "send `LIST ALL P2P-CI/1.0` with Host and Port";
const NO_LOOKUP: &str = "send a LOOKUP for exactly the number that was typed";
const READ_ON: &str = "a reply may arrive in several segments: read until the empty line after the records, \
                       and not once";

pub(super) static CASES: &[Case] = &[
    Case::client(
        Handout,
        ("add", "4.1", 3),
        "the program adds a document",
        Exchanged(Exchange::new(Operation::Add, Reply::Usual)),
        &[(Symptom::Silent, NO_ADD), (Symptom::Ended, NO_ADD)],
    ),
    Case::client(
        Handout,
        ("list", "4.4", 3),
        "the program lists all documents",
        Exchanged(Exchange::new(Operation::List, Reply::Usual)),
        &[(Symptom::Silent, NO_LIST)],
    ),
    Case::client(
        Handout,
        ("lookup", "4.3", 3),
        "the program looks up a document",
        lookup(1, Delivery::Whole),
        &[(Symptom::Silent, NO_LOOKUP)],
    ),
    Case::client(
        Handout,
        ("reply-two-records", "4.3", 2),
        "a reply may have two records",
        lookup(2, Delivery::Whole),
        &[
            (Symptom::Silent, NO_LOOKUP),
            (Symptom::NotShown, "show all records of a reply: several peers may have the document"),
        ],
    ),
    Case::client(
        Handout,
        ("reply-missing", "6.1", 2),
        "404 is no end of the program",
        refused(Refusal::NotFound, None),
        &[
            (Symptom::Silent, NO_LOOKUP),
            (
                Symptom::Stopped,
                "a refusal has no records: say that there is no such RFC, and return to the menu",
            ),
        ],
    ),
    Case::client(
        Robust,
        ("reply-bytewise", "3.2", 2),
        "a reply may come one byte at a time",
        lookup(1, Delivery::Bytewise),
        &[(Symptom::Silent, NO_LOOKUP), (Symptom::NotShown, READ_ON), (Symptom::NotRead, READ_ON)],
    ),
    Case::client(
        Robust,
        ("reply-line-cut", "3.2", 1),
        "a segment may end within a record",
        lookup(1, Delivery::PauseInLine),
        &[(Symptom::Silent, NO_LOOKUP), (Symptom::NotShown, READ_ON), (Symptom::NotRead, READ_ON)],
    ),
    Case::client(
        Robust,
        ("reply-end-late", "3.2", 1),
        "the last empty line may come later",
        lookup(2, Delivery::PauseBeforeEnd),
        &[(Symptom::Silent, NO_LOOKUP), (Symptom::NotShown, READ_ON), (Symptom::NotRead, READ_ON)],
    ),
    Case::client(
        Robust,
        ("reply-long-list", "4.4", 2),
        "a list may have 200 records",
        list(200),
        &[
            (Symptom::Silent, NO_LIST),
            (Symptom::NotShown, "a list may be longer than the buffer of one read: read on"),
            (Symptom::NotRead, "a list may be longer than the buffer of one read: read on"),
        ],
    ),
    Case::client(
        Robust,
        ("reply-empty-list", "4.4", 1),
        "a list may have no records",
        list(0),
        &[
            (Symptom::Silent, NO_LIST),
            (
                Symptom::Stopped,
                "the second empty line may come right after the first one: 200 without records",
            ),
        ],
    ),
    Case::client(
        Robust,
        ("reply-reason", "6.3", 1),
        "400 may have the header Reason",
        refused(Refusal::BadRequest, Some("the server does not like this number")),
        &[
            (Symptom::Silent, NO_LOOKUP),
            (Symptom::Stopped, "read a refusal to its empty line, and ignore its headers"),
        ],
    ),
    Case::client(
        Extension,
        ("reply-unavailable", "8.4", 1),
        "503 is no end of the program",
        refused(Refusal::ServiceUnavailable, None),
        &[(Symptom::Silent, NO_LOOKUP)],
    ),
];
