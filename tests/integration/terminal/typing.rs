//! Completion, the menu, and the end of a session that uploads.

use std::fs;
use std::time::Duration;

use crate::common::{Index, PATIENCE, Talk, directory};
use crate::terminal::screen::Terminal;

#[test]
fn tab_completes_what_the_index_lists() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[("own notes.txt", b"text")]);
    let index = Index::start(&[]);
    let mut holder = index.connect();
    for name in ["Lecture%20recording%2001.mp4", "Lecture%20recording%2002.mp4"] {
        holder.add_file(name, 5678);
    }
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    assert!(terminal.everything.contains("`peer --menu` is a menu of the same operations"));
    terminal.learn_names("lookup lec", "Lecture recording 0");
    for (typed, shown) in [
        ("?\r", "quit    End the session"),
        ("get --help\r", "--digests <FILE>"),
        ("clear\r", "\u{1b}[H\u{1b}[2J"),
        ("serach tcp\r", "a similar command exists: 'search'"),
        // As far as both agree, in the quotes that they need; then both are listed.
        ("loo\tlec\t", "\"Lecture recording 0"),
        ("\t", "Lecture recording 01.mp4  Lecture recording 02.mp4"),
        ("2\t\r", "1 document from 1 peer"),
        ("browse 127\t\r", "2 documents from 1 peer"),
        ("read 'own\t\r", "\ntext\r\n"),
        ("remove o\t\r", "not shared any more"),
        ("read own\r", "is not here"),
    ] {
        terminal.type_text(typed);
        terminal.wait_for(shown);
        if typed.ends_with('\r') {
            terminal.wait_for("p2p-ci> ");
        }
    }
    terminal.quit();
}

#[test]
fn the_menu_completes_values() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[("own notes.txt", b"text")]);
    let index = Index::start(&[]);
    let Some(mut terminal) = Terminal::start_with(&index, &mine, "--menu") else { return };
    terminal.wait_for("0  quit");
    for (typed, shown) in [
        ("x\r", "expected a number from 0 to 14, found `x`"),
        ("12\r", "document"),
        ("own\t\r", "text"),
        ("\u{3}", "0 or Ctrl-D ends the session"),
    ] {
        terminal.wait_for("): ");
        terminal.type_text(typed);
        terminal.wait_for(shown);
    }
    terminal.wait_for("): ");
    terminal.type_text("\u{4}");
    assert_eq!(terminal.end_within(PATIENCE), Some(0));
}

/// At 40 columns: the menu and its questions are broken between words, below each other.
#[test]
fn the_menu_fits_a_narrow_terminal() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let Some(mut terminal) = Terminal::start_on(&index, &mine, "--menu", (24, 40), &[]) else {
        return;
    };
    terminal.wait_for("  6  download everything that is missing\r\n     here\r\n");
    for (typed, shown) in [
        ("", "operation (0 ends, Enter shows the\r\nmenu):\r\n"),
        ("5\r", "document (RFC number, range such as\r\n700-710, or file name):\r\n"),
    ] {
        terminal.type_text(typed);
        terminal.wait_for(shown);
        terminal.wait_for("> ");
    }
    terminal.type_text("\u{4}");
    assert_eq!(terminal.end_within(PATIENCE), Some(0));
}

#[test]
fn a_session_says_for_which_uploads_it_waits() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[]);
    fs::write(mine.join("large.bin"), vec![0; 8_000_000]).unwrap();
    let index = Index::start(&[]);
    for (typed, code) in [("quit\r", 0), ("\u{3}", 130)] {
        let options = "--upload 127.0.0.1:0 --upload-limit 20k";
        let Some(mut terminal) = Terminal::start_with(&index, &mine, options) else { return };
        terminal.wait_for("p2p-ci> ");
        let address = terminal.everything.split("uploading from ").nth(1).unwrap();
        let address = address.split_whitespace().next().unwrap().parse().unwrap();
        let mut reader = Talk::to(address);
        reader.say("GET FILE large.bin P2P-CI/1.0\r\nHost: h\r\n\r\n");
        assert_eq!(reader.line().as_deref(), Some("P2P-CI/1.0 200 OK"));
        terminal.type_text("quit\r");
        terminal.wait_for("waiting at most 5 s for 1 upload: FILE large.bin to 127.0.0.1:");
        terminal.wait_for("a second `quit` or Ctrl-C ends them");
        terminal.type_text(typed);
        // Less than it would wait.
        assert_eq!(terminal.end_within(Duration::from_secs(4)), Some(code));
    }
}
