//! Choosing among holders, and completion.

use std::fs;

use crate::common::{Index, directory, share};
use crate::terminal::screen::Terminal;

#[test]
fn a_person_chooses_among_holders() {
    let root = tempfile::tempdir().unwrap();
    let a = directory(root.path(), "a", &[("rfc7.txt", b"from a")]);
    let b = directory(root.path(), "b", &[("rfc7.txt", b"from b")]);
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let (_a, port_of_a) = share(index.address, &a);
    // A holder that tells its digest is the newest again.
    index.wait_for_digests("RFC 7", 1);
    let (_b, _) = share(index.address, &b);
    // That of directory a is known to be slow, which is no reason to ask another than the chosen one.
    fs::create_dir_all(mine.join(".state/p2p-ci")).unwrap();
    let known = format!("p2p-ci holders 1\nlocalhost:{port_of_a} 900000 1000\n");
    fs::write(mine.join(".state/p2p-ci/holders"), known).unwrap();
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };

    // Tab completes the command.
    terminal.type_text("stat\t\r");
    terminal.wait_for("known there as");
    terminal.wait_for("p2p-ci> ");

    // The newest holder is offered first; the second is that of directory a.
    terminal.type_text("get 7\r");
    terminal.wait_for("from which one first, 1 to 2? [the fastest] ");
    terminal.type_text("3\r");
    terminal.wait_for("expected a number from 1 to 2, found `3`");
    terminal.wait_for("p2p-ci> ");
    terminal.type_text("get 7\r");
    terminal.wait_for("from which one first, 1 to 2? [the fastest] ");
    terminal.type_text("2\r");
    terminal.wait_for(&format!("RFC 7: 6 bytes from localhost:{port_of_a}, sha-256 checked"));
    terminal.wait_for("p2p-ci> ");
    assert_eq!(fs::read_to_string(mine.join("rfc7.txt")).unwrap(), "from a");

    // Events are reported meanwhile, and the line that is being typed stays.
    terminal.type_text("loo");
    drop(index);
    terminal.wait_for("lost the index");
    terminal.wait_for("loo");
    terminal.type_text("\x03");
    terminal.wait_for("p2p-ci> ");
    terminal.quit();
    let history = fs::read_to_string(mine.join(".state/p2p-ci/history")).unwrap();
    assert!(history.contains("get 7"), "{history}");
}

#[test]
fn the_chosen_holder_decides_which_version_of_a_large_document_comes() {
    // Larger than what is fetched from a single holder.
    const LENGTH: usize = 9 * 1024 * 1024;
    let root = tempfile::tempdir().unwrap();
    let (one, most) = (vec![b'o'; LENGTH], vec![b'm'; LENGTH]);
    let index = Index::start(&[]);
    let mut holders = Vec::new();
    for (name, bytes) in [("one", &one), ("most", &most), ("most too", &most)] {
        holders.push(share(index.address, &directory(root.path(), name, &[("big.bin", bytes)])));
        // A holder that tells its digest is the newest again.
        index.wait_for_digests("FILE big.bin", holders.len());
    }
    let mine = directory(root.path(), "mine", &[]);
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    terminal.type_text("get big.bin\r");
    terminal.wait_for("from which one first, 1 to 3? [the fastest] ");
    terminal.type_text("3\r");
    terminal.wait_for("sha-256 checked");
    assert!(fs::read(mine.join("big.bin")).unwrap() == one, "the version of most came");
}

#[test]
fn a_range_asks_once_for_a_holder() {
    let root = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let files: [(&str, &[u8]); 3] =
        [("rfc1.txt", b"one"), ("rfc2.txt", b"two"), ("rfc3.txt", b"three")];
    let mut holders = Vec::new();
    for name in ["a", "b"] {
        holders.push(share(index.address, &directory(root.path(), name, &files)));
        index.wait_for_digests("RFC 3", holders.len());
    }
    let mine = directory(root.path(), "mine", &[]);
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    terminal.type_text("get 1-3 2 2\r");
    terminal.wait_for("from which one first, 1 to 2? [the fastest] ");
    terminal.type_text("\r");
    for _ in 0..3 {
        terminal.wait_for("sha-256 checked");
    }
    terminal.wait_for("p2p-ci> ");
    assert_eq!(terminal.everything.matches("from which one").count(), 1);
    assert_eq!(terminal.everything.matches("sha-256 checked").count(), 3);
    // Ctrl-C answers a question, too.
    terminal.type_text("get 1 --force\r");
    terminal.wait_for("from which one first, 1 to 2? [the fastest] ");
    terminal.type_text("\x03");
    terminal.wait_for("interrupted");
    terminal.wait_for("p2p-ci> ");
    terminal.quit();
}

