//! Every byte in every field of a request, and in replies that a person sees on a terminal
//! (protocol.md sections 2.1 and 9).

use std::io::{self, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::protocol::IndexReplyDecoder;

use crate::attack::Setting;
use crate::attack::report::Report;
use crate::common::programs::{Index, peer_command};
use crate::common::talk::{Talk, list, records, status};

/// Whether a reply of an index can be read by our own reader, to its last byte.
fn is_well_formed(reply: &str) -> bool {
    let mut decoder = IndexReplyDecoder::default();
    let mut rest = reply.as_bytes();
    while !rest.is_empty() {
        match decoder.decode(rest) {
            Ok(Some((_, used))) => rest = &rest[used..],
            Ok(None) | Err(_) => return false,
        }
    }
    true
}

pub(super) fn bytes(_: &Setting, report: &mut Report) -> io::Result<()> {
    let mut index = Index::with(&["--log", "requests", "--explain"])?;
    let mut observer = Talk::from(11 << 8, index.address)?;
    let (mut taken, mut refused, mut forged) = (0, 0, 0);
    // Each in a place where it could end a word, a line or a head.
    let more: [&[u8]; 5] =
        [b"\xff\xfe", b"\xc3\x28", "\u{202e}".as_bytes(), "\u{2028}".as_bytes(), b"\r\n\r\n"];
    let singles: Vec<Vec<u8>> = (0..=255).map(|byte: u8| vec![byte]).collect();
    let all = singles.into_iter().chain(more.map(<[u8]>::to_vec));
    for (number, inserted) in all.enumerate() {
        for field in 0..7 {
            let source = (12 << 8) + (number * 7 + field) as u16 % 2000;
            let mut talk = Talk::from(source, index.address)?;
            talk.say(with_byte(field, &inserted))?;
            let _ = talk.stream.shutdown(std::net::Shutdown::Write);
            let (reply, _) = talk.rest();
            let reply = String::from_utf8_lossy(&reply);
            match status(&reply) {
                "200" => taken += 1,
                _ => refused += 1,
            }
            drop(talk);
        }
        // A record lasts as long as its connection, so this one stays open.
        let mut talk = Talk::from(11 << 8, index.address)?;
        talk.say(with_byte(6, &inserted))?;
        let _ = talk.reply();
        let begun = Instant::now();
        let is_sound = |observer: &mut Talk| -> io::Result<bool> {
            let listed = observer.ask(list())?;
            let lines = records(&listed).into_iter().filter(|line| line.contains("field-host"));
            Ok(lines.count() <= 1 && is_well_formed(&listed))
        };
        // The records of the connection before may still be there.
        while !is_sound(&mut observer)? {
            if begun.elapsed() > Duration::from_secs(2) {
                forged += 1;
                break;
            }
        }
    }
    report.figure("requests with another byte that were taken", f64::from(taken), "");
    report.figure("that were refused", f64::from(refused), "");
    report.require("no request adds a second line to a LIST", forged == 0);
    let log = index.program()?.errors();
    report.figure("lines of the server's log", log.lines().count() as f64, "");
    report.require("no control character in the log", !log.contains(is_hidden));
    on_a_terminal(report)
}

/// Whether a character does something to a terminal, or to the order of what people see there.
fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\r')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A request with bytes inserted in one field.
fn with_byte(field: usize, inserted: &[u8]) -> Vec<u8> {
    let mut parts: [&[u8]; 7] = [b"", b"", b"", b"", b"", b"", b""];
    parts[field] = inserted;
    let [kind, number, version, host, port, name, title] = parts;
    [
        b"ADD RFC",
        kind,
        b" 12",
        number,
        b" P2P-CI/1.0",
        version,
        b"\r\nHost: field-host",
        host,
        b"\r\nPort: 56",
        port,
        b"\r\nTi",
        name,
        b"tle: a",
        title,
        b"b\r\n\r\n",
    ]
    .concat()
}

/// An index that says anything: what a person sees of it holds no control byte.
fn on_a_terminal(report: &mut Report) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut stream = stream;
                for byte in 1..=255_u8 {
                    let title = if byte < 128 {
                        vec![b'a', byte, b'b']
                    } else {
                        // C1 controls, as they are in UTF-8, and bare.
                        [format!("a{}b", char::from(byte)).into_bytes(), vec![byte]].concat()
                    };
                    let reply = [
                        b"P2P-CI/1.0 200 OK\r\n\r\nRFC 1 ".as_slice(),
                        &title,
                        "\u{202e}\u{2066}".as_bytes(),
                        b" host 1\r\n\r\n",
                    ]
                    .concat();
                    if stream.write_all(&reply).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let directory = tempfile::tempdir()?;
    let (mut controls, mut runs) = (0, 0);
    for format in ["raw", "table", "json"] {
        for words in [&["list"][..], &["lookup", "1"], &["search", "a"], &["peers"], &["get", "1"]]
        {
            let arguments = [&["--format", format], words].concat();
            let mut command = peer_command(&address.to_string(), directory.path(), &arguments)?;
            let output = command.output()?;
            for stream in [&output.stdout, &output.stderr] {
                controls += String::from_utf8_lossy(stream).matches(is_hidden).count();
            }
            runs += 1;
        }
    }
    report.figure("commands against an index that says anything", f64::from(runs), "");
    report.require("no control character reaches a terminal or a log", controls == 0);
    Ok(())
}
