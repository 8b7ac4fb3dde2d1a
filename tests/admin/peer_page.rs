//! The status page of a peer: its library, finding, downloads, cancelling them, and `why`.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::page::Events;
use super::{admin_address, exchange, get};
use crate::common::{Index, PATIENCE, Program, share};

/// A peer with a page.
struct Peer {
    program: Program,
    admin: SocketAddr,
    /// The header line with its token.
    token: String,
}

impl Peer {
    /// Starts `peer share`, or the shell if there is no command among the options, and waits until it is registered.
    fn start(index: SocketAddr, state: &Path, directory: &Path, options: &[&str]) -> Self {
        let server = index.to_string();
        let usual = ["--upload", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--share", "."];
        let arguments = [&[&*server][..], &usual, options].concat();
        let program =
            Program::start_again(env!("CARGO_BIN_EXE_peer"), &arguments, state, directory);
        assert!(program.line().starts_with("uploading from "));
        let admin = admin_address(&program);
        assert!(program.line().starts_with("registered "));
        let mut url = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
        let url = url.args(["admin", "url"]).env("XDG_STATE_HOME", state).output().unwrap();
        let url = String::from_utf8(url.stdout).unwrap();
        let token = url.trim().strip_prefix(&format!("http://{admin}/#token=")).expect(&url);
        let token = format!("X-P2P-CI-Token: {token}\r\n");
        Self { program, admin, token }
    }

    fn read(&self, path: &str) -> Value {
        let (head, body) = get(self.admin, path);
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}\n{body}");
        assert!(head.contains("\r\nContent-Type: application/json\r\n"), "{head}");
        serde_json::from_str(&body).unwrap()
    }

    /// The status and the body of the reply to POST.
    fn post(&self, path: &str, lines: &str, form: &str) -> (String, String) {
        let stream = TcpStream::connect(self.admin).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = form.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        let request = format!("{head}{lines}Content-Length: {length}\r\n\r\n{form}");
        let (head, body) = exchange(stream, &request);
        (head.split(' ').nth(1).unwrap().into(), body)
    }

    /// The same with the token.
    fn change(&self, path: &str, form: &str) -> (String, String) {
        self.post(path, &self.token, form)
    }

    fn events(&self) -> Events {
        Events::open(self.admin, &self.token)
    }
}

/// The download of this name that has ended.
fn ended<'a>(state: &'a Value, name: &str) -> Option<&'a Value> {
    state["ended"].as_array().unwrap().iter().find(|one| one["name"] == name)
}

fn running<'a>(state: &'a Value, name: &str) -> Option<&'a Value> {
    state["running_downloads"].as_array().unwrap().iter().find(|one| one["name"] == name)
}

fn names(page: &Value) -> Vec<&str> {
    let documents = page["documents"].as_array().unwrap();
    documents.iter().map(|one| one["name"].as_str().unwrap()).collect()
}

/// A directory with documents, and one without.
fn directories() -> (tempfile::TempDir, tempfile::TempDir, tempfile::TempDir) {
    let [here, there, state] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    fs::write(there.path().join("rfc793.txt"), "TRANSMISSION CONTROL PROTOCOL\n").unwrap();
    fs::write(there.path().join("Lecture recording 01.txt"), "lecture").unwrap();
    (here, there, state)
}

