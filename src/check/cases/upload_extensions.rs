//! Cases for an upload server: extensions (protocol.md sections 5.5 to 5.7).

use super::super::case::Case;
use super::super::case::Client::{A, B};
use super::super::case::DocumentRule::{Digest, FromSecondByte, KeptOpen, SameAsFirst, Whole};
use super::super::case::Expected::{Document, Status};
use super::super::case::Level::Extension;
use super::super::case::Step::{Expect, Send};
use super::super::symptom::Symptom;

const GET: &str = "GET RFC $R$VHost: $H\r\nOS: Check 1.0$E";
const KEEP: &str = "GET RFC $R$VHost: $H\r\nConnection: keep-alive$E";

pub(super) static CASES: &[Case] = &[
    Case::server(
        Extension,
        ("digest", "5.5", 1),
        "the digest is returned if asked",
        &[Send(A, "GET RFC $R$VHost: $H\r\nWant-Digest: sha-256$E"), Expect(A, Document(Digest))],
        &[
            (Symptom::Missing, "send `Digest: sha-256=` and 64 hexadecimal digits"),
            (Symptom::Content, "compute the SHA-256 of the whole file as it is sent"),
        ],
    ),
    Case::server(
        Extension,
        ("range", "5.6", 1),
        "a part is returned with 206",
        &[
            Send(A, GET),
            Expect(A, Document(Whole)),
            Send(B, "GET RFC $R$VHost: $H\r\nRange: bytes=1-$E"),
            Expect(B, Document(FromSecondByte)),
        ],
        &[
            (
                Symptom::Status,
                "reply `206 Partial Content` with `Content-Range: bytes 1-LAST/LENGTH`",
            ),
            (
                Symptom::Content,
                "bytes are counted from 0, and Content-Length is the length of the part",
            ),
        ],
    ),
    Case::server(
        Extension,
        ("range-beyond", "5.6", 1),
        "a range beyond the end is 416",
        &[Send(A, "GET RFC $R$VHost: $H\r\nRange: bytes=999999999999-$E"), Expect(A, Status(416))],
        &[(Symptom::Status, "reply 416 if the document has no byte of the range")],
    ),
    Case::server(
        Extension,
        ("range-unknown", "5.6", 1),
        "a range in another form is ignored",
        &[Send(A, "GET RFC $R$VHost: $H\r\nRange: lines=1-2$E"), Expect(A, Document(Whole))],
        &[(Symptom::Status, "reply 200 with the whole document if the range has another form")],
    ),
    Case::server(
        Extension,
        ("keep-alive", "5.7", 1),
        "the connection stays open if asked",
        &[
            Send(A, KEEP),
            Expect(A, Document(KeptOpen)),
            Send(A, GET),
            Expect(A, Document(SameAsFirst)),
        ],
        &[(Symptom::Missing, "repeat `Connection: keep-alive`, and read the next request")],
    ),
    Case::server(
        Extension,
        ("keep-alive-pipelined", "5.7", 1),
        "an open connection takes pipelined requests",
        &[
            Send(A, KEEP),
            Expect(A, Document(KeptOpen)),
            Send(A, "GET RFC $R$VHost: $H\r\nConnection: keep-alive$EGET RFC $N$VHost: $H$E"),
            Expect(A, Document(SameAsFirst)),
            Expect(A, Status(404)),
        ],
        &[(Symptom::Closed, "keep the bytes after a request's empty line: they are the next one")],
    ),
];
