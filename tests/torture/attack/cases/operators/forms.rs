//! Forms of requests that are read differently by different programs (request smuggling), and those of other
//! protocols: each gets one reply, and its connection ends.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};

use super::connect;
use crate::attack::report::Report;

/// A request that must get no reply.
const HIDDEN: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

pub(super) fn refused(admin: SocketAddr, report: &mut Report) {
    let get = |lines: &str| format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
    let post = |lines: &str| format!("POST /healthz HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
    let query = |length| format!("GET /metrics?q={} HTTP/1.1\r\n", "x".repeat(length));
    let many: String = (0..100).map(|number| format!("X-{number}: v\r\n")).collect();
    let mut wrong = Vec::new();
    let forms = [
        ("both lengths", post("Content-Length: 44\r\nTransfer-Encoding: chunked\r\n"), "411"),
        ("chunks", post("Transfer-Encoding: chunked\r\n"), "411"),
        ("chunks, folded", post("Transfer-Encoding:\r\n chunked\r\n"), "400"),
        ("chunks in HTTP/1.0", post("Transfer-Encoding: x\r\n").replace("1.1", "1.0"), "411"),
        ("two lengths", post("Content-Length: 0\r\nContent-Length: 44\r\n"), "400"),
        ("equal lengths", post("Content-Length: 0\r\nContent-Length: 0\r\n"), "400"),
        ("a list of lengths", post("Content-Length: 0, 0\r\n"), "400"),
        ("a negative length", post("Content-Length: -1\r\n"), "400"),
        ("a length with a sign", post("Content-Length: +0\r\n"), "400"),
        ("a hexadecimal length", post("Content-Length: 0x0\r\n"), "400"),
        ("a length without digits", post("Content-Length: \r\n"), "400"),
        ("a huge length", post("Content-Length: 18446744073709551616\r\n"), "413"),
        ("a blank before the colon", post("Content-Length : 44\r\n"), "400"),
        ("a blank before the name", get(" Content-Length: 44\r\n"), "400"),
        ("a folded line", get("X: a\r\n b\r\n"), "400"),
        ("a line without colon", get("X\r\n"), "400"),
        ("a bare carriage return", get("X: a\rb\r\n"), "400"),
        ("NUL in a value", get("X: a\0b\r\n"), "400"),
        ("NUL in the target", get("").replace("metrics", "metrics\0"), "400"),
        ("a blank in the target", get("").replace("metrics", "met rics"), "505"),
        ("two hosts", get("Host: evil.example\r\n"), "400"),
        ("no host", get("").replace("Host: localhost\r\n", ""), "400"),
        ("HTTP/0.9", "GET /metrics\r\n".into(), "400"),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), "505"),
        ("HTTP/1.2", get("").replace("HTTP/1.1", "HTTP/1.2"), "505"),
        ("P2P-CI", "LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n".into(), "505"),
        ("TLS", "\x16\x03\x01\x02\0\x01\0\x01\u{3}\u{3}".into(), "400"),
        ("a long query", query(9000), "414"),
        ("many header lines", get(&many), "431"),
        ("a long header line", get(&format!("X: {}\r\n", "x".repeat(9000))), "431"),
        ("another site", get("Connection: close\r\n").replace("localhost", "evil.example"), "421"),
    ];
    for (name, form, code) in forms {
        let found = exchange(admin, &[&form, HIDDEN].concat());
        let is_right = found.starts_with(&format!("HTTP/1.1 {code} "))
            && found.matches("\r\nDate: ").count() == 1;
        if !is_right {
            let line = found.lines().next().unwrap_or_default();
            wrong.push(format!("{name}: expected {code}, found {line:?}"));
        }
    }
    report.require(&format!("one refusal for each form {}", wrong.join("; ")), wrong.is_empty());
    // All that was sent is one request, or two.
    let bare = get("").replace("\r\n", "\n");
    let long = [&query(7000), "Host: localhost\r\n\r\n"].concat();
    for (name, form) in [("bare line feeds", bare), ("a query of 7000 bytes", long)] {
        let found = exchange(admin, &[&form, HIDDEN].concat());
        let is_served = found.matches("HTTP/1.1 200 OK\r\n").count() == 2;
        report.require(&format!("two replies after {name}"), is_served);
    }
}

/// All that is received for these bytes.
fn exchange(admin: SocketAddr, bytes: &str) -> String {
    let mut found = Vec::new();
    // The end may be a reset.
    let _ = connect(Ipv4Addr::LOCALHOST.into(), admin).and_then(|mut stream| {
        stream.write_all(bytes.as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        stream.read_to_end(&mut found)
    });
    String::from_utf8_lossy(&found).into_owned()
}