#[test]
fn a_document_is_found_downloaded_and_explained() {
    let (here, there, state) = directories();
    let index = Index::start(&[]);
    let (_holder, port) = share(index.address, there.path());
    index.wait_for_digests("RFC 793", 1);
    index.wait_for_digests("FILE Lecture%20recording%2001.txt", 1);
    let mut peer = Peer::start(index.address, state.path(), here.path(), &["share"]);
    for (query, expected) in [
        ("by=name&q=0793", "RFC 793"),
        ("by=name&q=rfc793", "RFC 793"),
        ("by=rfcs", "RFC 793"),
        ("by=name&q=Lecture%2520recording%252001.txt", "Lecture recording 01.txt"),
        ("by=title&q=lecture", "Lecture recording 01.txt"),
        ("by=files", "Lecture recording 01.txt"),
    ] {
        let found = peer.read(&format!("/page/find?{query}"));
        assert_eq!(names(&found), [expected], "{query}");
        let one = &found["documents"][0];
        assert_eq!((&one["holders"], &one["is_here"]), (&1.into(), &false.into()), "{query}");
    }
    let nothing = peer.read("/page/find?by=name&q=794");
    assert_eq!(names(&nothing), [] as [&str; 0]);
    for query in ["by=title", "by=name&q=0", "by=shape&q=1"] {
        assert!(get(peer.admin, &format!("/page/find?{query}")).0.starts_with("HTTP/1.1 400 "));
    }
    assert!(get(peer.admin, "/page/why?rfc=793").0.starts_with("HTTP/1.1 404 "));
    let form = "file=Lecture+recording+01.txt";
    let mut events = peer.events();
    assert_eq!(peer.change("/page/download", form).0, "200");
    // It is registered, too.
    let shown = events.state(|state| {
        ended(state, "Lecture recording 01.txt").is_some() && state["registered_records"] == 1
    });
    let one = ended(&shown, "Lecture recording 01.txt").unwrap();
    assert_eq!((&one["result"], &one["bytes"]), (&"complete".into(), &7.into()));
    let saved = fs::read_to_string(here.path().join("Lecture recording 01.txt")).unwrap();
    assert_eq!(saved, "lecture");
    peer.program.error_with("requested the download of ");
    let library = peer.read("/page/library?q=LECTURE+01&state=registered");
    assert_eq!(names(&library), ["Lecture recording 01.txt"]);
    let why = peer.read("/page/why?file=Lecture+recording+01.txt");
    let what: Vec<&str> =
        why["events"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(what[0], "wanted");
    assert!(what[1].starts_with("fetched from "), "{what:?}");
    assert!(why["lines"][0].as_str().unwrap().starts_with("here: "), "{why}");
    let (code, reason) = peer.change("/page/download", form);
    assert_eq!(
        (&*code, &*reason),
        ("409", "FILE Lecture recording 01.txt is shared here already\n")
    );
    let found = peer.read("/page/find?by=files");
    assert_eq!(found["documents"][0]["is_here"], true);
    assert_eq!(found["documents"][0]["holders"], 1, "this peer does not count");
    // The next downloads begin with the holders that were fast. Before, only commands and shells stored that.
    peer.program.signal("TERM");
    peer.program.wait();
    let holders = fs::read_to_string(state.path().join("p2p-ci/holders")).unwrap();
    assert!(holders.contains(&port.to_string()), "{holders}");
}

#[test]
fn changes_without_the_token_and_of_unknown_documents_are_refused() {
    let (here, there, state) = directories();
    let index = Index::start(&[]);
    let (_holder, _) = share(index.address, there.path());
    let peer = Peer::start(index.address, state.path(), here.path(), &["share"]);
    for path in ["/page/download", "/page/cancel"] {
        let (code, reason) = peer.post(path, "", "rfc=793");
        assert_eq!(code, "401");
        assert!(reason.contains("`p2p-ci admin url`"), "{reason}");
        let foreign = format!("{}Origin: http://evil.example\r\n", peer.token);
        assert_eq!(peer.post(path, &foreign, "rfc=793").0, "403");
        for form in ["", "rfc=0", "rfc=1&file=1", "file=", "file=a%00b"] {
            assert_eq!(peer.change(path, form).0, "400", "{path} {form}");
        }
    }
    assert_eq!(peer.change("/page/cancel", "rfc=793").0, "404");
    for name in ["..%2Fx", ".hidden", "%2Fetc%2Fpasswd"] {
        assert_eq!(peer.change("/page/download", &format!("file={name}")).0, "400", "{name}");
    }
    let mut events = peer.events();
    assert_eq!(peer.change("/page/download", "rfc=9999").0, "200");
    let shown = events.state(|state| ended(state, "RFC 9999").is_some());
    let one = ended(&shown, "RFC 9999").unwrap();
    assert_eq!(
        (&one["result"], &one["reason"]),
        (&"failed".into(), &"no peer has RFC 9999".into())
    );
    let why = peer.read("/page/why?rfc=9999").to_string();
    assert!(why.contains("no peer has RFC 9999") && why.contains("given up"), "{why}");
    assert_eq!(crate::common::names(here.path()), [] as [&str; 0]);
}

#[test]
fn a_running_download_has_progress_and_is_cancelled_for_good() {
    let (here, there, state) = directories();
    fs::write(there.path().join("large.bin"), vec![b'x'; 8 << 20]).unwrap();
    let index = Index::start(&[]);
    let (holder, _) = share(index.address, there.path());
    index.wait_for_digests("FILE large.bin", 1);
    let slow = ["--download-limit", "256KiB"];
    let options = [&slow[..], &["share"]].concat();
    let peer = Peer::start(index.address, state.path(), here.path(), &options);
    let mut events = peer.events();
    assert_eq!(peer.change("/page/download", "file=large.bin").0, "200");
    let shown = events.state(|state| {
        running(state, "large.bin").is_some_and(|one| one["bytes_per_second"].as_u64() > Some(0))
    });
    let one = running(&shown, "large.bin").unwrap();
    assert_eq!((&one["state"], &one["length"]), (&"receiving".into(), &(8_u64 << 20).into()));
    assert!(one["bytes"].as_u64() > Some(0) && one["seconds_left"].as_u64() > Some(0), "{one}");
    assert_eq!(one["holders"], 1, "{one}");
    assert_eq!(peer.change("/page/download", "file=large.bin").0, "409");
    // The file is not here before it is complete.
    assert!(!here.path().join("large.bin").exists());
    assert_eq!(peer.change("/page/cancel", "file=large.bin").0, "200");
    let shown = events.state(|state| ended(state, "large.bin").is_some());
    assert_eq!(ended(&shown, "large.bin").unwrap()["result"], "cancelled");
    assert!(running(&shown, "large.bin").is_none());
    assert_eq!(peer.change("/page/cancel", "file=large.bin").0, "404");
    drop((events, peer, holder));
    // A later session does not resume it.
    let (code, out, _) = crate::common::run_peer_again(
        &[&index.address.to_string(), "--share", ".", "get"],
        state.path(),
        here.path(),
    );
    assert_eq!((code, &*out), (0, "no unfinished download: nothing to resume\n"));
}

#[test]
fn a_shell_shows_and_cancels_the_same_downloads() {
    let (here, there, state) = directories();
    fs::write(there.path().join("large.bin"), vec![b'x'; 8 << 20]).unwrap();
    let index = Index::start(&[]);
    let (_holder, _) = share(index.address, there.path());
    index.wait_for_digests("FILE large.bin", 1);
    let slow = ["--download-limit", "256KiB"];
    let mut peer = Peer::start(index.address, state.path(), here.path(), &slow);
    let mut events = peer.events();
    // The foreground download of a command.
    peer.program.type_line("get large.bin");
    events
        .state(|state| running(state, "large.bin").is_some_and(|one| one["state"] == "receiving"));
    assert_eq!(peer.change("/page/cancel", "file=large.bin").0, "200");
    peer.program.error_with("the download of FILE large.bin was interrupted");
    events.state(|state| running(state, "large.bin").is_none());
    // One of several documents is cancelled, and the other one is downloaded.
    peer.program.type_line("get large.bin RFC 793");
    events.state(|state| {
        let is_received = |one: &Value| one["state"] == "receiving";
        running(state, "large.bin").is_some_and(is_received) && ended(state, "RFC 793").is_some()
    });
    assert_eq!(peer.change("/page/cancel", "file=large.bin").0, "200");
    events.state(|state| running(state, "large.bin").is_none());
    assert!(here.path().join("rfc793.txt").exists());
    // A download that the page has requested.
    assert_eq!(peer.change("/page/download", "file=large.bin").0, "200");
    events.state(|state| running(state, "large.bin").is_some());
    peer.program.type_line("status");
    loop {
        let line = peer.program.line();
        if line.starts_with("downloading") {
            assert!(line.contains("FILE large.bin: 0 of 1 complete"), "{line}");
            break;
        }
    }
    assert_eq!(peer.change("/page/cancel", "file=large.bin").0, "200");
    peer.program.end_input();
}

#[test]
fn text_from_the_network_stays_text() {
    let (here, _, state) = directories();
    let index = Index::start(&[]);
    let mut talk = index.connect();
    let title = "</script><script>alert(1)</script> \"quoted\" & 'single'";
    talk.add(5, title, "127.0.0.1", 7);
    let peer = Peer::start(index.address, state.path(), here.path(), &["share"]);
    let (head, body) = get(peer.admin, "/page/find?by=name&q=5");
    assert!(head.contains("\r\nContent-Type: application/json\r\n"), "{head}");
    assert!(head.contains("\r\nX-Content-Type-Options: nosniff\r\n"), "{head}");
    let found: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(found["documents"][0]["title"], title);
    // Nobody listens there.
    let mut events = peer.events();
    assert_eq!(peer.change("/page/download", "rfc=5").0, "200");
    events.state(|state| {
        running(state, "RFC 5").is_some_and(|one| one["state"] == "retrying")
            || ended(state, "RFC 5").is_some()
    });
}

#[test]
fn a_large_library_is_filtered_and_shown_in_pages() {
    const ALL: usize = 9_100;
    let (here, _, state) = directories();
    for number in 1..=ALL {
        fs::write(here.path().join(format!("rfc{number}.txt")), "").unwrap();
    }
    let index = Index::start(&[]);
    let peer = Peer::start(index.address, state.path(), here.path(), &["share"]);
    index.wait_for_records(ALL);
    let page = peer.read("/page/library");
    let size = usize::try_from(page["rows_of_page"].as_u64().unwrap()).unwrap();
    assert_eq!((&page["all"], names(&page).len()), (&ALL.into(), size));
    let last = peer.read(&format!("/page/library?first={}", ALL - 1));
    assert_eq!(names(&last), [format!("RFC {ALL}")]);
    let some = peer.read("/page/library?q=rfc+9099");
    assert_eq!((names(&some), &some["admitted"]), (vec!["RFC 9099"], &1.into()));
    assert_eq!(some["documents"][0]["state"], "registered");
    let none = peer.read("/page/library?state=refused");
    assert_eq!((&none["admitted"], names(&none).len()), (&0.into(), 0));
    let all = peer.read(&format!("/page/library?state=registered&first={}", ALL - 2));
    assert_eq!((&all["admitted"], names(&all).len()), (&ALL.into(), 2));
    let beyond = peer.read("/page/library?first=18446744073709551615");
    assert_eq!(names(&beyond), [] as [&str; 0]);
    assert!(get(peer.admin, "/page/library?first=x").0.starts_with("HTTP/1.1 400 "));
}
