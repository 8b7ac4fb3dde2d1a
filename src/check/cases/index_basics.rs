//! Cases for an index server: requests, replies, several peers (protocol.md sections 3 and 4).

use super::super::case::Client::{A, B};
use super::super::case::Expected::{
    self, Form, Listed, NotListed, Nothing, Records, Reply, Status,
};
use super::super::case::Level::{Handout, Robust};
use super::super::case::Step::{Add, Close, Connect, Expect, Repeat, Reset, Send};
use super::super::case::{Case, Form as ReplyForm, Order};
use super::super::symptom::Symptom;

const OK: Expected = Status(200);
const ADD: &str = "ADD RFC $1$V$PTitle: One$E";
/// The same document from another holder.
const ADD_OTHER: &str = "ADD RFC $1$V$QTitle: One$E";
const LOOKUP: &str = "LOOKUP RFC $1$V$P\r\n";
const LIST: &str = "LIST ALL$V$P\r\n";

pub(super) static CASES: &[Case] = &[
    Case::server(
        Robust,
        ("list-empty", "4.4", 1),
        "LIST is 200, also without records",
        &[Send(A, LIST), Expect(A, OK)],
        &[(Symptom::Status, "an empty list is a list: reply 200 OK without records, not 404")],
    ),
    Case::server(
        Robust,
        ("no-greeting", "3.2", 1),
        "nothing is sent before a request",
        &[Connect(A), Expect(A, Nothing), Send(A, LIST), Expect(A, Reply)],
        &[
            (Symptom::Surplus, "send nothing before the first request: a peer reads it as a reply"),
            (
                Symptom::Silent,
                "nothing was sent after the request either: accept the connection, read the request to its \
                 empty line, and send a reply",
            ),
        ],
    ),
    Case::server(
        Handout,
        ("add-status", "4.1", 3),
        "ADD is 200",
        &[Send(A, ADD), Expect(A, OK)],
        &[(Symptom::Status, "reply `P2P-CI/1.0 200 OK` to an ADD with Host, Port and Title")],
    ),
    Case::server(
        Handout,
        ("add-record", "4.1", 2),
        "the reply to ADD repeats the record",
        &[Send(A, ADD), Expect(A, Records(Order::Given, &["RFC $1 One $H 50001"]))],
        &[(
            Symptom::Missing,
            "send the record after the status and an empty line: `RFC NUMBER TITLE HOST PORT`, with \
             the host and port of the request, not of the connection",
        )],
    ),
    Case::server(
        Handout,
        ("lookup-found", "4.3", 3),
        "LOOKUP returns the record",
        &[Add(A, ADD), Send(A, LOOKUP), Expect(A, Records(Order::Given, &["RFC $1 One $H 50001"]))],
        &[
            (Symptom::Missing, "return each record as `RFC NUMBER TITLE HOST PORT`"),
            (
                Symptom::Status,
                "compare the RFC number alone; store it as ADD and LOOKUP both read it",
            ),
            (Symptom::Closed, "keep the connection open after a reply: a peer sends more requests"),
        ],
    ),
    Case::server(
        Handout,
        ("lookup-missing", "4.3", 2),
        "LOOKUP of an unknown RFC is 404",
        &[Send(A, LOOKUP), Expect(A, Status(404))],
        &[(Symptom::Status, "reply `P2P-CI/1.0 404 Not Found` if no peer has added the RFC")],
    ),
    Case::server(
        Handout,
        ("list-found", "4.4", 3),
        "LIST returns all records",
        &[
            Add(A, ADD),
            Add(A, "ADD RFC $2$V$PTitle: Two$E"),
            Send(A, LIST),
            Expect(A, Listed(Order::Any, &["RFC $1 One $H 50001", "RFC $2 Two $H 50001"])),
        ],
        &[(Symptom::Missing, "LIST ALL returns every record of every peer, also of its sender")],
    ),
    Case::server(
        Handout,
        ("lookup-two-holders", "4.3", 3),
        "LOOKUP returns the records of all holders",
        &[
            Add(A, ADD),
            Add(B, ADD_OTHER),
            Send(A, LOOKUP),
            Expect(A, Records(Order::Any, &["RFC $1 One $H 50001", "RFC $1 One $H 50002"])),
        ],
        &[(
            Symptom::Missing,
            "keep one record per RFC and holder: do not replace the record of another peer",
        )],
    ),
    Case::server(
        Handout,
        ("list-two-holders", "4.4", 2),
        "LIST returns the records of all holders",
        &[
            Add(A, ADD),
            Add(B, ADD_OTHER),
            Send(B, LIST),
            Expect(B, Listed(Order::Any, &["RFC $1 One $H 50001", "RFC $1 One $H 50002"])),
        ],
        &[(Symptom::Missing, "LIST ALL has a line for each holder of an RFC")],
    ),
    Case::server(
        Handout,
        ("two-connections", "4.6", 3),
        "two peers are served at the same time",
        &[Add(A, ADD), Send(B, LOOKUP), Expect(B, OK), Send(A, LOOKUP), Expect(A, OK)],
        &[
            (Symptom::Silent, "serve each connection in a thread of its own, and accept in a loop"),
            (Symptom::Status, "share the records between all connections, under a lock"),
        ],
    ),
    Case::server(
        Handout,
        ("leave-lookup", "4.8", 3),
        "the records of a peer that leaves are removed",
        &[Add(A, ADD), Close(A), Repeat(B, LOOKUP, Status(404))],
        &[(
            Symptom::Status,
            "when recv returns no bytes, remove all records of the connection; without a record LOOKUP is \
             404",
        )],
    ),
    Case::server(
        Handout,
        ("leave-list", "4.8", 2),
        "LIST has no record of a peer that has left",
        &[Add(A, ADD), Close(A), Repeat(B, LIST, NotListed("RFC $1 "))],
        &[(Symptom::Surplus, "when recv returns no bytes, remove all records of the connection")],
    ),
    Case::server(
        Handout,
        ("leave-others-stay", "4.6", 2),
        "the records of other peers stay",
        &[
            Add(A, ADD),
            Add(B, ADD_OTHER),
            Close(A),
            Repeat(B, LOOKUP, Records(Order::Any, &["RFC $1 One $H 50002"])),
        ],
        &[
            (Symptom::Surplus, "when a connection ends, remove its records"),
            (
                Symptom::Missing,
                "remove only the records that the ended connection has added: peers on \
              one host differ by their ports",
            ),
            (
                Symptom::Status,
                "remove only the records that the ended connection has added: peers on \
              one host differ by their ports",
            ),
        ],
    ),
    Case::server(
        Robust,
        ("leave-reset", "4.6", 2),
        "a reset connection removes its records, too",
        &[Add(A, ADD), Reset(A), Repeat(B, LOOKUP, Status(404))],
        &[(
            Symptom::Status,
            "treat an error of recv (ConnectionResetError) like the end: remove the records in a \
             `finally` block; without a record LOOKUP is 404",
        )],
    ),
    Case::server(
        Robust,
        ("lookup-newest-first", "4.5", 1),
        "the newest record of an RFC comes first",
        &[
            Add(A, ADD),
            Add(B, ADD_OTHER),
            Send(A, LOOKUP),
            Expect(A, Records(Order::Given, &["RFC $1 One $H 50002", "RFC $1 One $H 50001"])),
        ],
        &[
            (Symptom::Order, "insert a new record at the front of the list, as the handout says"),
            (
                Symptom::Missing,
                "keep one record per RFC and holder: do not replace the record of another peer",
            ),
        ],
    ),
    Case::server(
        Robust,
        ("list-order", "4.5", 1),
        "LIST is in the order of numbers",
        &[
            Add(A, "ADD RFC $2$V$PTitle: Two$E"),
            Add(A, "ADD RFC $3$V$PTitle: Three$E"),
            Add(A, ADD),
            Send(A, LIST),
            Expect(
                A,
                Listed(
                    Order::Given,
                    &["RFC $1 One $H 50001", "RFC $2 Two $H 50001", "RFC $3 Three $H 50001"],
                ),
            ),
        ],
        &[(Symptom::Order, "sort the records by their RFC numbers, as numbers and not as text")],
    ),
    Case::server(
        Robust,
        ("add-twice", "4.1", 1),
        "an ADD that repeats a record adds none",
        &[
            Add(A, ADD),
            Send(A, ADD),
            Expect(A, OK),
            Send(A, LOOKUP),
            Expect(A, Records(Order::Given, &["RFC $1 One $H 50001"])),
        ],
        &[(Symptom::Surplus, "look for the same RFC, host and port before you add a record")],
    ),
    Case::server(
        Robust,
        ("add-new-title", "4.1", 1),
        "a further ADD replaces the title",
        &[
            Add(A, ADD),
            Send(A, "ADD RFC $1$V$PTitle: First$E"),
            Expect(A, OK),
            Send(A, LOOKUP),
            Expect(A, Records(Order::Given, &["RFC $1 First $H 50001"])),
        ],
        &[
            (Symptom::Missing, "replace the title of the record: the second ADD is a correction"),
            (Symptom::Surplus, "replace the title of the record: the second ADD is a correction"),
        ],
    ),
    Case::server(
        Robust,
        ("equal-records", "4.6", 1),
        "equal records of two peers are one line",
        &[
            Add(A, ADD),
            Send(B, ADD),
            Expect(B, OK),
            Send(B, LOOKUP),
            Expect(B, Records(Order::Given, &["RFC $1 One $H 50001"])),
            Close(B),
            // Time for the server to notice that.
            Expect(A, Nothing),
            Send(A, LOOKUP),
            Expect(A, Records(Order::Given, &["RFC $1 One $H 50001"])),
        ],
        &[
            (Symptom::Surplus, "list records with the same RFC, title, host and port once"),
            (Symptom::Status, "the record stays until the last connection that added it has ended"),
        ],
    ),
    Case::server(
        Robust,
        ("foreign-title", "4.6", 1),
        "no peer changes the title of another record",
        &[
            Add(A, ADD),
            Send(B, "ADD RFC $1$V$PTitle: Forged$E"),
            Expect(B, OK),
            Send(A, LOOKUP),
            Expect(A, Records(Order::Any, &["RFC $1 One $H 50001", "RFC $1 Forged $H 50001"])),
        ],
        &[(
            Symptom::Missing,
            "a record belongs to its connection; the record of another connection is a second record",
        )],
    ),
    Case::server(
        Handout,
        ("reply-line-ends", "3.2", 2),
        "the lines of a reply end with CRLF",
        &[Add(A, ADD), Send(A, LOOKUP), Expect(A, Form(ReplyForm::LineEnds))],
        &[(Symptom::Form, "end each line with `\\r\\n`, as the handout shows with <cr> <lf>")],
    ),
    Case::server(
        Handout,
        ("reply-line-after-status", "3.2", 1),
        "an empty line follows the status line",
        &[Add(A, ADD), Send(A, LOOKUP), Expect(A, Form(ReplyForm::EmptyLineAfterStatus))],
        &[(Symptom::Form, "send an empty line between the status line and the first record")],
    ),
    Case::server(
        Robust,
        ("reply-line-at-end", "3.2", 2),
        "an empty line ends a reply with records",
        &[Add(A, ADD), Send(A, LOOKUP), Expect(A, Form(ReplyForm::EmptyLineAtEnd))],
        &[(
            Symptom::Form,
            "send an empty line after the last record: without it a peer must wait to find the end",
        )],
    ),
    Case::server(
        Robust,
        ("reply-refusal", "3.2", 1),
        "a refusal is a status line and an empty line",
        &[Send(A, LOOKUP), Expect(A, Form(ReplyForm::Refusal))],
        &[(Symptom::Form, "send `P2P-CI/1.0 404 Not Found`, one empty line, and nothing else")],
    ),
];
