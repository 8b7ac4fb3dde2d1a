//! Other programs that talk to themselves: `captures` of the shared sample data.

use std::path::Path;

use crate::common::pcapng::{Capture, Side};
use crate::common::skip_without_sample;
use crate::wireshark::transcript::restore;
use crate::wireshark::tshark::{PASSES, Tshark};

/// A program: the methods of its requests, the statuses of the replies, the bytes of documents, and some of
/// the forms that are recognized.
struct Program {
    letter: char,
    methods: &'static str,
    statuses: &'static str,
    documents: &'static [&'static str],
    forms: &'static [&'static str],
}

const PROGRAMS: &[Program] = &[
    Program {
        letter: 'a',
        methods: "LIST ADD LIST LOOKUP LOOKUP GET LIST LEAVE LEAVE",
        statuses: "404 200 200 200 404 200 200",
        documents: &["11592"],
        forms: &["no line end", "404 to an empty list", "leave request"],
    },
    Program {
        letter: 'b',
        methods: "ADD ADD ADD ADD ADD ADD LIST LOOKUP LOOKUP GET ADD",
        statuses: "200",
        documents: &[],
        forms: &["number without RFC", "leading zero", "text that is no message"],
    },
    Program {
        letter: 'c',
        methods: "LIST ADD LIST LOOKUP LOOKUP GET LIST",
        statuses: "200 200 200 200 200 200 200",
        documents: &["11665"],
        forms: &["END", "LF", "200 to an empty LOOKUP"],
    },
    Program {
        letter: 'd',
        methods: "ADD LIST LIST LOOKUP LOOKUP LIST LOOKUP LIST EXIT EXIT EXIT",
        statuses: "200 200 200 200 404 505 400 400 400 200 200 200 200",
        documents: &[],
        forms: &["leave request"],
    },
    Program {
        letter: 'e',
        methods: "ADD LIST LIST LOOKUP LOOKUP GET",
        statuses: "200 200 200 200 404 200",
        documents: &["11592"],
        forms: &["record without RFC", "ADD without record", "P2PCI", "header without colon"],
    },
    Program {
        letter: 'f',
        methods: "LIST ADD LIST LOOKUP GET LOOKUP LIST",
        statuses: "200 200 200 200 200 404 200",
        documents: &["11592"],
        forms: &["LIST without ALL", "other record"],
    },
    Program {
        letter: 'g',
        methods: "CONNECT LIST ADD CONNECT LIST LOOKUP LOOKUP QUERY GET QUIT QUIT",
        statuses: "404 200 200 200 404 200",
        documents: &["11592"],
        forms: &["join request", "leave request", "misspelt header"],
    },
    Program {
        letter: 'h',
        methods: "ADD LIST LIST LOOKUP LOOKUP GET ADD LIST",
        statuses: "200 200 200 200 200 200 200 400 200 400 400",
        documents: &["11592"],
        forms: &["ADD without record", "200 to an empty LOOKUP"],
    },
    Program {
        letter: 'i',
        methods: "LIST ADD LIST LOOKUP LOOKUP LOOKUP GET ADD DEL DEL",
        statuses: "404 200 200 200 404 200 200 200 200 200",
        documents: &["11592"],
        forms: &["padding", "leave request"],
    },
    Program {
        letter: 'j',
        methods: "ADD ADD LIST LOOKUP LOOKUP GET LIST DISCONNECT DISCONNECT",
        statuses: "200 200 200 200 404 200 200",
        documents: &["11592"],
        forms: &["blanks of headers", "text before the document", "bytes after the document"],
    },
    Program {
        letter: 'k',
        methods: "LIST ADD LIST LOOKUP LOOKUP LOOKUP GET ADD LIST LIST",
        statuses: "404 200 200 200 404 200 200 200 200 400 200 400",
        documents: &["11592"],
        forms: &["misspelt header"],
    },
];

#[test]
fn programs_that_talk_to_themselves_are_understood() {
    let Some(tshark) = Tshark::find() else { return };
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    if !samples.is_dir() {
        return skip_without_sample(&samples);
    }
    for program in PROGRAMS {
        let letter = program.letter;
        let text = samples.join(format!("program-{letter}.txt"));
        let capture = tshark.directory().join(format!("program-{letter}.pcapng"));
        assert_eq!(restore(&text, &capture), 0, "{letter}: lines that are not restored");
        for passes in PASSES {
            let found = tshark.found(&capture, passes);
            let values = |field: &str| found[field].clone();
            assert_eq!(values("p2pci.method").join(" "), program.methods, "{letter} {passes:?}");
            assert_eq!(values("p2pci.status").join(" "), program.statuses, "{letter} {passes:?}");
            assert_eq!(values("p2pci.document.length"), program.documents, "{letter} {passes:?}");
            let forms = values("p2pci.dialect");
            for form in program.forms {
                assert!(forms.iter().any(|found| found == form), "{letter} {form}: {forms:?}");
            }
            tshark.tree(&capture, passes);
        }
    }
}

/// Forms that the captures do not have.
#[test]
fn lengths_before_messages_and_greetings_are_understood() {
    let Some(tshark) = Tshark::find() else { return };
    let path = tshark.directory().join("forms.pcapng");
    let mut capture = Capture::create(&path);
    // Java's writeUTF.
    let with_length =
        |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat();
    let mut upload = capture.connect(40_000, 5678);
    let get = with_length("GET RFC 1 P2P-CI/1.0\nHost: h\nOS: x\n");
    let head = "P2P-CI/1.0 200 OK\nDate: x\nOS: x\nLast-Modified: x\nContent-Length: 5\nContent-Type: text/text\n";
    capture.send(&mut upload, Side::Client, &get);
    capture.send(&mut upload, Side::Server, &with_length(head));
    capture.send(&mut upload, Side::Server, b"12345");
    // The greeting of a server crosses the first request.
    let mut index = capture.connect(40_001, 7734);
    capture.send(&mut index, Side::Client, b"LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 5\r\n\r\n");
    capture.send(&mut index, Side::Server, b"Welcome\r\n");
    capture.send(&mut index, Side::Server, b"P2P-CI/1.0 200 OK\r\n\r\nRFC 1 t h 5\r\n\r\n");
    capture.close();
    for passes in PASSES {
        let rows =
            tshark.fields(&path, passes, "p2pci.status", &["p2pci.status", "p2pci.request_in"]);
        assert_eq!(rows, [["200", "4"], ["200", "10"]], "{passes:?}");
        let found = tshark.found(&path, passes);
        assert_eq!(found["p2pci.document"], ["3132333435"], "{passes:?}");
        assert_eq!(found["p2pci.record.port"], ["5"], "{passes:?}");
    }
}
