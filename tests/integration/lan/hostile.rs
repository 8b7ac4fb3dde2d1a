//! Hostile programs that announce themselves as peers on the local network (docs/lan.md).

use std::env;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};

use super::machines::run;

/// Set for the test that runs as the hostile programs.
const HOSTILE: &str = "P2P_CI_TEST_HOSTILE";

/// What a program does with each connection.
type Act = fn(TcpStream);

/// Runs the hostile programs until they are killed; in a run of the tests it does nothing.
#[test]
fn hostile_programs() {
    if env::var_os(HOSTILE).is_none() {
        return;
    }
    let daemon = ServiceDaemon::new().unwrap();
    daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6]).unwrap();
    let kinds: [(&str, Act); 6] = [
        ("million", million),
        ("endless-line", |stream| {
            repeat(stream, b"P2P-CI/1.0 200 OK\r\n\r\nRFC 1 ", &[b'x'; 4096])
        }),
        ("endless-row", |stream| repeat(stream, b"P2P-CI/1.0 200 OK\r\n\r\n", b"RFC 7 T h 1\r\n")),
        ("silent", |stream| thread::sleep(wait(&stream))),
        ("slow", |mut stream| {
            for byte in
                b"P2P-CI/1.0 200 OK\r\n\r\n".iter().chain(b"RFC 3 Slow h 1\r\n".iter().cycle())
            {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(100));
            }
        }),
        ("other", |stream| repeat(stream, b"SSH-2.0-other\r\n", b"")),
    ];
    for (name, act) in kinds {
        let listener = TcpListener::bind("10.77.0.2:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let service = "_p2p-ci-peer._tcp.local.";
        let host = format!("{name}.local.");
        let name = format!("{name}\u{1b}[31m");
        let info = ServiceInfo::new(service, &name, &host, "10.77.0.2", port, &[("list", "1")][..]);
        daemon.register(info.unwrap()).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                thread::spawn(move || act(stream));
            }
        });
    }
    println!("hostile programs are announced");
    thread::sleep(Duration::from_secs(300));
}

fn wait(mut stream: &TcpStream) -> Duration {
    let _ = stream.read(&mut [0; 512]);
    Duration::from_secs(300)
}

/// Sends a beginning, and then the same bytes for as long as they are read.
fn repeat(mut stream: TcpStream, beginning: &[u8], bytes: &[u8]) {
    let mut sent = stream.write_all(beginning);
    let many = bytes.repeat(64);
    while sent.is_ok() && !bytes.is_empty() {
        sent = stream.write_all(&many);
    }
    thread::sleep(wait(&stream));
}

/// Lists documents without end. All are said to be at an address of the victim.
fn million(mut stream: TcpStream) {
    let mut rows = b"P2P-CI/1.0 200 OK\r\n\r\n".to_vec();
    for number in 100.. {
        rows.extend(format!("RFC {number} A Lie 10.77.0.1 22\r\nAddress: 10.77.0.1\r\n").bytes());
        if rows.len() > 64 * 1024 {
            if stream.write_all(&rows).is_err() {
                return;
            }
            rows.clear();
        }
    }
}

#[test]
fn hostile_peers_do_not_keep_a_peer_from_finding_documents() {
    let directory = tempfile::tempdir().unwrap();
    let program = env::current_exe().unwrap();
    let script = format!(
        r#"
        mkdir papers own
        printf 'HOST SOFTWARE\n' >papers/rfc1.txt
        nsenter --net=$far env {HOSTILE}=1 "{}" --exact lan::hostile::hostile_programs --nocapture >hostile 2>&1 & hostile=$!
        await grep -q "are announced" hostile
        nsenter --net=$far peer --lan --share papers --upload 6001 share >holder 2>&1 & holder=$!
        await grep -q "uploading from" holder
        peers() {{ timeout 60 peer --lan --share own "$@"; echo "EXIT $?"; }}
        peers list >list 2>errors
        echo "== list"; grep -c '^RFC .* 10.77.0.2 ' list; grep '^RFC 1 ' list; tail -n 1 list
        echo "== lies"; grep '10.77.0.1\| 22$' list
        echo "== errors"; cat errors
        lists_of_slow() {{ peers list 2>/dev/null | grep '^RFC 3 '; }}
        echo "== slow"; await lists_of_slow
        echo "== lookup"; peers lookup 150
        echo "== get"; peers get 1; cmp papers/rfc1.txt own/rfc1.txt && echo SAME
        echo "== memory"; mkfifo typed; exec 8<>typed
        peer --lan --share own <typed >shell 2>&1 & shell=$!
        echo "lookup 1" >&8
        await grep -q "^RFC 1 " shell
        grep VmHWM /proc/$shell/status
        kill $shell $holder $hostile $machine
        echo "== end"
        "#,
        program.display()
    );
    let Some(text) = run(&script, directory.path()) else { return };
    assert!(!text.contains("GAVE UP"), "{text}");
    let part = |name: &str| {
        let (_, rest) = text.split_once(&format!("== {name}\n")).expect(&text);
        rest.split("== ").next().unwrap().to_string()
    };
    let list = part("list");
    let rows: usize = list.lines().next().unwrap().parse().unwrap();
    assert!((10_000..200_000).contains(&rows), "{text}");
    assert!(list.contains("RFC 1 rfc1.txt 10.77.0.2 6001"), "{text}");
    // What a peer has listed is known, although its list never ends.
    assert!(part("slow").contains("RFC 3 Slow 10.77.0.2"), "{text}");
    assert_eq!(part("lies"), "", "{text}");
    let errors = part("errors");
    assert!(errors.contains("are left out") && !errors.contains('\u{1b}'), "{text}");
    // What the liar lists is at its own address.
    assert!(part("lookup").contains("10.77.0.2"), "{text}");
    assert!(part("get").contains("SAME"), "{text}");
    let memory = part("memory");
    // One list is kept, of 16 MiB.
    let kilobytes: usize = memory.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kilobytes < 300_000, "{text}");
}
