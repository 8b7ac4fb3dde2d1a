//! Cases for an index server: requests that it must refuse (protocol.md sections 3.5, 6.2 and 7).

use super::super::case::Client::{A, B};
use super::super::case::Expected::{self, Records, RefusedOrClosed, Status};
use super::super::case::Level::{Handout, Robust};
use super::super::case::Step::{Add, Expect, Send, SendFilled};
use super::super::case::{Case, Order};
use super::super::symptom::Symptom;

const BAD: Expected = Status(400);
const ADDED: Expected = Records(Order::Given, &["RFC $1 One $H 50001"]);

pub(super) static CASES: &[Case] = &[
    Case::server(
        Handout,
        ("method-unknown", "6.2", 2),
        "an unknown method is 400",
        &[Send(A, "FETCH RFC $1$V$P\r\n"), Expect(A, BAD)],
        &[
            (Symptom::Silent, "reply 400 Bad Request in the last branch, where no method matches"),
            (Symptom::Status, "reply 400 Bad Request if the first word is no known method"),
        ],
    ),
    Case::server(
        Handout,
        ("version-unknown", "6.2", 2),
        "another version is 505",
        &[Send(A, "LOOKUP RFC $1 P2P-CI/2.0\r\n$P\r\n"), Expect(A, Status(505))],
        &[(
            Symptom::Status,
            "compare the last word of the request line with `P2P-CI/1.0`; else 505",
        )],
    ),
    Case::server(
        Robust,
        ("version-first", "6.2", 1),
        "505 comes before 400",
        &[Send(A, "FETCH RFC x P2P-CI/2.0\r\n$P\r\n"), Expect(A, Status(505))],
        &[(Symptom::Status, "check the version before the method: other versions may have others")],
    ),
    Case::server(
        Robust,
        ("host-missing", "6.2", 1),
        "ADD without Host is 400",
        &[Send(A, "ADD RFC $1$VPort: 50001\r\nTitle: One$E"), Expect(A, BAD)],
        &[(Symptom::Status, REQUIRED), (Symptom::Closed, REQUIRED)],
    ),
    Case::server(
        Robust,
        ("port-missing", "6.2", 1),
        "ADD without Port is 400",
        &[Send(A, "ADD RFC $1$VHost: $H\r\nTitle: One$E"), Expect(A, BAD)],
        &[(Symptom::Status, REQUIRED), (Symptom::Closed, REQUIRED)],
    ),
    Case::server(
        Robust,
        ("title-missing", "6.2", 1),
        "ADD without Title is 400",
        &[Send(A, "ADD RFC $1$V$P\r\n"), Expect(A, BAD)],
        &[(Symptom::Status, REQUIRED), (Symptom::Closed, REQUIRED)],
    ),
    Case::server(
        Robust,
        ("number-word", "2.2", 1),
        "an RFC number that is no number is 400",
        &[Send(A, "LOOKUP RFC abc$V$P\r\n"), Expect(A, BAD)],
        &[
            (Symptom::Status, "reply 400 if the number has other characters than digits"),
            (Symptom::Closed, "catch the error of the conversion (ValueError), and reply 400"),
        ],
    ),
    Case::server(
        Robust,
        ("number-zero", "2.2", 1),
        "RFC 0 is 400",
        &[Send(A, "LOOKUP RFC 0$V$P\r\n"), Expect(A, BAD)],
        &[(Symptom::Status, "RFC numbers are 1 to 999999999: reply 400 to others")],
    ),
    Case::server(
        Robust,
        ("number-negative", "2.2", 1),
        "an RFC number with a sign is 400",
        &[Send(A, "LOOKUP RFC -$1$V$P\r\n"), Expect(A, BAD)],
        &[(Symptom::Status, "accept digits only: integer conversions also accept signs")],
    ),
    Case::server(
        Robust,
        ("number-leading-zero", "2.2", 1),
        "an RFC number with a leading zero is 400",
        &[Send(A, "LOOKUP RFC 0$1$V$P\r\n"), Expect(A, BAD)],
        &[(Symptom::Status, "two spellings of a number would be two keys: refuse leading zeros")],
    ),
    Case::server(
        Robust,
        ("port-word", "2.6", 1),
        "a port that is no number is 400",
        &[Send(A, "ADD RFC $1$VHost: $H\r\nPort: http\r\nTitle: One$E"), Expect(A, BAD)],
        &[
            (Symptom::Status, "check that Port is a number before you store the record"),
            (Symptom::Closed, "catch the error of the conversion (ValueError), and reply 400"),
        ],
    ),
    Case::server(
        Robust,
        ("port-range", "2.6", 1),
        "a port above 65535 is 400",
        &[Send(A, "ADD RFC $1$VHost: $H\r\nPort: 99999\r\nTitle: One$E"), Expect(A, BAD)],
        &[(Symptom::Status, "ports are 1 to 65535: no client can connect to another one")],
    ),
    Case::server(
        Robust,
        ("header-no-colon", "6.2", 1),
        "a header without a colon is 400",
        &[Send(A, "LOOKUP RFC $1$V$PTitle One$E"), Expect(A, BAD)],
        &[
            (Symptom::Status, "reply 400 if a line of the head has no colon"),
            (Symptom::Closed, "check that a header has a colon before you take its second part"),
        ],
    ),
    Case::server(
        Robust,
        ("header-twice", "2.9", 1),
        "a header that occurs twice is 400",
        &[Send(A, "ADD RFC $1$V$PPort: 50002\r\nTitle: One$E"), Expect(A, BAD)],
        &[(Symptom::Status, "reply 400 if a known header is there already: which one is meant?")],
    ),
    Case::server(
        Robust,
        ("words-missing", "6.2", 1),
        "a request line without its document is 400",
        &[Send(A, "LOOKUP$V$P\r\n"), Expect(A, BAD)],
        &[
            (Symptom::Status, "count the words of the request line before you use them"),
            (Symptom::Closed, "count the words of the request line before you use them"),
        ],
    ),
    Case::server(
        Robust,
        ("words-surplus", "6.2", 1),
        "a request line with a word too many is 400",
        &[Send(A, "LOOKUP RFC $1 $2$V$P\r\n"), Expect(A, BAD)],
        &[(Symptom::Status, "count the words of the request line before you use them")],
    ),
    Case::server(
        Robust,
        ("list-scope", "4.4", 1),
        "LIST of something unknown is 400",
        &[Send(A, "LIST NOTHING$V$P\r\n"), Expect(A, BAD)],
        &[(Symptom::Status, "check that the second word of LIST is ALL")],
    ),
    Case::server(
        Robust,
        ("after-fault", "6.2", 2),
        "the connection stays open after 400 and 505",
        &[
            Send(A, "FETCH RFC $1$V$P\r\n"),
            Expect(A, BAD),
            Send(A, "LOOKUP RFC $1 P2P-CI/2.0\r\n$P\r\n"),
            Expect(A, Status(505)),
            Send(A, "ADD RFC $1$V$PTitle: One$E"),
            Expect(A, ADDED),
        ],
        &[
            (Symptom::Closed, "read on after a refusal: the end of the request is known"),
            (
                Symptom::Status,
                "another method is 400, another version 505; read such a request to its empty line, and the next \
                 one begins after it",
            ),
        ],
    ),
    Case::server(
        Robust,
        ("fault-adds-nothing", "6.2", 1),
        "a refused ADD adds no record",
        &[
            Send(A, "ADD RFC $1$VHost: $H\r\nPort: 0\r\nTitle: One$E"),
            Expect(A, BAD),
            Send(A, "LOOKUP RFC $1$V$P\r\n"),
            Expect(A, Status(404)),
        ],
        &[
            (
                Symptom::Status,
                "check all headers (ports are 1 to 65535) before you store the record; without it LOOKUP is \
                 404",
            ),
            (Symptom::Closed, "read on after a refusal: the end of the request is known"),
        ],
    ),
    Case::server(
        Robust,
        ("control-character", "3.5", 1),
        "a control character is refused",
        &[
            // A server that closes every connection refuses nothing.
            Add(A, "ADD RFC $1$V$PTitle: One$E"),
            Send(A, "ADD RFC $1$V$PTitle: a\u{1}b$E"),
            Expect(A, RefusedOrClosed),
        ],
        &[(Symptom::Status, "refuse control characters: in a list they can forge lines")],
    ),
    Case::server(
        Robust,
        ("line-endless", "7", 1),
        "an endless line is refused",
        &[
            SendFilled(A, "LOOKUP RFC ", 65_536),
            Expect(A, RefusedOrClosed),
            Send(B, "ADD RFC $1$V$PTitle: One$E"),
            Expect(B, ADDED),
        ],
        &[(
            Symptom::Silent,
            "limit the length of a line (2 KiB) and of a head (16 KiB): reply 400 and close, or a \
             peer fills your memory",
        )],
    ),
];

const REQUIRED: &str =
    "check that Host, Port and, for ADD, Title are there; reply 400 if one is missing";
