//! A small upload server of one RFC that passes all cases of the level robust, unless it has one of these
//! faults.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    NoDate,
    UnreadableDate,
    NoOs,
    NoLastModified,
    NoLength,
    NoType,
    ShortLength,
    LineFeeds,
    MissingIsBad,
    NoVersionStatus,
    HostOptional,
    ComparesHost,
    NeedsOs,
    OneClient,
    StaysOpen,
    EndlessLines,
    EndsAtEmptyConnection,
    EndsWithoutHost,
}

const DOCUMENT: &[u8] = b"\r\nTransmission Control Protocol\r\n\n";

/// Starts the server, which runs until the test ends.
pub(crate) fn start(fault: Fault) -> SocketAddr {
    start_with(fault, 793)
}

/// The same with another RFC.
pub(crate) fn start_with(fault: Fault, rfc: u32) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let served = thread::spawn(move || serve(fault, rfc, stream));
            if matches!(fault, Fault::OneClient | Fault::EndsAtEmptyConnection) {
                let is_empty = served
                    .join()
                    .unwrap()
                    .is_err_and(|error| error.kind() == ErrorKind::UnexpectedEof);
                if is_empty && fault == Fault::EndsAtEmptyConnection {
                    return;
                }
            }
        }
    });
    address
}

fn serve(fault: Fault, rfc: u32, mut stream: TcpStream) -> std::io::Result<()> {
    let mut input = Vec::new();
    let reply = loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            let kind = ErrorKind::UnexpectedEof;
            return if input.is_empty() { Err(kind.into()) } else { Ok(()) };
        }
        input.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&input).replace('\r', "");
        if text.contains("\n\n") {
            break reply(fault, rfc, &text);
        }
        if input.len() > 4096 && fault != Fault::EndlessLines {
            break refusal("400 Bad Request");
        }
    };
    stream.write_all(&reply)?;
    if fault == Fault::StaysOpen {
        // Until the client gives up.
        stream.set_read_timeout(Some(Duration::from_secs(4)))?;
        while stream.read(&mut [0; 65_536]).is_ok_and(|count| count > 0) {}
    }
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    while stream.read(&mut [0; 65_536]).is_ok_and(|count| count > 0) {}
    Ok(())
}

fn refusal(status: &str) -> Vec<u8> {
    format!("P2P-CI/1.0 {status}\r\n\r\n").into_bytes()
}

fn reply(fault: Fault, rfc: u32, request: &str) -> Vec<u8> {
    let mut lines = request.lines();
    let words: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    let version = words.last().copied().unwrap_or_default();
    if version != "P2P-CI/1.0" && fault != Fault::NoVersionStatus {
        return refusal("505 P2P-CI Version Not Supported");
    }
    let header = |name: &str| {
        let mut values = request.lines().filter_map(|line| line.split_once(':'));
        values
            .find(|(found, _)| found.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    };
    let number = words.get(2).and_then(|word| word.parse::<u32>().ok());
    if header("host").is_none() && fault == Fault::EndsWithoutHost {
        std::process::exit(1);
    }
    let is_host = header("host").is_some() || fault == Fault::HostOptional;
    let is_other = fault == Fault::ComparesHost && header("host") == Some("other.example");
    let is_os = header("os").is_some() || fault != Fault::NeedsOs || header("x-check").is_some();
    let is_right = words.first() == Some(&"GET") && version == "P2P-CI/1.0";
    if !is_right || number.is_none() || !is_host || is_other || !is_os {
        return refusal("400 Bad Request");
    }
    if number != Some(rfc) {
        return refusal(match fault {
            Fault::MissingIsBad => "400 Bad Request",
            _ => "404 Not Found",
        });
    }
    let date = match fault {
        Fault::UnreadableDate => "yesterday",
        _ => "Sun, 06 Nov 1994 08:49:37 GMT",
    };
    let length = DOCUMENT.len() - usize::from(fault == Fault::ShortLength);
    let headers = [
        (Fault::NoDate, format!("Date: {date}")),
        (Fault::NoOs, "OS: Linux".into()),
        (Fault::NoLastModified, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT".into()),
        (Fault::NoLength, format!("Content-Length: {length}")),
        (Fault::NoType, "Content-Type: text/plain".into()),
    ];
    let headers = headers.into_iter().filter(|(without, _)| *without != fault);
    let headers: String = headers.map(|(_, header)| header + "\r\n").collect();
    let mut head = format!("P2P-CI/1.0 200 OK\r\n{headers}\r\n");
    if fault == Fault::LineFeeds {
        head = head.replace('\r', "");
    }
    [head.as_bytes(), DOCUMENT].concat()
}
