//! A small peer with a menu that passes all cases of the level robust, unless it has one of these faults.
//!
//! It is this test program itself: with an argument `fault=...` the test below is the peer.

#![allow(clippy::print_stdout, reason = "its menu")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::client_faults::{ALL, Fault};
use super::faulty_upload;
use crate::common::uninterrupted;

/// What is typed into its menu.
pub(crate) const MENU: &str = "\
# value by value
add: 1\\n{number}\\n{title}
lookup: 2\\n{number}
list: 3
get: 4\\n{number}\\n{host}\\n{port}
leave: 5
";

/// The command that starts it.
pub(crate) fn command(fault: Fault) -> String {
    let program = std::env::current_exe().unwrap();
    let fault = format!("fault={fault:?}");
    let words = ["--exact", "--nocapture", "check::faulty_client::program", &fault];
    let values = ["index={host}:{port}", "dir={dir}", "rfc={rfc}"];
    let words = [&[program.to_str().unwrap()], &words[..], &values[..]].concat();
    shlex::try_join(words).unwrap()
}

/// The program. In a run of the tests it has no fault, and does nothing.
#[test]
fn program() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let mut values = arguments.iter().filter_map(|one| one.split_once('='));
        values.find(|(found, _)| *found == name).map(|(_, value)| value.to_string())
    };
    let Some(fault) = value("fault") else { return };
    let fault = ALL.into_iter().find(|one| format!("{one:?}") == fault).unwrap();
    let rfc = value("rfc").unwrap().parse().unwrap();
    let of_upload = match fault {
        Fault::EndsAtGetWithoutHost => faulty_upload::Fault::EndsWithoutHost,
        _ => faulty_upload::Fault::None,
    };
    let upload = faulty_upload::start_with(of_upload, rfc);
    let client = Client {
        fault,
        index: value("index").unwrap().parse().unwrap(),
        dir: value("dir").unwrap().into(),
        port: if fault == Fault::OtherPort { 1 } else { upload.port() },
    };
    client.run();
    std::process::exit(0);
}

struct Client {
    fault: Fault,
    index: SocketAddr,
    dir: PathBuf,
    port: u16,
}

impl Client {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn run(&self) {
        let connect = || TcpStream::connect(self.index).unwrap();
        let mut index = connect();
        if self.has(Fault::Greets) {
            index.write_all(format!("CONNECT {} P2P-CI/1.0\n", self.port).as_bytes()).unwrap();
        }
        let mut typed = std::io::stdin().lock().lines().map(Result::unwrap);
        loop {
            println!("1 add, 2 look up, 3 list, 4 download, 5 leave");
            let Some(choice) = typed.next() else { return };
            if self.has(Fault::ConnectionPerRequest) {
                index = connect();
            }
            let mut ask = |what: &str| {
                println!("{what}?");
                typed.next().unwrap()
            };
            match choice.as_str() {
                "1" => {
                    let (number, title) = (ask("number"), ask("title"));
                    let title = match self.has(Fault::TitleWord) {
                        true => title.split(' ').next().unwrap().into(),
                        false => title,
                    };
                    let words = format!("ADD {}", self.document(&number));
                    self.exchange(&mut index, &words, Some(&title));
                }
                "2" => {
                    let words = format!("LOOKUP {}", self.document(&ask("number")));
                    self.exchange(&mut index, &words, None);
                }
                "3" if self.has(Fault::EndsAtList) => {
                    println!("NameError: name 'list_all' is not defined");
                    std::process::exit(1);
                }
                "3" if self.has(Fault::IgnoresList) => println!("not yet"),
                "3" => loop {
                    self.exchange(&mut index, "LIST ALL", None);
                    if !self.has(Fault::FloodsAfterList) {
                        break;
                    }
                },
                "4" => {
                    let (number, host, port) = (ask("number"), ask("host"), ask("port"));
                    self.download(&number, &format!("{host}:{port}"));
                }
                _ => break,
            }
        }
        if self.has(Fault::SaysLeave) {
            let port = self.port;
            let words = format!("LEAVE P2P-CI/1.0\r\nHost: localhost\r\nPort: {port}\r\n\r\n");
            index.write_all(words.as_bytes()).unwrap();
        }
        if self.has(Fault::Stays) {
            thread::sleep(Duration::from_secs(60));
        }
    }

    fn document(&self, number: &str) -> String {
        match self.fault {
            Fault::NumberAlone => number.into(),
            Fault::LeadingZero => format!("RFC 0{number}"),
            _ => format!("RFC {number}"),
        }
    }

    fn request(&self, words: &str, headers: &[(&str, String)]) -> Vec<u8> {
        let version = if self.has(Fault::OtherVersion) { "P2P-CI/1" } else { "P2P-CI/1.0" };
        let colon = if self.has(Fault::NoBlankAfterColon) { ":" } else { ": " };
        let mut text = format!("{words} {version}\r\n");
        for (name, value) in headers {
            let written = if self.has(Fault::Post) && *name == "Port" { "Post" } else { *name };
            let line = format!("{written}{colon}{value}\r\n");
            let times = match *name {
                "Host" if self.has(Fault::NoHost) => 0,
                "Host" if self.has(Fault::HostTwice) => 2,
                "OS" if self.has(Fault::NoOs) => 0,
                "Port" if self.has(Fault::NoPortInLookup) && words.starts_with("LOOKUP") => 0,
                _ => 1,
            };
            text.push_str(&line.repeat(times));
        }
        match self.fault {
            Fault::NoEmptyLine => {}
            Fault::EndLine => text.push_str("END\r\n"),
            _ => text.push_str("\r\n"),
        }
        match self.has(Fault::LineFeeds) {
            true => text.replace('\r', "").into_bytes(),
            false => text.into_bytes(),
        }
    }

