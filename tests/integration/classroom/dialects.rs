//! The examples in the tables of `docs/dialects.md`: what our programs do with each.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::pages::text;
use crate::common::{self, Index, PATIENCE};

/// Silence that shows that a server waits. Compatibility mode ends a request after 300 ms.
const WAITING: Duration = Duration::from_millis(700);

/// The cells of the table after this comment, without backquotes around them.
fn rows(name: &str) -> Vec<Vec<String>> {
    let page = text("dialects");
    let table = page.split_once(&format!("<!-- {name} -->\n\n")).unwrap().1;
    let rows = table.lines().take_while(|line| line.starts_with('|')).skip(2).map(|line| {
        let cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`'));
        cells.map(str::to_string).collect::<Vec<_>>()
    });
    let rows: Vec<_> = rows.collect();
    assert!(rows.len() > 3, "{name}");
    rows
}

/// The bytes of an example.
fn bytes(example: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = example.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next().unwrap() {
                b'r' => b'\r',
                b'n' => b'\n',
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => panic!("{other}"),
            },
            byte => byte,
        });
    }
    bytes
}

/// Sends bytes, and reads until nothing more has come for a time.
fn exchange(stream: &mut TcpStream, request: &[u8]) -> Vec<u8> {
    stream.write_all(request).unwrap();
    let (mut reply, mut buffer) = (Vec::new(), [0; 4096]);
    let begun = Instant::now();
    stream.set_read_timeout(Some(WAITING)).unwrap();
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        reply.extend_from_slice(&buffer[..count]);
        assert!(begun.elapsed() < PATIENCE);
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    }
    reply
}

/// The status of the reply to an example.
fn status(address: SocketAddr, example: &str) -> String {
    let reply = exchange(&mut TcpStream::connect(address).unwrap(), &bytes(example));
    let reply = String::from_utf8_lossy(&reply);
    match reply.split_once("P2P-CI/1.0 ") {
        Some((_, rest)) => rest.get(..3).unwrap().to_string(),
        None if reply.is_empty() => "waits".into(),
        None => reply.into_owned(),
    }
}

#[test]
fn requests_have_the_status_of_the_table() {
    let (plain, compat) = (Index::start(&[]), Index::start(&["--compat"]));
    common::in_parallel(rows("requests"), |row| {
        let found = [plain.address, compat.address].map(|address| status(address, &row[1]));
        assert_eq!(found, [row[2].as_str(), &row[3]], "{row:?}");
    });
}

#[test]
fn replies_have_the_form_of_the_table() {
    for row in rows("replies") {
        let index = Index::start(&["--compat"]);
        let mut owner = index.connect();
        owner.add(1, "T", "h", 1);
        let reply = exchange(&mut TcpStream::connect(index.address).unwrap(), &bytes(&row[0]));
        assert_eq!(reply.escape_ascii().to_string(), row[1], "{row:?}");
    }
}

#[test]
fn gets_have_the_status_of_the_table() {
    let root = tempfile::tempdir().unwrap();
    let directory = common::directory(root.path(), "shared", &[("rfc1.txt", b"hello\n")]);
    let index = Index::start(&[]);
    let (_plain, port) = common::share(index.address, &directory);
    let arguments = ["--compat", "--share", ".", "--upload", "127.0.0.1:0", "share"];
    let compat = common::peer(index.address, &arguments, &directory);
    let compat_port = compat.line().rsplit_once(':').unwrap().1.parse().unwrap();
    assert!(compat.line().starts_with("registered "));
    let addresses = [port, compat_port].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    common::in_parallel(rows("gets"), |row| {
        let found = addresses.map(|address| status(address, &row[1]));
        assert_eq!(found, [row[2].as_str(), &row[3]], "{row:?}");
    });
}

/// What `p2p-ci explain` says of a request, its reply, and the end of the connection.
fn explained(request: &str, reply: &str) -> String {
    let literal = |text: &str| format!("b'{}'", text.replace('\'', "\\'"));
    let (request, reply) = (literal(request), literal(reply));
    let text = format!(
        "0.000 [s0 :7734] C> {request}\n0.001 [s0 :7734] S> {reply}\n9.000 [s0 :7734] S> FIN\n"
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
    command.args(["explain", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn replies_of_other_programs_are_read() {
    for (name, request, expected) in [
        (
            "index-replies",
            "LIST ALL P2P-CI/1.0\\r\\nHost: h\\r\\nPort: 1\\r\\n\\r\\n",
            "h:1 has RFC 1",
        ),
        ("uploads", "GET RFC 1 P2P-CI/1.0\\r\\nHost: h\\r\\n\\r\\n", "5 bytes of the document"),
    ] {
        for row in rows(name) {
            let text = explained(request, &row[1]);
            assert!(text.contains(expected) && !text.contains("   ! "), "{row:?}\n{text}");
        }
    }
}
