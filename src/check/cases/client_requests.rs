//! Cases for a client: the form of its requests (protocol.md sections 2, 3.1, 4 and 5.1).

use super::super::case::Case;
use super::super::case::Level::{Handout, Robust};
use super::super::client::ClientTest::Requests;
use super::super::client::RequestRule;
use super::super::symptom::Symptom;

pub(super) static CASES: &[Case] = &[
    Case::client(
        Handout,
        ("request-line", "3.1", 2),
        "a request line has the words of its method",
        Requests(RequestRule::Words),
        &[(
            Symptom::Form,
            "send `ADD RFC NUMBER`, `LOOKUP RFC NUMBER`, `LIST ALL` or `GET RFC NUMBER`, in capital \
             letters, with one blank between two words and nothing before the first one",
        )],
    ),
    Case::client(
        Handout,
        ("request-version", "2.8", 2),
        "a request line ends with P2P-CI/1.0",
        Requests(RequestRule::Version),
        &[(Symptom::Missing, "end the request line with a blank and `P2P-CI/1.0`")],
    ),
    Case::client(
        Handout,
        ("request-number", "2.2", 1),
        "a number has digits only, the first not 0",
        Requests(RequestRule::Number),
        &[(Symptom::Form, "send the number as a number: without leading zeros and without a sign")],
    ),
    Case::client(
        Handout,
        ("request-line-ends", "3.1", 2),
        "the lines of a request end with CRLF",
        Requests(RequestRule::LineEnds),
        &[(Symptom::Form, "end each line with `\\r\\n`, as the handout shows with <cr> <lf>")],
    ),
    Case::client(
        Handout,
        ("request-end", "3.1", 3),
        "an empty line ends a request",
        Requests(RequestRule::End),
        &[
            (
                Symptom::CutOff,
                "send an empty line after the last header: without it a server must wait to find the \
                 end",
            ),
            (
                Symptom::EndLine,
                "send an empty line after the last header in place of the line `END`, which is no \
                 header and no end for other servers",
            ),
        ],
    ),
    Case::client(
        Handout,
        ("request-headers", "2.9", 1),
        "a header is a name, a colon and a value",
        Requests(RequestRule::HeaderForm),
        &[(Symptom::Form, "send headers as `Name: value`, with one blank after the colon")],
    ),
    Case::client(
        Handout,
        ("request-host", "4.1", 2),
        "a request has the header Host",
        Requests(RequestRule::Host),
        &[(Symptom::Missing, "send `Host:` and the name or address of your computer")],
    ),
    Case::client(
        Handout,
        ("request-port", "4.1", 2),
        "a request to the index has the header Port",
        Requests(RequestRule::Port),
        &[
            (
                Symptom::Missing,
                "send `Port:` and the port of your upload server, in LOOKUP and LIST, too",
            ),
            (Symptom::Form, "write `Port:`: other servers do not know a header `Post:`"),
        ],
    ),
    Case::client(
        Handout,
        ("add-title", "4.1", 2),
        "ADD has the header Title",
        Requests(RequestRule::Title),
        &[(Symptom::Missing, "send `Title:` and the whole title, with its blanks")],
    ),
    Case::client(
        Handout,
        ("get-os", "5.1", 1),
        "GET has the header OS",
        Requests(RequestRule::Os),
        &[(Symptom::Missing, "send `OS:` and the name of the operating system, as in the handout")],
    ),
    Case::client(
        Handout,
        ("port-listens", "4.1", 2),
        "the port of ADD accepts connections",
        Requests(RequestRule::PortListens),
        &[(
            Symptom::NotConnected,
            "nobody listens at the port in the ADD, but others download from there: open a listening socket \
             on all addresses before the first ADD, and send its port, not that of the connection to \
             the index. A client without documents needs no upload server, and sends no ADD",
        )],
    ),
    Case::client(
        Handout,
        ("stays-connected", "4.6", 2),
        "the connection of ADD stays open",
        Requests(RequestRule::StaysConnected),
        &[(
            Symptom::Connection,
            "keep the connection open until the program leaves: its end removes your records",
        )],
    ),
    Case::client(
        Robust,
        ("headers-once", "2.9", 1),
        "no header comes twice",
        Requests(RequestRule::HeaderOnce),
        &[(Symptom::Surplus, "send each header once: a server refuses a second one")],
    ),
    Case::client(
        Robust,
        ("same-endpoint", "4.6", 1),
        "Host and Port are the same in all requests",
        Requests(RequestRule::SameEndpoint),
        &[(Symptom::Missing, "send the same Host and Port in each request: they name your peer")],
    ),
    Case::client(
        Robust,
        ("nothing-else", "3.1", 1),
        "nothing is sent but requests",
        Requests(RequestRule::NothingElse),
        &[(
            Symptom::Surplus,
            "send no greeting, padding, END or farewell: close the connection to leave",
        )],
    ),
];
