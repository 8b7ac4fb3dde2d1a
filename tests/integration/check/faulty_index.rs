//! A small index server that passes all cases of the level robust, unless it has one of these faults.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    LineFeeds,
    NoLineAfterStatus,
    NoLineAtEnd,
    TwoLinesAfterRefusal,
    Greets,
    EmptyListMissing,
    LookupOfNothingFound,
    KeepsRecords,
    KeepsRecordsOfReset,
    RemovesByNumber,
    OldestFirst,
    ListUnsorted,
    ListsEqualRecords,
    AppendsAlways,
    ReplacesByNumber,
    ComparesTitle,
    HeadersByCase,
    HeadersUntrimmed,
    SplitsAtEachBlank,
    RefusesUnknownHeaders,
    NeedsCrlf,
    OneReadPerRequest,
    DropsPipelined,
    OneConnection,
    ClosesAfterRefusal,
    NoVersionStatus,
    MethodFirst,
    AnyPort,
    SignedNumbers,
    HeadersOptional,
    HeadersTwice,
    HeadersWithoutColon,
    EndlessLines,
    ControlCharacters,
    AsciiTitles,
    TitleToColon,
    NoEmptyTitle,
    ListOfAnything,
    WordsIgnored,
    EmptyLineIsRequest,
}

struct Record {
    connection: usize,
    number: i64,
    title: String,
    holder: String,
}

struct Index {
    fault: Fault,
    /// In the order in which they were added.
    records: Mutex<Vec<Record>>,
}

/// Starts the server, which runs until the test ends.
pub(crate) fn start(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let index = Arc::new(Index { fault, records: Mutex::new(Vec::new()) });
    thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let index = Arc::clone(&index);
            let served = thread::spawn(move || index.serve(number, stream));
            if fault == Fault::OneConnection {
                served.join().unwrap();
            }
        }
    });
    address
}

impl Index {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn serve(&self, connection: usize, mut stream: TcpStream) {
        let is_reset = self.answer(connection, &mut stream).is_err();
        let mut records = self.records.lock().unwrap();
        let own = |record: &Record| record.connection == connection;
        let numbers: Vec<i64> =
            records.iter().filter(|one| own(one)).map(|one| one.number).collect();
        match self.fault {
            Fault::KeepsRecords => {}
            Fault::KeepsRecordsOfReset if is_reset => {}
            Fault::RemovesByNumber => records.retain(|record| !numbers.contains(&record.number)),
            _ => records.retain(|record| !own(record)),
        }
    }

    fn answer(&self, connection: usize, stream: &mut TcpStream) -> std::io::Result<()> {
        if self.has(Fault::Greets) {
            stream.write_all(b"Welcome\r\n")?;
        }
        let mut input = Vec::new();
        loop {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            input.extend_from_slice(&buffer[..count]);
            let is_control = |byte: &u8| *byte < 32 && !b"\r\n\t".contains(byte);
            let is_broken = input.iter().any(is_control) && !self.has(Fault::ControlCharacters);
            let is_long = input.split(|byte| *byte == b'\n').any(|line| line.len() > 2048);
            if is_broken || is_long && !self.has(Fault::EndlessLines) {
                stream.write_all(b"P2P-CI/1.0 400 Bad Request\r\n\r\n")?;
                return close(stream);
            }
            while let Some(end) = self.head_end(&input) {
                let head: Vec<u8> = input.drain(..end).collect();
                if self.has(Fault::DropsPipelined) || self.has(Fault::OneReadPerRequest) {
                    input.clear();
                }
                let reply = self.reply(connection, &String::from_utf8_lossy(&head));
                let is_refused = !reply.starts_with("P2P-CI/1.0 200");
                stream.write_all(reply.as_bytes())?;
                if is_refused && self.has(Fault::ClosesAfterRefusal) {
                    return close(stream);
                }
            }
        }
    }

