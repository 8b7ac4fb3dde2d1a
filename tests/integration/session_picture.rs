//! The picture in README.md: a real session, drawn as a terminal.
//!
//! Ports are replaced by fixed ones, so the picture changes only if the programs print something else.
//! `UPDATE_PICTURE=1 cargo test --test integration session_picture::` draws it again.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{self, Program, Talk};

const P2P_CI: &str = env!("CARGO_BIN_EXE_p2p-ci");
/// Characters of a line.
const COLUMNS: usize = 92;

/// A line of the session.
#[derive(Debug, Eq, PartialEq)]
enum Line {
    Typed(String),
    Printed(String),
}

/// The lines that two people see: one runs an index server and a peer, the other searches and downloads,
/// and types a request.
fn session() -> Vec<Line> {
    let root = tempfile::tempdir().unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("rfc");
    let shelf = common::directory(root.path(), "shelf", &[]);
    for entry in fs::read_dir(samples).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), shelf.join(entry.file_name())).unwrap();
    }
    let mut lines = Vec::new();
    let typed = |lines: &mut Vec<Line>, text: &str| lines.push(Line::Typed(text.into()));

    typed(&mut lines, "p2p-ci server --listen 127.0.0.1:7734 &");
    let server = Program::start(P2P_CI, &["server", "--listen", "127.0.0.1:0"], root.path());
    let listening = server.line();
    let port = listening.rsplit(':').next().unwrap().to_string();
    lines.push(Line::Printed(listening.replace(&port, "7734")));

    typed(&mut lines, "p2p-ci peer localhost --share shelf share &");
    let index = format!("localhost:{port}");
    let arguments = ["peer", &index, "--share", "shelf", "--upload", "127.0.0.1:0", "share"];
    let peer = Program::start(P2P_CI, &arguments, root.path());
    let (uploading, registered) = (peer.line(), peer.line());
    let upload = uploading.rsplit(':').next().unwrap().to_string();
    let fixed = |text: &str| text.replace(&port, "7734").replace(&upload, "40755");
    lines.extend([&uploading, &registered].map(|line| Line::Printed(fixed(line))));

    let state = common::directory(root.path(), "state", &[]);
    for command in ["search empty line", "get 90002"] {
        typed(&mut lines, &format!("p2p-ci peer localhost {command}"));
        let output = Command::new(P2P_CI)
            .args(["peer", &index])
            .args(command.split(' '))
            .current_dir(root.path())
            .env_remove("RUST_LOG")
            .env("XDG_STATE_HOME", &state)
            .env("XDG_CACHE_HOME", &state)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        lines.extend(text.trim_end().lines().map(|line| Line::Printed(fixed(line))));
    }

    typed(&mut lines, "nc localhost 7734");
    let mut talk = Talk::to(format!("127.0.0.1:{port}").parse().unwrap());
    let request = ["LOOKUP RFC 90002 P2P-CI/1.0", "Host: localhost", "Port: 1", ""];
    for line in request {
        talk.say(format!("{line}\r\n"));
        lines.push(Line::Typed(line.into()));
    }
    lines.extend(talk.reply().iter().map(|line| Line::Printed(fixed(line))));
    lines
}

/// The lines as an SVG that needs no fonts but those of the reader. Long lines are wrapped as terminals do.
fn drawn(lines: &[Line]) -> String {
    const HEIGHT: usize = 20;
    /// Of a hundred characters.
    const WIDTH: usize = 843;
    let mut rows = Vec::new();
    for line in lines {
        let (text, colour) = match line {
            Line::Typed(text) => (text.clone(), "#ffd866"),
            Line::Printed(text) => (text.clone(), "#d6d6d6"),
        };
        let is_command = matches!(line, Line::Typed(text) if ["p2p-ci ", "nc "].iter().any(|start| text.starts_with(start)));
        let characters: Vec<char> =
            if is_command { format!("$ {text}") } else { text }.chars().collect();
        if characters.is_empty() {
            rows.push((String::new(), colour));
        }
        rows.extend(characters.chunks(COLUMNS).map(|part| (part.iter().collect(), colour)));
    }
    let (width, height) = (COLUMNS * WIDTH / 100 + 32, rows.len() * HEIGHT + 32);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"A session of p2p-ci in a terminal\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1e1e26\"/>\n\
         <g font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\" \
         xml:space=\"preserve\">\n"
    );
    for (number, (text, colour)) in
        rows.iter().enumerate().filter(|(_, (text, _))| !text.is_empty())
    {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let y = (number + 1) * HEIGHT + 10;
        writeln!(svg, "<text x=\"16\" y=\"{y}\" fill=\"{colour}\">{text}</text>").unwrap();
    }
    svg + "</g>\n</svg>\n"
}

#[test]
fn the_picture_of_a_session_is_current() {
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/session.svg");
    let current = drawn(&session());
    if std::env::var_os("UPDATE_PICTURE").is_some() {
        fs::write(&picture, &current).unwrap();
    }
    let stored = fs::read_to_string(&picture).unwrap();
    assert_eq!(
        stored, current,
        "draw it again: UPDATE_PICTURE=1 cargo test --test integration session_picture::"
    );
}
