//! Cases for an index server: forms of requests that it should read (protocol.md sections 2 to 4).

use super::super::case::Client::{A, B};
use super::super::case::Expected::{self, Listed, Records, Status};
use super::super::case::Level::Robust;
use super::super::case::Step::{Add, Expect, Send, SendBytes};
use super::super::case::{Case, Hints, Order};
use super::super::symptom::Symptom;

const ADD: &str = "ADD RFC $1$V$PTitle: One$E";
const LOOKUP: &str = "LOOKUP RFC $1$V$P\r\n";
const ADDED: Expected = Records(Order::Given, &["RFC $1 One $H 50001"]);

const READ_TOO_EARLY: Hints = &[
    (Symptom::Status, BUFFER),
    (Symptom::Missing, BUFFER),
    (Symptom::Unreadable, BUFFER),
    (Symptom::Closed, BUFFER),
];

pub(super) static CASES: &[Case] = &[
    Case::server(
        Robust,
        ("bytewise", "3.5", 2),
        "a request may come one byte at a time",
        &[SendBytes(A, ADD), Expect(A, ADDED)],
        READ_TOO_EARLY,
    ),
    Case::server(
        Robust,
        ("two-parts", "3.5", 2),
        "a request may come in two parts",
        &[Send(A, "ADD RFC $1$V"), SendBytes(A, "$P"), Send(A, "Title: One$E"), Expect(A, ADDED)],
        READ_TOO_EARLY,
    ),
    Case::server(
        Robust,
        ("pipelining", "3.4", 2),
        "pipelined requests are answered in order",
        &[
            Send(
                A,
                "ADD RFC $1$V$PTitle: One$ELOOKUP RFC $1$V$P\r\nLOOKUP RFC $2$V$P\r\nLIST ALL$V$P\r\n",
            ),
            Expect(A, ADDED),
            Expect(A, ADDED),
            Expect(A, Status(404)),
            Expect(A, Listed(Order::Any, &["RFC $1 One $H 50001"])),
        ],
        &[
            (
                Symptom::Silent,
                "keep the bytes after a request's empty line: they are the next request",
            ),
            (
                Symptom::Status,
                "end each request at its empty line; what follows is the next request, here two LOOKUPs, of \
                 which the second is 404, and LIST",
            ),
            (
                Symptom::Closed,
                "a refusal ends a request, not the connection: answer the requests that follow",
            ),
            (
                Symptom::Missing,
                "end each request at its empty line; what follows is the next request",
            ),
        ],
    ),
    Case::server(
        Robust,
        ("line-feed", "3.5", 1),
        "LF ends a line as CRLF does",
        &[
            Send(A, "ADD RFC $1 P2P-CI/1.0\nHost: $H\nPort: 50001\nTitle: One\n\n"),
            Expect(A, ADDED),
        ],
        &[(Symptom::Silent, "split lines at `\\n` and then remove one `\\r` at the end of each")],
    ),
    Case::server(
        Robust,
        ("header-order", "3.5", 1),
        "headers may have any order",
        &[Send(A, "ADD RFC $1$VTitle: One\r\nPort: 50001\r\nHost: $H$E"), Expect(A, ADDED)],
        &[(Symptom::Missing, NAMES), (Symptom::Status, NAMES)],
    ),
    Case::server(
        Robust,
        ("header-case", "3.5", 1),
        "the names of headers may have any case",
        &[Send(A, "ADD RFC $1$Vhost: $H\r\nPORT: 50001\r\ntItLe: One$E"), Expect(A, ADDED)],
        &[(Symptom::Status, "convert the name of a header to lower case before you compare it")],
    ),
    Case::server(
        Robust,
        ("header-blanks", "3.5", 1),
        "blanks around the colon have no meaning",
        &[Send(A, "ADD RFC $1$VHost : $H\r\nPort:50001\r\nTitle:   One  $E"), Expect(A, ADDED)],
        &[
            (
                Symptom::Status,
                "split a header at its first colon, and strip the name and the value",
            ),
            (
                Symptom::Missing,
                "split a header at its first colon, and strip the name and the value",
            ),
        ],
    ),
    Case::server(
        Robust,
        ("request-blanks", "3.5", 1),
        "words may be separated by several blanks",
        &[Send(A, "  ADD  RFC   $1  P2P-CI/1.0 \r\n$PTitle: One$E"), Expect(A, ADDED)],
        &[(Symptom::Status, "split the request line at runs of blanks: `line.split()` in Python")],
    ),
    Case::server(
        Robust,
        ("header-unknown", "2.9", 2),
        "an unknown header is ignored",
        &[Send(A, "ADD RFC $1$VX-Check: a: b\r\n$PTitle: One\r\nOS: any$E"), Expect(A, ADDED)],
        &[
            (
                Symptom::Status,
                "ignore a header whose name you do not know; extensions depend on it",
            ),
            (Symptom::Missing, "find each header by its name, not by its line number"),
        ],
    ),
    Case::server(
        Robust,
        ("empty-lines-before", "3.1", 1),
        "empty lines before a request are ignored",
        &[Send(A, "\r\n\r\nADD RFC $1$V$PTitle: One$E"), Expect(A, ADDED)],
        &[
            (Symptom::Status, "skip empty lines until a request line begins"),
            (Symptom::Closed, "skip empty lines until a request line begins"),
        ],
    ),
    Case::server(
        Robust,
        ("lookup-title", "4.3", 1),
        "LOOKUP ignores the title",
        &[Add(A, ADD), Send(A, "LOOKUP RFC $1$V$PTitle: Another$E"), Expect(A, ADDED)],
        &[(Symptom::Status, "compare the RFC number alone: people type titles differently")],
    ),
    Case::server(
        Robust,
        ("lookup-other-host", "4.3", 1),
        "LOOKUP is answered to a peer without records",
        &[
            Add(A, ADD),
            Send(B, "LOOKUP RFC $1$VHost: other.example\r\nPort: 9$E"),
            Expect(B, ADDED),
        ],
        &[(Symptom::Status, "compare the RFC number alone: Host and Port name the sender")],
    ),
    Case::server(
        Robust,
        ("title-empty", "4.1", 1),
        "a title may be empty",
        &[
            Send(A, "ADD RFC $1$V$PTitle: $E"),
            Expect(A, Records(Order::Given, &["RFC $1  $H 50001"])),
        ],
        &[
            (Symptom::Status, "accept an empty title; its record has two blanks before the host"),
            (
                Symptom::Missing,
                "write a record with an empty title with two blanks before the host",
            ),
        ],
    ),
    Case::server(
        Robust,
        ("title-blanks", "2.5", 1),
        "blanks within a title stay",
        &[
            Send(A, "ADD RFC $1$V$PTitle: A  Title: of 3 words 80$E"),
            Expect(A, Records(Order::Given, &["RFC $1 A  Title: of 3 words 80 $H 50001"])),
        ],
        &[
            (
                Symptom::Missing,
                "the title is all that follows `Title:`, also colons and double blanks",
            ),
            (Symptom::Status, "split a header at its first colon only"),
        ],
    ),
    Case::server(
        Robust,
        ("title-utf8", "2.1", 1),
        "a title may have characters of UTF-8",
        &[
            Send(A, "ADD RFC $1$V$PTitle: Größe – naïve$E"),
            Expect(A, Records(Order::Given, &["RFC $1 Größe – naïve $H 50001"])),
        ],
        &[
            (Symptom::Missing, "read and write text as UTF-8, not as ASCII or Latin-1"),
            (Symptom::Closed, "read and write text as UTF-8, not as ASCII or Latin-1"),
            (Symptom::Status, "read and write text as UTF-8, not as ASCII or Latin-1"),
        ],
    ),
    Case::server(
        Robust,
        ("half-request", "3.1", 2),
        "an unfinished request delays no other peer",
        &[
            Send(A, "ADD RFC $1 P2P"),
            Send(B, ADD),
            Expect(B, ADDED),
            Send(B, LOOKUP),
            Expect(B, ADDED),
        ],
        &[(
            Symptom::Silent,
            "hold no lock while you wait for bytes, and use a thread per connection",
        )],
    ),
];

const BUFFER: &str = "one recv may return any part of a request: collect bytes until the empty line, and \
                      parse then";
const NAMES: &str = "find each header by its name, not by its line number";