    /// Where the first request ends.
    fn head_end(&self, input: &[u8]) -> Option<usize> {
        if self.has(Fault::OneReadPerRequest) {
            return (!input.is_empty()).then_some(input.len());
        }
        let text = String::from_utf8_lossy(input);
        let (mut end, mut has_begun) = (0, self.has(Fault::EmptyLineIsRequest));
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            end += line.len();
            let is_empty = match self.has(Fault::NeedsCrlf) {
                true => line == "\r\n",
                false => line.trim().is_empty(),
            };
            if is_empty && has_begun {
                return Some(end);
            }
            has_begun |= !is_empty;
        }
        None
    }

    fn reply(&self, connection: usize, request: &str) -> String {
        let rows = match self.rows(connection, request) {
            Ok(rows) => rows,
            Err(status) => {
                let more = if self.has(Fault::TwoLinesAfterRefusal) { "\r\n" } else { "" };
                let reply = format!("P2P-CI/1.0 {status}\r\n\r\n{more}");
                return if self.has(Fault::LineFeeds) { reply.replace('\r', "") } else { reply };
            }
        };
        let after_status = if self.has(Fault::NoLineAfterStatus) { "" } else { "\r\n" };
        let end = if self.has(Fault::NoLineAtEnd) { "" } else { "\r\n" };
        let rows: String = rows.iter().map(|row| format!("{row}\r\n")).collect();
        let reply = format!("P2P-CI/1.0 200 OK\r\n{after_status}{rows}{end}");
        if self.has(Fault::LineFeeds) { reply.replace('\r', "") } else { reply }
    }

    fn rows(&self, connection: usize, request: &str) -> Result<Vec<String>, &'static str> {
        const BAD: &str = "400 Bad Request";
        let mut lines = request.trim_start_matches(['\r', '\n']).lines();
        let line = lines.next().unwrap_or_default();
        let words: Vec<&str> = match self.has(Fault::SplitsAtEachBlank) {
            true => line.split(' ').collect(),
            false => line.split_whitespace().collect(),
        };
        let (method, version) = (words.first().copied(), words.last().copied().unwrap_or_default());
        let is_method = matches!(method, Some("ADD" | "LOOKUP" | "LIST"));
        if self.has(Fault::MethodFirst) && !is_method {
            return Err(BAD);
        }
        if version.starts_with("P2P-CI") && version != "P2P-CI/1.0" {
            return Err(match self.has(Fault::NoVersionStatus) {
                true => BAD,
                false => "505 P2P-CI Version Not Supported",
            });
        }
        let headers = self.headers(lines).ok_or(BAD)?;
        let is_all = words.get(1) == Some(&"ALL") || self.has(Fault::ListOfAnything);
        if method == Some("LIST") && words.len() == 3 && is_all {
            return self.list().ok_or("404 Not Found");
        }
        let is_counted = words.len() == 4 || words.len() > 4 && self.has(Fault::WordsIgnored);
        if !is_method || !is_counted || words.get(1) != Some(&"RFC") {
            return Err(BAD);
        }
        let number = self.number(words[2]).ok_or(BAD)?;
        let title = headers.get("title").map(String::as_str);
        if method == Some("LOOKUP") {
            let title = title.filter(|_| self.has(Fault::ComparesTitle));
            return self.lookup(number, title).ok_or("404 Not Found");
        }
        let value = |name: &str, other: &str| match headers.get(name) {
            None if self.has(Fault::HeadersOptional) => Ok(other.to_string()),
            value => value.cloned().ok_or(BAD),
        };
        let (host, port, title) = (value("host", "h")?, value("port", "1")?, value("title", "t")?);
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port > 0);
        if !is_port && !self.has(Fault::AnyPort)
            || title.is_empty() && self.has(Fault::NoEmptyTitle)
        {
            return Err(BAD);
        }
        Ok(vec![self.add(Record { connection, number, title, holder: format!("{host} {port}") })])
    }

    fn number(&self, word: &str) -> Option<i64> {
        let is_strict = word.bytes().all(|byte| byte.is_ascii_digit()) && !word.starts_with('0');
        let number = word.parse().ok().filter(|_| is_strict || self.has(Fault::SignedNumbers));
        number.filter(|number| *number != 0)
    }

    fn headers<'a>(
        &self,
        lines: impl Iterator<Item = &'a str>,
    ) -> Option<BTreeMap<String, String>> {
        let mut headers = BTreeMap::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else {
                if self.has(Fault::HeadersWithoutColon) {
                    continue;
                }
                return None;
            };
            let name = match self.fault {
                Fault::HeadersUntrimmed => name.to_lowercase(),
                Fault::HeadersByCase => {
                    let known =
                        ["Host", "Port", "Title"].into_iter().find(|one| *one == name.trim());
                    known.unwrap_or("unknown").to_lowercase()
                }
                _ => name.trim().to_lowercase(),
            };
            let is_known = ["host", "port", "title"].contains(&name.as_str());
            if !is_known && self.has(Fault::RefusesUnknownHeaders) {
                return None;
            }
            let value = match self.fault {
                Fault::AsciiTitles => value.replace(|letter: char| !letter.is_ascii(), "?"),
                Fault::TitleToColon => value.split(':').next().unwrap_or_default().into(),
                _ => value.to_string(),
            };
            let is_second = headers.insert(name, value.trim().to_string()).is_some();
            if is_second && is_known && !self.has(Fault::HeadersTwice) {
                return None;
            }
        }
        Some(headers)
    }

    fn add(&self, record: Record) -> String {
        let mut records = self.records.lock().unwrap();
        let row = row(&record);
        let is_same = |one: &Record| one.number == record.number && one.holder == record.holder;
        let place = records.iter().position(|one| match self.fault {
            Fault::ReplacesByNumber => one.number == record.number,
            Fault::AppendsAlways => false,
            _ => one.connection == record.connection && is_same(one),
        });
        match place {
            Some(place)
                if self.has(Fault::ReplacesByNumber) || records[place].title != record.title =>
            {
                records.remove(place);
                records.push(record);
            }
            Some(_) => {}
            None => records.push(record),
        }
        row
    }

    fn lookup(&self, number: i64, title: Option<&str>) -> Option<Vec<String>> {
        let records = self.records.lock().unwrap();
        let fits = |record: &&Record| {
            record.number == number && title.is_none_or(|title| record.title == title)
        };
        let rows = self.distinct(records.iter().rev().filter(fits));
        (!rows.is_empty() || self.has(Fault::LookupOfNothingFound)).then_some(rows)
    }

    fn list(&self) -> Option<Vec<String>> {
        let records = self.records.lock().unwrap();
        let mut all: Vec<&Record> = records.iter().rev().collect();
        if !self.has(Fault::ListUnsorted) {
            all.sort_by_key(|record| record.number);
        }
        let rows = self.distinct(all.into_iter());
        (!rows.is_empty() || !self.has(Fault::EmptyListMissing)).then_some(rows)
    }

    fn distinct<'a>(&self, records: impl Iterator<Item = &'a Record>) -> Vec<String> {
        let mut rows: Vec<String> = Vec::new();
        let is_any = self.has(Fault::ListsEqualRecords) || self.has(Fault::AppendsAlways);
        for row in records.map(row) {
            if is_any || !rows.contains(&row) {
                rows.push(row);
            }
        }
        if self.has(Fault::OldestFirst) {
            rows.reverse();
            rows.sort_by_key(|row| row.split(' ').nth(1).and_then(|word| word.parse::<i64>().ok()));
        }
        rows
    }
}

fn row(record: &Record) -> String {
    format!("RFC {} {} {}", record.number, record.title, record.holder)
}

/// Closes so that the refusal is not lost.
fn close(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    let mut rest = [0; 65_536];
    while stream.read(&mut rest).is_ok_and(|count| count > 0) {}
    Ok(())
}
