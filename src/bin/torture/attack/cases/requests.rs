//! Requests: every byte, every edge of a number, every size, any pieces, and other protocols.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::protocol::IndexReplyDecoder;

use crate::attack::Setting;
use crate::attack::latency::millis;
use crate::attack::report::Report;
use crate::common::programs::{Index, Peer, peer_command};
use crate::common::talk::{FROM, Talk, add, list, lookup, records, status};

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
        // What was taken stays while its connection does: here by one that stays.
        let mut talk = Talk::from(11 << 8, index.address)?;
        talk.say(with_byte(6, &inserted))?;
        let _ = talk.reply();
        let begun = Instant::now();
        let is_sound = |observer: &mut Talk| -> io::Result<bool> {
            let listed = observer.ask(list())?;
            let lines = records(&listed).into_iter().filter(|line| line.contains("field-host"));
            Ok(lines.count() <= 1 && is_well_formed(&listed))
        };
        // The one before may still be leaving.
        while !is_sound(&mut observer)? {
            if begun.elapsed() > Duration::from_secs(2) {
                forged += 1;
                break;
            }
        }
    }
    report.figure("requests with another byte that were taken", f64::from(taken), "");
    report.figure("that were refused", f64::from(refused), "");
    report.require("never a second line in somebody's LIST", forged == 0);
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
    let folder = tempfile::tempdir()?;
    let (mut controls, mut runs) = (0, 0);
    for format in ["raw", "table", "json"] {
        for words in [&["list"][..], &["lookup", "1"], &["search", "a"], &["peers"], &["get", "1"]]
        {
            let arguments = [&["--format", format], words].concat();
            let mut command = peer_command(&address.to_string(), folder.path(), &arguments)?;
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

pub(super) fn numbers(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const TABLE: [(&str, &str, &str); 32] = [
        ("number", "0", "400"),
        ("number", "1", "404"),
        ("number", "2", "404"),
        ("number", "999999998", "404"),
        ("number", "999999999", "404"),
        ("number", "1000000000", "400"),
        ("number", "4294967295", "400"),
        ("number", "4294967296", "400"),
        ("number", "18446744073709551616", "400"),
        ("number", "99999999999999999999", "400"),
        ("number", "+5", "400"),
        ("number", "-5", "400"),
        ("number", "05", "400"),
        ("number", "0x5", "400"),
        ("number", "5.0", "400"),
        ("number", "5e0", "400"),
        ("number", "\u{0665}", "400"),
        ("number", " 5", "404"),
        ("port", "0", "400"),
        ("port", "1", "404"),
        ("port", "65534", "404"),
        ("port", "65535", "404"),
        ("port", "65536", "400"),
        ("port", "+80", "400"),
        ("port", "080", "404"),
        ("port", "0x50", "400"),
        ("port", "99999999999999999999", "400"),
        ("port", "", "400"),
        ("limit", "0", "400"),
        ("limit", "1", "200"),
        ("limit", "99999999999999999999", "400"),
        ("limit", "+1", "400"),
    ];
    let index = Index::start(setting.target)?;
    let mut wrong = Vec::new();
    // Blanks between words are read as one, and a port may begin with zeros.
    for (field, value, expected) in TABLE {
        let request = match field {
            "number" => format!("LOOKUP RFC {value} P2P-CI/1.0\r\n{FROM}\r\n"),
            "port" => format!("LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: {value}\r\n\r\n"),
            _ => format!("SEARCH ALL P2P-CI/1.0\r\n{FROM}Title: a\r\nLimit: {value}\r\n\r\n"),
        };
        let reply = Talk::to(index.address)?.ask(request)?;
        if status(&reply) != expected {
            wrong.push(format!("{field} {value:?}: {}", status(&reply)));
        }
    }
    report.figure("numbers", TABLE.len() as f64, "");
    report.require(&format!("each as protocol.md says {}", wrong.join(", ")), wrong.is_empty());
    Ok(())
}

pub(super) fn large(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let gigabyte: usize = setting.size(1 << 30, 1 << 26);
    let index = Index::start(setting.target)?;
    let before = index.usage();
    let endless = |first: &str, line: &str| -> io::Result<usize> {
        let mut talk = Talk::to(index.address)?;
        talk.say(first)?;
        let chunk = line.repeat(65536 / line.len());
        let mut sent = 0;
        while sent < gigabyte && talk.stream.write_all(chunk.as_bytes()).is_ok() {
            sent += chunk.len();
        }
        // Until the other side has closed.
        talk.rest();
        Ok(sent)
    };
    let line_sent = endless("LOOKUP ", "x")?;
    let headers_sent = endless("LOOKUP RFC 1 P2P-CI/1.0\r\n", "X-Header: value\r\n")?;
    report.figure("bytes taken of an endless line", line_sent as f64, "");
    report.figure("bytes taken of endless headers", headers_sent as f64, "");
    report.require("far less than what was to come", line_sent.max(headers_sent) < gigabyte / 8);
    if let (Some(before), Some(after)) = (before, index.usage()) {
        let more = after.memory.saturating_sub(before.memory);
        report.figure("memory more than before", more as f64 / 1024.0, "KiB");
        report.require("nothing of it is held", more < 2 << 20);
    }
    // Without a flood behind it the reply must arrive.
    let mut arrived = 0;
    for request in [format!("LOOKUP {}", "x".repeat(20_000)), {
        format!("LOOKUP RFC 1 P2P-CI/1.0\r\n{}", "X-Header: value\r\n".repeat(1500))
    }] {
        let mut talk = Talk::to(index.address)?;
        talk.say(request)?;
        let (reply, _) = talk.rest();
        arrived += usize::from(reply == b"P2P-CI/1.0 400 Bad Request\r\n\r\n");
    }
    report.require("400 arrives before the close", arrived == 2);
    let mut wrong = Vec::new();
    for (what, limit) in [("request line", 2048_usize), ("header line", 4096), ("head", 16384)] {
        for (size, expected) in [(limit - 1, "404"), (limit, "404"), (limit + 1, "400")] {
            let reply = Talk::to(index.address)?.ask(of_size(what, size))?;
            if status(&reply) != expected {
                wrong.push(format!("{what} of {size}: {}", status(&reply)));
            }
        }
    }
    report.require(&format!("limits to the byte {}", wrong.join(", ")), wrong.is_empty());
    Ok(())
}

/// A LOOKUP whose line, header or head has so many bytes.
fn of_size(what: &str, size: usize) -> String {
    let line = "LOOKUP RFC 1 P2P-CI/1.0\r\n";
    match what {
        // Blanks between words are one of the things that are read as one.
        "request line" => {
            let name = "LOOKUP RFC 1";
            let blanks = size - line.len() + 1;
            format!("{name}{}P2P-CI/1.0\r\n{FROM}\r\n", " ".repeat(blanks))
        }
        "header line" => {
            format!("{line}{FROM}X: {}\r\n\r\n", "x".repeat(size - "X: \r\n".len()))
        }
        _ => {
            let mut head = format!("{line}{FROM}");
            while size - head.len() > 4200 {
                head += &format!("X: {}\r\n", "x".repeat(3000));
            }
            let rest = size - head.len() - "X: \r\n\r\n".len();
            format!("{head}X: {}\r\n\r\n", "x".repeat(rest))
        }
    }
}

pub(super) fn splits(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let messages = setting.size(200, 40);
    let index = Index::start(setting.target)?;
    let mut talk = Talk::to(index.address)?;
    let (mut tried, mut different) = (0, 0);
    for number in 0..messages {
        let message = message(number);
        let whole = talk.ask(&message)?;
        for at in 1..message.len() {
            talk.say(&message[..at])?;
            talk.say(&message[at..])?;
            different += usize::from(talk.reply()? != whole);
            // Ten faults in a row would end the connection.
            talk.ask(lookup(1))?;
            tried += 1;
        }
    }
    report.figure("splits", f64::from(tried), "");
    report.require("the same replies as whole", different == 0);

    const PIPELINE: usize = 10_000;
    let mut requests = Vec::new();
    let mut expected = Vec::new();
    for number in 0..PIPELINE {
        let message = message(number % 40 + 1);
        expected.push(talk.ask(&message)?);
        requests.extend_from_slice(&message);
    }
    let mut writer = talk.stream.try_clone()?;
    let writing = thread::spawn(move || writer.write_all(&requests));
    let mut same = 0;
    for expected in &expected {
        same += usize::from(talk.reply()? == *expected);
    }
    writing.join().map_err(|_| io::Error::other("a panic"))??;
    report.figure("replies to a pipeline", same as f64, "of 10000");
    report.require("all the same, in order", same == PIPELINE);
    Ok(())
}

/// One of many messages, of all kinds and with all line ends; asking twice changes nothing.
fn message(number: usize) -> Vec<u8> {
    let rfc = number % 7 + 1;
    let text = match number % 6 {
        0 => lookup(rfc as u32),
        1 => add(rfc as u32, "split", 5678, "A Title"),
        2 => format!("SEARCH ALL P2P-CI/1.0\r\n{FROM}Title: title\r\n\r\n"),
        3 => "NONSENSE\r\n\r\n".to_string(),
        4 => format!("LOOKUP RFC {rfc} P2P-CI/9.9\r\n{FROM}\r\n"),
        _ => format!("LOOKUP FILE a%20{rfc}.md P2P-CI/1.0\r\n{FROM}Want-Attributes: 1\r\n\r\n"),
    };
    match number % 3 {
        0 => text.replace("\r\n", "\n").into_bytes(),
        1 => text.replacen("\r\n", "\n", 1).into_bytes(),
        _ => text.into_bytes(),
    }
}

pub(super) fn other_protocols(_: &Setting, report: &mut Report) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("rfc1.txt"), "one")?;
    let index = Index::with(&["--log", "quiet"])?;
    let peer = Peer::share(index.address, folder.path(), &[])?;
    let noise: Vec<u8> =
        (0..4096_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let messages: [(&str, &[u8]); 8] = [
        ("HTTP GET", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
        ("TLS hello", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\xaa\xbb\xcc\xdd"),
        ("pickle", b"\x80\x04\x95\x1b\0\0\0\0\0\0\0]\x94(\x8c\x03ADD\x94K\x01e."),
        ("SSH", b"SSH-2.0-OpenSSH_9.6\r\n\0\0\x05\xdc\x07\x14"),
        ("SMB", b"\0\0\0\x85\xffSMBr\0\0\0\0"),
        ("Redis", b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n\0"),
        ("noise", &noise),
    ];
    let mut longest = Duration::ZERO;
    let mut wrong = Vec::new();
    for (name, message) in messages {
        for (place, address) in [("index", index.address), ("upload server", peer.upload)] {
            let time = time_to_close(address, message)?;
            longest = longest.max(time);
            if time > Duration::from_millis(100) {
                wrong.push(format!("{name} at the {place}: {:.0} ms", millis(time)));
            }
        }
    }
    report.figure("the longest until the close", millis(longest), "ms");
    report.require_time(
        &format!("refused and closed within 100 ms {}", wrong.join(", ")),
        wrong.is_empty(),
    );
    let listed = Talk::to(index.address)?.ask(list())?;
    report.require("no record", records(&listed).len() == 1);
    Ok(())
}

/// How long it takes until the other side has closed, which the sender does not.
fn time_to_close(address: SocketAddr, message: &[u8]) -> io::Result<Duration> {
    let mut talk = Talk::to(address)?;
    let begun = Instant::now();
    // It may be refused before all of it was sent.
    let _ = talk.stream.write_all(message);
    // A fault whose end is known does not end the connection: ten of them do.
    for _ in 0..10 {
        let _ = talk.stream.write_all(b"\r\n\r\nx\r\n\r\n");
    }
    let (_, end) = talk.rest();
    Ok(end - begun)
}
