//! `check client` and `check peer` with our own peer.

use std::fs;
use std::path::Path;

use super::check;
use super::common::{self, Program};

const PEER: &str = env!("CARGO_BIN_EXE_peer");

/// A command that a program without a shell starts, although its path may have blanks.
fn own_peer() -> String {
    let words = [PEER, "{host}:{port}", "--share", "{dir}", "--upload", "127.0.0.1:0"];
    shlex::try_join(words).unwrap()
}

#[test]
fn our_peer_passes_every_case_when_it_is_started() {
    let (code, output, errors) = check(&["peer", "--start", &own_peer(), "--level", "extension"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.starts_with("listening on 127.0.0.1:"), "{output}");
    assert!(output.ends_with("\n67 of 67 cases passed; grade 100.0 of 100\n"), "{output}");
}

/// What a person types into our shell after an instruction.
fn typed(instruction: &str, folder: &Path) -> String {
    let words: Vec<&str> = instruction.split([' ', '.']).collect();
    let after = |word: &str| {
        let place = words.iter().position(|one| *one == word).unwrap();
        words[place + 1].to_string()
    };
    let number = || after("RFC");
    match words[2] {
        "add" => {
            let title = instruction.split('`').nth(1).unwrap();
            let path = folder.join(format!("rfc{}.txt", number()));
            // Our peer adds it by itself, too, with the title in it.
            let head = format!("Network Working Group\nRequest for Comments: {}", number());
            fs::write(path, format!("\n\n{head}\n\n\n          {title}\n\nAbstract\n")).unwrap();
            format!("add {} --title '{title}'", number())
        }
        "list" => "list".into(),
        "look" => format!("lookup {}", number()),
        "download" => format!("get {}", number()),
        "leave:" => "exit".into(),
        other => panic!("{other} in {instruction}"),
    }
}

#[test]
fn our_peer_passes_every_case_in_the_hands_of_a_person() {
    let root = tempfile::tempdir().unwrap();
    let folder = common::folder(root.path(), "a library", &[]);
    let arguments = ["check", "client", "--listen", "127.0.0.1:0", "--level", "extension"];
    let tester = Program::start(env!("CARGO_BIN_EXE_p2p-ci"), &arguments, root.path());
    let line = tester.line();
    let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
    let shared = folder.to_str().unwrap();
    // It connects when it has a document, so that is the first instruction.
    let mut peer = None;
    let mut steps = 0;
    let mut line = tester.line();
    while line.starts_with('[') {
        steps += 1;
        assert!(line.starts_with(&format!("[{steps}/23] Now ")), "{line}");
        let typed = typed(line.split_once(']').unwrap().1, &folder);
        let arguments = ["--share", shared, "--upload", "127.0.0.1:0"];
        let peer: &mut Program =
            peer.get_or_insert_with(|| common::peer(address, &arguments, root.path()));
        peer.type_line(&typed);
        line = tester.line();
    }
    let rest = tester.rest();
    assert_eq!(
        rest.last().unwrap(),
        "38 of 38 cases passed; grade 100.0 of 100",
        "{line}\n{rest:#?}"
    );
}
