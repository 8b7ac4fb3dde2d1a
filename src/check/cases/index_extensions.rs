//! Cases for an index server: extensions (protocol.md section 8).

use super::super::case::Client::{A, B};
use super::super::case::Expected::{
    self, Attributes, Listed, NoAttributes, NotListed, Records, RefusedWith, Status,
};
use super::super::case::Level::Extension;
use super::super::case::Step::{Add, Expect, Repeat, Send};
use super::super::case::{Case, Order};
use super::super::symptom::Symptom;

const ADD: &str = "ADD RFC $1$V$PTitle: One$E";
const ADD_FILE: &str = "ADD FILE check-$1.txt$V$PTitle: One$E";
const ADD_WITH_DIGEST: &str = "ADD RFC $1$V$PTitle: One\r\n\
    Digest: sha-256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\r\n\
    Length: 3$E";
const ADDED: Expected = Records(Order::Given, &["RFC $1 One $H 50001"]);
const FILE_ADDED: Expected = Records(Order::Given, &["FILE check-$1.txt One $H 50001"]);

pub(super) static CASES: &[Case] = &[
    Case::server(
        Extension,
        ("remove", "4.2", 1),
        "REMOVE removes a record and returns it",
        &[
            Add(A, ADD),
            Send(A, "REMOVE RFC $1$V$P\r\n"),
            Expect(A, ADDED),
            Send(A, "LOOKUP RFC $1$V$P\r\n"),
            Expect(A, Status(404)),
        ],
        &[(Symptom::Status, "implement REMOVE: 200 with the removed record")],
    ),
    Case::server(
        Extension,
        ("remove-missing", "4.2", 1),
        "REMOVE of an unknown record is 404",
        &[Send(A, "REMOVE RFC $1$V$P\r\n"), Expect(A, Status(404))],
        &[(Symptom::Status, "reply 404 if the connection has no such record")],
    ),
    Case::server(
        Extension,
        ("remove-foreign", "4.6", 1),
        "REMOVE of another peer's record is 404",
        &[
            Add(A, ADD),
            Send(B, "REMOVE RFC $1$V$P\r\n"),
            Expect(B, Status(404)),
            Send(B, "LOOKUP RFC $1$V$P\r\n"),
            Expect(B, ADDED),
        ],
        &[(
            Symptom::Status,
            "a record belongs to its connection: claims about host and port prove nothing",
        )],
    ),
    Case::server(
        Extension,
        ("file-lookup", "8.3", 1),
        "FILE names other documents",
        &[
            Send(A, ADD_FILE),
            Expect(A, FILE_ADDED),
            Send(A, "LOOKUP FILE check-$1.txt$V$P\r\n"),
            Expect(A, FILE_ADDED),
        ],
        &[(Symptom::Status, "accept `FILE name` where `RFC number` may be")],
    ),
    Case::server(
        Extension,
        ("file-list", "8.3", 1),
        "LIST FILES has the files, LIST ALL does not",
        &[
            Add(A, ADD_FILE),
            Send(A, "LIST FILES$V$P\r\n"),
            Expect(A, Listed(Order::Any, &["FILE check-$1.txt One $H 50001"])),
            Send(A, "LIST ALL$V$P\r\n"),
            Expect(A, NotListed("FILE ")),
        ],
        &[
            (Symptom::Status, "accept `LIST FILES`"),
            (Symptom::Surplus, "LIST ALL has RFCs only: other programs cannot read lines of files"),
        ],
    ),
    Case::server(
        Extension,
        ("search-prefix", "4.10", 1),
        "SEARCH finds words by their beginnings",
        &[
            Add(A, "ADD RFC $1$V$PTitle: Congestion check$1$E"),
            Repeat(
                A,
                "SEARCH ALL$V$PTitle: CHECK$1 congest$E",
                Records(Order::Given, &["RFC $1 Congestion check$1 $H 50001"]),
            ),
        ],
        &[(
            Symptom::Status,
            "implement SEARCH: each word must begin a word of the title, in any case",
        )],
    ),
    Case::server(
        Extension,
        ("search-nothing", "4.10", 1),
        "SEARCH without a match is 200",
        &[
            Send(A, "SEARCH ALL$V$PTitle: nothing$1matches$E"),
            Expect(A, Records(Order::Given, &[])),
        ],
        &[(Symptom::Status, "reply 200 without records if no title matches")],
    ),
    Case::server(
        Extension,
        ("search-limit", "4.10", 1),
        "SEARCH returns at most Limit records",
        &[
            Add(A, "ADD RFC $1$V$PTitle: limit$1$E"),
            Add(A, "ADD RFC $2$V$PTitle: limit$1$E"),
            Repeat(
                A,
                "SEARCH ALL$V$PTitle: limit$1\r\nLimit: 1$E",
                Records(Order::Given, &["RFC $1 limit$1 $H 50001"]),
            ),
        ],
        &[
            (Symptom::Surplus, "send no more records than Limit says"),
            (Symptom::Missing, "documents with equally many holders are in the order of a list"),
        ],
    ),
    Case::server(
        Extension,
        ("attributes", "4.11", 1),
        "LOOKUP returns attributes if asked",
        &[
            Add(A, ADD_WITH_DIGEST),
            Send(A, "LOOKUP RFC $1$V$PWant-Attributes: 1$E"),
            Expect(
                A,
                Attributes(&[
                    "Digest: sha-256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                    "Length: 3",
                    "Added:",
                ]),
            ),
        ],
        &[(
            Symptom::Missing,
            "send Digest and Length of the ADD, and Added, in lines after the record",
        )],
    ),
    Case::server(
        Extension,
        ("attributes-not-asked", "8.1", 1),
        "LOOKUP returns no attributes unless asked",
        &[
            Send(A, ADD_WITH_DIGEST),
            Expect(A, NoAttributes),
            Send(A, "LOOKUP RFC $1$V$P\r\n"),
            Expect(A, NoAttributes),
        ],
        &[(Symptom::Surplus, "send attributes only to LOOKUP with `Want-Attributes: 1`")],
    ),
    Case::server(
        Extension,
        ("attributes-refusal", "4.11", 1),
        "a refused LOOKUP shows the extension if asked",
        &[
            Send(A, "LOOKUP RFC $1$V$PWant-Attributes: 1$E"),
            Expect(A, RefusedWith(404, "Attributes: 1")),
        ],
        &[(Symptom::Missing, "add the header `Attributes: 1` to the refusal")],
    ),
];