    /// A request to the index; its reply is printed.
    fn exchange(&self, index: &mut TcpStream, words: &str, title: Option<&str>) {
        let is_list = words.starts_with("LIST");
        let port = self.port + u16::from(is_list && self.has(Fault::OtherPortInList));
        let mut headers = vec![("Host", "localhost".to_string()), ("Port", port.to_string())];
        headers.extend(title.map(|title| ("Title", title.to_string())));
        index.write_all(&self.request(words, &headers)).unwrap();
        let reply = self.reply(index);
        let (head, records) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
        let ends = match self.fault {
            Fault::EndsAt404 => head.contains(" 404 "),
            Fault::EndsAtReason => head.contains("\r\nReason:"),
            Fault::EndsAtEmptyList => head.contains(" 200 ") && records.trim().is_empty(),
            Fault::EndsAt505 => head.contains(" 505 "),
            _ => false,
        };
        if ends {
            println!("IndexError: list index out of range");
            std::process::exit(1);
        }
        if self.has(Fault::HangsAt404) && head.contains(" 404 ") {
            thread::sleep(Duration::from_secs(60));
        }
        println!("{head}");
        let shown = if self.has(Fault::OneRecord) { 1 } else { usize::MAX };
        records.lines().take(shown).for_each(|record| println!("{record}"));
    }

    /// Reads a reply to its end.
    fn reply(&self, index: &mut TcpStream) -> String {
        let mut reply = Vec::new();
        loop {
            let mut buffer = [0; 4096];
            let count = uninterrupted(|| index.read(&mut buffer)).unwrap();
            reply.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&reply).into_owned();
            let is_found = text.contains(" 200 ");
            let ends = text.matches("\r\n\r\n").count() > usize::from(is_found);
            // A reply without records has both empty lines together.
            let is_empty = is_found && text.ends_with("\r\n\r\n\r\n");
            if ends || is_empty || count == 0 || self.has(Fault::ReadsOnce) {
                return text;
            }
        }
    }

    fn download(&self, number: &str, holder: &str) {
        let mut stream = TcpStream::connect(holder).unwrap();
        let headers = [("Host", "localhost".to_string()), ("OS", "Linux".to_string())];
        let words = format!("GET {}", self.document(number));
        stream.write_all(&self.request(&words, &headers)).unwrap();
        let mut reply = Vec::new();
        let mut read = |reply: &mut Vec<u8>| {
            let mut buffer = [0; 4096];
            let count = uninterrupted(|| stream.read(&mut buffer)).unwrap();
            reply.extend_from_slice(&buffer[..count]);
            count
        };
        let head_end = |reply: &[u8]| reply.windows(4).position(|four| four == b"\r\n\r\n");
        while head_end(&reply).is_none() {
            if read(&mut reply) == 0 {
                return println!("no reply");
            }
            if self.has(Fault::HeadInOneRead) && head_end(&reply).is_none() {
                return println!("no head");
            }
        }
        let end = head_end(&reply).unwrap() + 4;
        let head = String::from_utf8_lossy(&reply[..end]).into_owned();
        println!("{head}");
        if !head.contains(" 200 ") && !self.has(Fault::SavesRefusals) {
            return;
        }
        let length = self.length(&head);
        // Single bytes may arrive together on a busy machine.
        if self.has(Fault::LosesFirstSegment) && reply.len() > end + 32 {
            reply.truncate(end);
        }
        let most = if self.has(Fault::ShortBody) { 65_536 } else { usize::MAX };
        let is_whole = |reply: &[u8]| match length {
            Some(length) if !self.has(Fault::ReadsToClose) => reply.len() >= end + length,
            _ => false,
        };
        while !is_whole(&reply) && reply.len() < most && read(&mut reply) > 0 {}
        let begin = match self.has(Fault::SplitsAtLastEmptyLine) {
            true => reply.windows(4).rposition(|four| four == b"\r\n\r\n").unwrap() + 4,
            false => end,
        };
        let body = &reply[begin..];
        let text = String::from_utf8_lossy(body).into_owned();
        let body = if self.has(Fault::TextMode) { text.as_bytes() } else { body };
        fs::write(self.dir.join(format!("rfc{number}.txt")), body).unwrap();
    }

    fn length(&self, head: &str) -> Option<usize> {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let headers: BTreeMap<String, &str> = lines
            .map(|(name, value)| match self.has(Fault::HeadersByCase) {
                true => (name.to_string(), value),
                false => (name.to_lowercase(), value),
            })
            .collect();
        let name = if self.has(Fault::HeadersByCase) { "Content-Length" } else { "content-length" };
        match headers.get(name) {
            Some(value) => value.trim().parse().ok(),
            None if self.has(Fault::HeadersByCase) => {
                println!("KeyError: 'Content-Length'");
                std::process::exit(1)
            }
            None => None,
        }
    }
}