/// Before, documents came from other holders while another download tried the chosen one.
#[test]
fn all_documents_of_a_range_come_from_the_chosen_holder() {
    let root = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let files: Vec<String> = (1..=40).map(|number| format!("rfc{number}.txt")).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|name| (&**name, &b"text"[..])).collect();
    let mut holders = Vec::new();
    for name in ["a", "b", "c"] {
        holders.push(share(index.address, &directory(root.path(), name, &files)));
        index.wait_for_digests("RFC 40", holders.len());
    }
    let mine = directory(root.path(), "mine", &[]);
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    terminal.type_text("get 1-40\r");
    terminal.wait_for("from which one first, 1 to 3? [the fastest] ");
    let last_row = terminal.everything.rsplit("localhost:").next().unwrap();
    let chosen: String = last_row.chars().take_while(char::is_ascii_digit).collect();
    terminal.type_text("3\r");
    terminal.wait_for("40 of 40 documents fetched");
    let from_chosen = format!("4 bytes from localhost:{chosen}, ");
    assert_eq!(terminal.everything.matches(&from_chosen).count(), 40, "{}", terminal.everything);
    terminal.quit();
}

/// A session resumes unfinished downloads. A document for which the user chose no holder is not one of them.
#[test]
fn a_document_without_a_chosen_holder_is_not_wanted() {
    let root = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let files: [(&str, &[u8]); 2] = [("rfc1.txt", b"one"), ("rfc2.txt", b"two")];
    let mut holders = Vec::new();
    for name in ["a", "b"] {
        holders.push(share(index.address, &directory(root.path(), name, &files)));
        index.wait_for_digests("RFC 2", holders.len());
    }
    let mine = directory(root.path(), "mine", &[]);
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    for (command, answer, says) in [
        ("get 1\r", "\x03", "RFC 1 is not downloaded"),
        ("get 1 2\r", "\x03", "no document is downloaded"),
        ("get 1 2\r", "7\r", "expected a number from 1 to 2"),
    ] {
        terminal.type_text(command);
        terminal.wait_for("from which one first, 1 to 2? [the fastest] ");
        terminal.type_text(answer);
        terminal.wait_for(says);
        terminal.wait_for("p2p-ci> ");
        terminal.type_text("get\r");
        terminal.wait_for("no unfinished download");
        terminal.wait_for("p2p-ci> ");
    }
    // Without a number the choice is that of the program.
    terminal.type_text("get 1\r");
    terminal.wait_for("[the fastest] ");
    terminal.type_text("\r");
    terminal.wait_for("RFC 1: 3 bytes");
    terminal.wait_for("p2p-ci> ");
    terminal.quit();
}

#[test]
fn listed_documents_are_completed() {
    let root = tempfile::tempdir().unwrap();
    let theirs = directory(root.path(), "theirs", &[("lecture 01.txt", b"1"), ("42", b"2")]);
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let (_theirs, _) = share(index.address, &theirs);
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    terminal.type_text("list --files\r");
    terminal.wait_for("p2p-ci> ");
    terminal.learn_names("get lec", "lecture 01.txt");
    for (typed, received) in [
        ("get lec\t\r", "FILE lecture 01.txt: 1 byte from"),
        ("get FILE:\t\r", "FILE 42: 1 byte from"),
    ] {
        terminal.type_text(typed);
        terminal.wait_for(received);
        terminal.wait_for("p2p-ci> ");
    }
    terminal.quit();
}
