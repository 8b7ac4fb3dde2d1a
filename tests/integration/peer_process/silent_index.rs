//! One of several index servers accepts connections and does not reply.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use serde_json::Value;

use crate::common::{self, Index, run_peer, share};

/// A server that keeps its connections, and replies nothing.
fn silent() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let _connections: Vec<TcpStream> = listener.incoming().map_while(Result::ok).collect();
    });
    address
}

/// Before, each command took 30 s, and called its result complete.
#[test]
fn a_silent_index_server_makes_the_result_incomplete() {
    let root = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let shared = common::directory(root.path(), "shared", &[("rfc7.txt", b"seven")]);
    let (_holder, _) = share(index.address, &shared);
    let silent = silent();
    let named = [format!("{silent},{}", index.address), format!("{},{silent}", index.address)];
    let missing = format!("the index {silent} sent no reply within ");
    let run = |servers: &str, directory: &str, command: &[&str]| {
        let arguments = [&[servers, "--format", "json", "--share", directory], command].concat();
        let (code, output, errors) = run_peer(&arguments, "", root.path());
        let objects: Vec<Value> =
            output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (code, objects, errors)
    };
    let commands: [(&[&str], _, _); 6] = [
        (&["list"], 0, "may be incomplete"),
        (&["search", "rfc"], 0, "may be incomplete"),
        (&["peers"], 0, "may be incomplete"),
        (&["lookup", "7"], 0, "may be incomplete"),
        (&["get", "7"], 0, "not all holders of RFC 7 may be known"),
        (&["sync"], 69, "may be incomplete"),
    ];
    let cases: Vec<_> = (0..).zip(commands).collect();
    common::in_parallel(cases, |(number, (command, expected, note))| {
        let servers = &named[number % 2];
        let (code, objects, errors) = run(servers, &number.to_string(), command);
        assert_eq!(code, expected, "{command:?}: {objects:?}{errors}");
        let is_missing = |object: &&Value| object["complete"] == false;
        let incomplete: Vec<&Value> = objects.iter().filter(is_missing).collect();
        assert_eq!(incomplete.len(), 1, "{command:?}: {objects:?}");
        let reason = incomplete[0]["reason"].as_str().unwrap();
        assert!(reason.starts_with(&missing), "{command:?}: {reason}");
        assert!(errors.contains(note) && errors.contains(&missing), "{command:?}: {errors}");
        let has_seven = |object: &Value| object["rfc"] == 7 || object["documents"] == 1;
        assert!(command == ["sync"] || objects.iter().any(has_seven), "{command:?}: {objects:?}");
    });
    // It may know a holder.
    let (code, _, errors) = run(&named[0], "none", &["get", "8"]);
    assert_eq!(code, 69, "{errors}");
    assert!(errors.contains("no holder of RFC 8 is known"), "{errors}");
}
