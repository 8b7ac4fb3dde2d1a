//! Cases for an upload server (protocol.md sections 3.5, 5.1 to 5.3, and 6).

use super::super::case::Case;
use super::super::case::Client::{A, B};
use super::super::case::DocumentRule::{ClosedAfter, HeadForm, Header, Length, SameAsFirst, Whole};
use super::super::case::Expected::{Document, RefusedOrClosed, Status};
use super::super::case::Level::{Handout, Robust};
use super::super::case::Step::{Connect, Expect, Send, SendBytes, SendFilled};
use super::super::symptom::Symptom;

const GET: &str = "GET RFC $R$VHost: $H\r\nOS: Check 1.0$E";

pub(super) static CASES: &[Case] = &[
    Case::server(
        Handout,
        ("get-document", "5.1", 3),
        "GET returns the document",
        &[Send(A, GET), Expect(A, Document(Whole))],
        &[
            (Symptom::Status, "does the program share this RFC? Reply 200 OK and the document"),
            (Symptom::Content, "send as many bytes as Content-Length says"),
        ],
    ),
    Case::server(
        Handout,
        ("head-date", "5.2", 1),
        "the head has Date",
        &[Send(A, GET), Expect(A, Document(Header("Date")))],
        &[(Symptom::Missing, DATE)],
    ),
    Case::server(
        Handout,
        ("head-os", "5.2", 1),
        "the head has OS",
        &[Send(A, GET), Expect(A, Document(Header("OS")))],
        &[(Symptom::Missing, "send `OS:` with the name of the operating system")],
    ),
    Case::server(
        Handout,
        ("head-last-modified", "5.2", 1),
        "the head has Last-Modified",
        &[Send(A, GET), Expect(A, Document(Header("Last-Modified")))],
        &[(Symptom::Missing, DATE)],
    ),
    Case::server(
        Handout,
        ("head-content-length", "5.2", 2),
        "the head has Content-Length",
        &[Send(A, GET), Expect(A, Document(Header("Content-Length")))],
        &[(Symptom::Missing, "send `Content-Length:` with the size of the file in bytes")],
    ),
    Case::server(
        Handout,
        ("head-content-type", "5.2", 1),
        "the head has Content-Type",
        &[Send(A, GET), Expect(A, Document(Header("Content-Type")))],
        &[(Symptom::Missing, "send `Content-Type: text/plain`")],
    ),
    Case::server(
        Handout,
        ("length-exact", "5.3", 3),
        "Content-Length is the length of the document",
        &[Send(A, GET), Expect(A, Document(Length))],
        &[
            (
                Symptom::Content,
                "count the bytes of the file, not its characters and not the head; open it in binary \
                 mode, and send nothing after it",
            ),
            (
                Symptom::CutOff,
                "Content-Length is larger than what follows: count bytes, not the head",
            ),
            (Symptom::Missing, "send `Content-Length:` with the size of the file in bytes"),
        ],
    ),
    Case::server(
        Handout,
        ("head-form", "5.2", 2),
        "the head has CRLF and ends with an empty line",
        &[Send(A, GET), Expect(A, Document(HeadForm))],
        &[(
            Symptom::Form,
            "end each line of the head with `\\r\\n`, and the head with an empty line",
        )],
    ),
    Case::server(
        Handout,
        ("get-missing", "6.1", 2),
        "GET of another RFC is 404",
        &[Send(A, "GET RFC $N$VHost: $H\r\nOS: Check 1.0$E"), Expect(A, Status(404))],
        &[
            (Symptom::Status, "reply 404 Not Found if there is no file of this RFC"),
            (Symptom::Closed, "catch the error of opening the file, and reply 404"),
        ],
    ),
    Case::server(
        Handout,
        ("get-method", "6.2", 1),
        "another method is 400",
        &[Send(A, "FETCH RFC $R$VHost: $H$E"), Expect(A, Status(400))],
        &[(Symptom::Status, "reply 400 Bad Request if the first word is not GET")],
    ),
    Case::server(
        Handout,
        ("get-version", "6.2", 1),
        "another version is 505",
        &[Send(A, "GET RFC $R P2P-CI/2.0\r\nHost: $H$E"), Expect(A, Status(505))],
        &[(
            Symptom::Status,
            "compare the last word of the request line with `P2P-CI/1.0`; else 505",
        )],
    ),
    Case::server(
        Robust,
        ("get-host-missing", "5.1", 1),
        "GET without Host is 400",
        &[Send(A, "GET RFC $R$VOS: Check 1.0$E"), Expect(A, Status(400))],
        &[(Symptom::Status, "check that the header Host is there")],
    ),
    Case::server(
        Robust,
        ("get-other-host", "5.1", 1),
        "Host is compared with nothing",
        &[Send(A, "GET RFC $R$VHost: other.example\r\nOS: x$E"), Expect(A, Document(Whole))],
        &[(Symptom::Status, "programs disagree about whose host it is: require it, and ignore it")],
    ),
    Case::server(
        Robust,
        ("get-number-word", "2.2", 1),
        "a number that is no number is 400",
        &[Send(A, "GET RFC ../x$VHost: $H$E"), Expect(A, Status(400))],
        &[
            (Symptom::Status, "accept digits only, or a request can name any file of your disk"),
            (Symptom::Closed, "catch the error of the conversion (ValueError), and reply 400"),
        ],
    ),
    Case::server(
        Robust,
        ("get-no-os", "3.5", 1),
        "GET may have no OS header",
        &[Send(A, "GET RFC $R$VHost: $H$E"), Expect(A, Document(Whole))],
        &[(Symptom::Status, "ignore the OS header, also if it is missing")],
    ),
    Case::server(
        Robust,
        ("get-line-feed", "3.5", 1),
        "LF ends a line as CRLF does",
        &[Send(A, "GET RFC $R P2P-CI/1.0\nHost: $H\nOS: x\n\n"), Expect(A, Document(Whole))],
        &[(Symptom::Silent, "split lines at `\\n` and then remove one `\\r` at the end of each")],
    ),
    Case::server(
        Robust,
        ("get-bytewise", "3.5", 2),
        "GET may come one byte at a time",
        &[SendBytes(A, GET), Expect(A, Document(Whole))],
        &[
            (Symptom::Status, "collect bytes until the empty line, and parse then"),
            (Symptom::Closed, "collect bytes until the empty line, and parse then"),
        ],
    ),
    Case::server(
        Robust,
        ("get-header-forms", "3.5", 1),
        "headers may have any order, case and blanks",
        &[Send(A, "GET RFC $R$Vos : x\r\nhOST:$H$E"), Expect(A, Document(Whole))],
        &[(Symptom::Status, "find headers by their names in lower case; strip names and values")],
    ),
    Case::server(
        Robust,
        ("get-header-unknown", "2.9", 1),
        "an unknown header is ignored",
        &[Send(A, "GET RFC $R$VX-Check: 1\r\nHost: $H\r\nOS: x$E"), Expect(A, Document(Whole))],
        &[(Symptom::Status, "ignore a header whose name you do not know; extensions depend on it")],
    ),
    Case::server(
        Robust,
        ("get-parallel", "5.1", 2),
        "two clients are served at the same time",
        &[
            Connect(A),
            Send(B, GET),
            Expect(B, Document(Whole)),
            Send(A, GET),
            Expect(A, Document(SameAsFirst)),
        ],
        &[(Symptom::Silent, "serve each connection in a thread of its own, and accept in a loop")],
    ),
    Case::server(
        Robust,
        ("get-again", "5.3", 1),
        "two clients receive the same bytes",
        &[Send(A, GET), Send(B, GET), Expect(A, Document(Whole)), Expect(B, Document(SameAsFirst))],
        &[
            (Symptom::Silent, "serve each connection in a thread of its own, and accept in a loop"),
            (Symptom::Content, "open the file again for each request, and share no buffer"),
        ],
    ),
    Case::server(
        Robust,
        ("close-after", "5.1", 1),
        "the connection is closed after the document",
        &[Send(A, GET), Expect(A, Document(ClosedAfter))],
        &[(
            Symptom::Connection,
            "close the connection after the last byte: some clients wait for it",
        )],
    ),
    Case::server(
        Robust,
        ("get-endless-line", "7", 1),
        "an endless line is refused",
        &[
            SendFilled(A, "GET RFC ", 65_536),
            Expect(A, RefusedOrClosed),
            Send(B, GET),
            Expect(B, Document(Whole)),
        ],
        &[
            (Symptom::Silent, "limit the length of a line (2 KiB): reply 400 and close"),
            (
                Symptom::Status,
                "one read is no request: a line without its end has no words yet. Collect bytes up to the line \
                 end, at most 2 KiB, then reply 400 and close",
            ),
        ],
    ),
];

const DATE: &str = "send the date in GMT as `Sun, 06 Nov 1994 08:49:37 GMT`: email.utils.formatdate(t, \
                    usegmt=True) in Python";
