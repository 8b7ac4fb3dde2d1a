//! Requests with numbers and sizes at and beyond every limit, and in pieces of any size (protocol.md
//! sections 2, 3.4 and 7).

use std::io::{self, Write};
use std::thread;

use crate::attack::Setting;
use crate::attack::report::Report;
use crate::common::programs::Index;
use crate::common::talk::{FROM, Talk, add, lookup, status};

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
    // Without a flood after it the reply must arrive.
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

/// A LOOKUP whose line, header or head has `size` bytes.
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
