//! Cases for a client: downloads, another version, and leaving (protocol.md sections 5, 6 and 4.8).

use super::super::case::Case;
use super::super::case::Level::{Handout, Robust};
use super::super::client::ClientTest::{self, Exchange as Exchanged};
use super::super::client::{Body, Delivery, Exchange, Operation, Reply};
use super::super::symptom::Symptom;
use crate::protocol::Refusal;

const fn document(body: Body, delivery: Delivery) -> ClientTest {
    Exchanged(Exchange::document(body, delivery))
}

const NO_GET: &str = "connect to the host and port of the record, and send a GET for this number";
const CLOSE: &str =
    "close the connection after the document: do not wait for more than Content-Length";

pub(super) static CASES: &[Case] = &[
    Case::client(
        Handout,
        ("download", "5.3", 3),
        "the program downloads a document",
        document(Body::Text, Delivery::Whole),
        &[
            (Symptom::Silent, NO_GET),
            (Symptom::Connection, CLOSE),
            (
                Symptom::NotSaved,
                "head and document may arrive in one segment: what follows the empty line belongs \
                 to the document",
            ),
        ],
    ),
    Case::client(
        Handout,
        ("download-like-head", "5.3", 2),
        "a document may have lines like a head",
        document(Body::LikeHead, Delivery::Whole),
        &[
            (Symptom::Silent, NO_GET),
            (Symptom::Connection, CLOSE),
            (
                Symptom::NotSaved,
                "split head and document at the first empty line only, and keep empty lines of the \
                 document",
            ),
        ],
    ),
    Case::client(
        Handout,
        ("download-large", "5.3", 2),
        "a document may need many reads",
        document(Body::Large, Delivery::Whole),
        &[
            (Symptom::Silent, NO_GET),
            (Symptom::Connection, CLOSE),
            (Symptom::NotSaved, "read in a loop until Content-Length bytes have arrived"),
            (Symptom::NotRead, "read in a loop until Content-Length bytes have arrived"),
        ],
    ),
    Case::client(
        Robust,
        ("download-bytewise", "5.3", 2),
        "a document may come one byte at a time",
        document(Body::Text, Delivery::Bytewise),
        &[
            (Symptom::Silent, NO_GET),
            (Symptom::Connection, CLOSE),
            (Symptom::NotSaved, "collect bytes until the empty line, and parse the head then"),
            (Symptom::NotRead, "collect bytes until the empty line, and parse the head then"),
        ],
    ),
    Case::client(
        Robust,
        ("download-binary", "5.3", 1),
        "a document may have any bytes",
        document(Body::Binary, Delivery::Whole),
        &[
            (Symptom::Silent, NO_GET),
            (Symptom::Connection, CLOSE),
            (Symptom::NotSaved, "decode the head only; write the document in binary mode (`wb`)"),
        ],
    ),
    Case::client(
        Robust,
        ("download-other-head", "2.9", 1),
        "a head may have other names and another order",
        Exchanged(Exchange::other_head()),
        &[
            (Symptom::Silent, NO_GET),
            (Symptom::Connection, CLOSE),
            (
                Symptom::NotSaved,
                "find headers by their names in lower case, in any order, and ignore others",
            ),
        ],
    ),
    Case::client(
        Robust,
        ("download-kept-open", "5.3", 1),
        "Content-Length ends a document",
        Exchanged(Exchange::kept_open()),
        &[
            (Symptom::Silent, NO_GET),
            (Symptom::Connection, "stop after Content-Length bytes: the connection may stay open"),
        ],
    ),
    Case::client(
        Robust,
        ("download-missing", "6.1", 1),
        "404 to GET is no document",
        Exchanged(Exchange::new(Operation::Get, Reply::Refused(Refusal::NotFound, None))),
        &[(Symptom::Silent, NO_GET)],
    ),
    Case::client(
        Handout,
        ("reply-version", "6.1", 1),
        "505 is no end of the program",
        Exchanged(Exchange::new(
            Operation::Lookup,
            Reply::Refused(Refusal::VersionNotSupported, None),
        )),
        &[
            (Symptom::Silent, "send a LOOKUP for exactly the number that was typed"),
            (Symptom::Stopped, "print the status, and return to the menu"),
        ],
    ),
    Case::client(
        Handout,
        ("after-refusals", "6.2", 1),
        "the program works after refusals",
        Exchanged(Exchange::new(Operation::List, Reply::Usual)),
        &[(
            Symptom::Silent,
            "a refusal concerns one request: continue with the next one, here LIST ALL",
        )],
    ),
    Case::client(
        Handout,
        ("leave", "4.8", 2),
        "the program closes its connections",
        Exchanged(Exchange::new(Operation::Leave, Reply::Nothing)),
        &[(
            Symptom::Connection,
            "close the socket when the program leaves, and end all of its threads",
        )],
    ),
];
