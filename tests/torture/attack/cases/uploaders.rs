//! Upload servers that send wrong bytes, stall and disconnect, alone and together with an honest one (protocol.md
//! sections 5.4 and 5.6).

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::library::Hasher;

use crate::attack::Setting;
use crate::attack::report::Report;
use crate::common::programs::{Index, Peer, peer_command};
use crate::common::talk::Talk;
use p2p_ci::protocol::role::DocumentServer;

/// A holder is left after half a minute at the latest; what is around that takes a moment.
const DEADLINE: Duration = Duration::from_secs(31);

fn document() -> Vec<u8> {
    "The document, as its author wrote it.\n".repeat(50).into_bytes()
}

fn sha256(bytes: &[u8]) -> String {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish().to_string()
}

/// One step of a scripted upload server.
enum Act {
    Say(Vec<u8>),
    /// A byte a second.
    Drip(Vec<u8>),
    /// The same again and again.
    Endless(Vec<u8>),
    Silence,
    Reset,
}

fn head(fields: &str) -> Vec<u8> {
    let date = "Date: Sat, 21 Nov 2026 08:00:00 GMT\r\nOS: Linux 6.1\r\n";
    format!("P2P-CI/1.0 200 OK\r\n{date}{fields}Content-Type: text/plain\r\n\r\n").into_bytes()
}

/// The kinds of faults.
fn faults() -> Vec<(&'static str, Vec<Act>)> {
    use Act::{Drip, Endless, Reset, Say, Silence};
    let (whole, digest) = (document(), sha256(&document()));
    let length = format!("Content-Length: {}\r\n", whole.len());
    let honest = head(&format!("{length}Digest: {digest}\r\n"));
    let without = head(&length);
    let text = |text: &str| Say(text.as_bytes().to_vec());
    let say = |bytes: &[u8]| Say(bytes.to_vec());
    let mut flipped = whole.clone();
    flipped[700] ^= 1;
    let swapped = [&whole[950..], &whole[..950]].concat();
    let other = vec![b'x'; whole.len()];
    let with_length = |value: &str| say(&head(&format!("Content-Length: {value}\r\n")));
    vec![
        ("closes immediately", vec![]),
        ("is silent", vec![Silence]),
        ("resets immediately", vec![Reset]),
        ("closes after the status line", vec![text("P2P-CI/1.0 200 OK\r\n")]),
        ("is silent after the status line", vec![text("P2P-CI/1.0 200 OK\r\n"), Silence]),
        ("drips its head", vec![Drip(honest.clone()), say(&whole)]),
        (
            "sends a head without an end",
            vec![text("P2P-CI/1.0 200 OK\r\n"), Endless(b"X-Header: value\r\n".to_vec())],
        ),
        ("sends a line without an end", vec![text("P2P-CI/1.0 "), Endless(vec![b'x'; 4096])]),
        ("sends 65 headers", vec![say(&head(&"X: y\r\n".repeat(65))), say(&whole)]),
        ("sends a NUL in its head", vec![say(&head("X: \0\r\n")), say(&whole)]),
        ("speaks HTTP", vec![text("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")]),
        ("speaks as an index", vec![text("P2P-CI/1.0 200 OK\r\n\r\nRFC 1 a b 1\r\n\r\n"), Silence]),
        ("has nothing", vec![text("P2P-CI/1.0 404 Not Found\r\n\r\n")]),
        ("is full", vec![text("P2P-CI/1.0 503 Service Unavailable\r\n\r\n")]),
        ("understands nothing", vec![text("P2P-CI/1.0 400 Bad Request\r\n\r\n")]),
        ("has another version", vec![text("P2P-CI/1.0 505 P2P-CI Version Not Supported\r\n\r\n")]),
        ("has an unknown status", vec![text("P2P-CI/1.0 299 Maybe\r\n\r\n"), say(&whole)]),
        (
            "sends a part that was not requested",
            vec![
                text(
                    "P2P-CI/1.0 206 Partial Content\r\nContent-Range: bytes 0-9/1900\r\nContent-Length: 10\r\n\r\n",
                ),
                say(&whole[..10]),
            ],
        ),
        (
            "sends a part without a range",
            vec![
                text("P2P-CI/1.0 206 Partial Content\r\nContent-Length: 10\r\n\r\n"),
                say(&whole[..10]),
            ],
        ),
        ("has no such part", vec![text("P2P-CI/1.0 416 Range Not Satisfiable\r\n\r\n")]),
        ("says its length twice", vec![say(&head(&format!("{length}{length}"))), say(&whole)]),
        ("says a negative length", vec![with_length("-1"), say(&whole)]),
        ("says a length of twenty digits", vec![with_length("99999999999999999999"), say(&whole)]),
        ("says a length of nineteen digits", vec![with_length("9223372036854775807"), say(&whole)]),
        ("says 100 GiB", vec![with_length("107374182400"), Endless(vec![7; 65536])]),
        ("says less than it sends", vec![with_length("1000"), say(&whole)]),
        ("sends nothing of it", vec![say(&honest)]),
        ("breaks off", vec![say(&honest), say(&whole[..500])]),
        ("leaves the last byte out", vec![say(&honest), say(&whole[..whole.len() - 1])]),
        ("resets within", vec![say(&honest), say(&whole[..500]), Reset]),
        ("falls silent within", vec![say(&honest), say(&whole[..500]), Silence]),
        ("drips", vec![say(&honest), Drip(whole.clone())]),
        ("never ends", vec![say(&head("")), Endless(vec![7; 65536])]),
        ("continues after the end", vec![say(&honest), say(&whole), Endless(vec![7; 65536])]),
        ("has another document", vec![say(&without), say(&other)]),
        (
            "has another document and its digest",
            vec![say(&head(&format!("{length}Digest: {}\r\n", sha256(&other)))), say(&other)],
        ),
        ("says the digest and sends another", vec![say(&honest), say(&other)]),
        ("turns over a bit", vec![say(&honest), say(&flipped)]),
        ("swaps the halves", vec![say(&honest), say(&swapped)]),
        (
            "says a digest that is none",
            vec![say(&head(&format!("{length}Digest: sha-256=xyz\r\n"))), say(&flipped)],
        ),
        ("has an empty document", vec![with_length("0")]),
        (
            "sends in chunks",
            vec![
                say(&head("Transfer-Encoding: chunked\r\n")),
                text("10\r\n0123456789abcdef\r\n0\r\n\r\n"),
            ],
        ),
    ]
}

/// Sends a faulty reply to every connection.
fn serve(acts: Arc<Vec<Act>>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let acts = Arc::clone(&acts);
            // A client may close early.
            thread::spawn(move || send_faulty(stream, &acts).unwrap_or_default());
        }
    });
    Ok(address)
}

fn send_faulty(mut stream: TcpStream, acts: &[Act]) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let (mut role, mut request, mut chunk) = (DocumentServer::new(), Vec::new(), [0; 1024]);
    while role.next(&request, || Duration::ZERO).is_none() {
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&chunk[..count]),
        }
    }
    for act in acts {
        match act {
            Act::Say(bytes) => stream.write_all(bytes)?,
            Act::Drip(bytes) => {
                for byte in bytes {
                    stream.write_all(&[*byte])?;
                    thread::sleep(Duration::from_secs(1));
                }
            }
            Act::Endless(bytes) => loop {
                stream.write_all(bytes)?;
            },
            Act::Silence => return stream.read_to_end(&mut request).map(drop),
            Act::Reset => {
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The result of one fault.
struct Outcome {
    name: &'static str,
    is_wrong: bool,
    /// The longer of the two downloads.
    time: Duration,
    has_leftover: bool,
    is_helped: bool,
}

pub(super) fn dishonest_holders(_: &Setting, report: &mut Report) -> io::Result<()> {
    let root = tempfile::tempdir()?;
    let honest_directory = root.path().join("honest");
    fs::create_dir(&honest_directory)?;
    fs::write(honest_directory.join("rfc1.txt"), document())?;
    let hex = sha256(&document()).replace("sha-256=", "");
    fs::write(root.path().join("digests"), format!("{hex}  rfc1.txt\n"))?;
    let honest_index = Index::with(&["--log", "quiet"])?;
    let honest = Peer::share(honest_index.address, &honest_directory, &[])?;
    let runs: Vec<_> = faults()
        .into_iter()
        .enumerate()
        .map(|(number, (name, acts))| {
            let (root, honest) = (root.path().to_path_buf(), honest.upload);
            let work = move || against(&root, number, name, acts, honest);
            thread::spawn(work)
        })
        .collect();
    let mut outcomes = Vec::new();
    for run in runs {
        outcomes.push(run.join().map_err(|_| io::Error::other("a panic"))??);
    }
    report.figure("kinds of uploaders", outcomes.len() as f64, "");
    let longest = outcomes.iter().map(|outcome| outcome.time).max().unwrap_or_default();
    report.figure("the longest download", longest.as_secs_f64(), "s");
    let names = |is: &dyn Fn(&Outcome) -> bool| -> Vec<&str> {
        outcomes.iter().filter(|outcome| is(outcome)).map(|outcome| outcome.name).collect()
    };
    let late = names(&|outcome| outcome.time > DEADLINE);
    let what = format!("ended by the deadline and a second {}", late.join(", "));
    report.require_time(&what, late.is_empty());
    let mut require = |what: &str, failed: Vec<&str>| {
        report.require(&format!("{what} {}", failed.join(", ")), failed.is_empty());
    };
    require("no wrong file under a final name", names(&|outcome| outcome.is_wrong));
    require(
        "nothing is left except parts that can be resumed",
        names(&|outcome| outcome.has_leftover),
    );
    require("the next holder is tried", names(&|outcome| !outcome.is_helped));
    Ok(())
}

fn against(
    root: &Path,
    number: usize,
    name: &'static str,
    acts: Vec<Act>,
    honest: SocketAddr,
) -> io::Result<Outcome> {
    let dishonest = serve(Arc::new(acts))?;
    let list = root.join("digests");
    let list = list.to_string_lossy();
    let directory = |kind: &str| -> io::Result<PathBuf> {
        let directory = root.join(format!("{kind}-{number}"));
        fs::create_dir(&directory)?;
        Ok(directory)
    };
    // Alone.
    let mine = directory("alone")?;
    let arguments = ["get", "1", "--from", &dishonest.to_string(), "--digests", &list];
    let begun = Instant::now();
    let mut command = peer_command("127.0.0.1:1", &mine, &arguments)?;
    command.env("XDG_STATE_HOME", mine.join(".state")).env("XDG_CACHE_HOME", mine.join(".cache"));
    let alone = command.output()?;
    let time = begun.elapsed();
    let is_right =
        |directory: &Path| fs::read(directory.join("rfc1.txt")).is_ok_and(|b| b == document());
    let is_there = |directory: &Path| directory.join("rfc1.txt").exists();
    let is_wrong = is_there(&mine) != is_right(&mine)
        || is_there(&mine) != (alone.status.code() == Some(0))
        || String::from_utf8_lossy(&alone.stderr).contains("panicked");
    let mut has_leftover = false;
    for entry in fs::read_dir(&mine)? {
        let found = entry?.file_name().to_string_lossy().into_owned();
        let is_kept = found.starts_with('.') && found.ends_with(".part");
        has_leftover |= !is_kept && ![".state", ".cache", "rfc1.txt"].contains(&found.as_str());
    }
    // Together with an honest one, which is listed after it.
    let index = Index::with(&["--log", "quiet"])?;
    let mut talk = Talk::to(index.address)?;
    for holder in [honest, dishonest] {
        talk.ask(crate::common::talk::add(1, "127.0.0.1", holder.port(), "One"))?;
    }
    let mine = directory("together")?;
    let arguments = ["get", "1", "--digests", &list];
    let mut command = peer_command(&index.address.to_string(), &mine, &arguments)?;
    command.env("XDG_STATE_HOME", mine.join(".state")).env("XDG_CACHE_HOME", mine.join(".cache"));
    let begun = Instant::now();
    let together = command.output()?;
    let time = time.max(begun.elapsed());
    let is_helped = together.status.code() == Some(0) && is_right(&mine);
    Ok(Outcome { name, is_wrong, time, has_leftover, is_helped })
}
