//! Tables, totals, colours and the pager.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::common::{Index, Talk, directory, share};
use crate::terminal::screen::Terminal;

const ADDRESS: &str = "2001:db8:1:2:3:4:5:6";

/// An index with records of two holders, one of which has a long address.
fn index_with_titles() -> (Index, [Talk; 2]) {
    let index = Index::start(&[]);
    let (mut one, mut two) = (index.connect(), index.connect());
    let title = "a long title about congestion control ".repeat(4);
    for number in 1..=30 {
        one.add(number, title.trim_end(), "localhost", 44011);
    }
    two.add(7, "Short", ADDRESS, 65535);
    (index, [one, two])
}

#[test]
fn tables_fit_the_terminal_and_endpoints_are_complete() {
    let root = tempfile::tempdir().unwrap();
    let (index, _holders) = index_with_titles();
    for columns in [40, 80, 132, 250] {
        let mine = directory(root.path(), &columns.to_string(), &[]);
        let Some(mut terminal) = Terminal::sized(&index, &mine, (200, columns), &[]) else {
            return;
        };
        let lines = terminal.lines_of("list");
        let text = lines.join("\n");
        assert!(lines.iter().all(|line| line.chars().count() <= columns.into()), "{text}");
        assert_eq!(text.matches("localhost:44011").count(), 30, "{text}");
        assert_eq!(text.matches(&format!("[{ADDRESS}]:65535")).count(), 1, "{text}");
        assert_eq!(lines.last().unwrap(), "30 documents from 2 peers");
        assert_eq!(terminal.lines_of("search nothing"), ["no documents"]);
        assert_eq!(terminal.lines_of("lookup 99"), ["peer: no peer has RFC 99"]);
        terminal.quit();
    }
}

/// On a narrow terminal, messages have the same words as on a wide one, each on one line.
#[test]
fn messages_are_broken_between_words() {
    let root = tempfile::tempdir().unwrap();
    let (index, _holders) = index_with_titles();
    let commands = ["serach x", "lookup %7", "get --from x 1", "get %1", "lookup 99", "help get"];
    let mut shown = Vec::new();
    for columns in [40, 250] {
        let mine = directory(root.path(), &columns.to_string(), &[]);
        let Some(mut terminal) = Terminal::sized(&index, &mine, (200, columns), &[]) else {
            return;
        };
        let lines: Vec<Vec<String>> = commands.map(|command| terminal.lines_of(command)).into();
        shown.push(lines);
        terminal.quit();
    }
    let [narrow, wide] = &shown[..] else { panic!("{shown:?}") };
    let words = |lines: &[String]| -> Vec<String> {
        lines.join(" ").split_whitespace().map(str::to_string).collect()
    };
    for (narrow, wide) in narrow.iter().zip(wide) {
        assert!(narrow.iter().all(|line| line.chars().count() <= 40), "{narrow:#?}");
        assert_eq!(words(narrow), words(wide), "{narrow:#?}");
    }
    assert!(wide.iter().flatten().any(|line| line.chars().count() > 40), "{wide:#?}");
}

#[test]
fn rows_of_the_last_list_can_be_typed() {
    let root = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 4] =
        [("a b.txt", b"1"), ("%2", b"2"), ("c.txt", b"3"), ("42", b"4")];
    let theirs = directory(root.path(), "theirs", &files);
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let (_theirs, _) = share(index.address, &theirs);
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    terminal.type_text("get %1\r");
    terminal.wait_for("found `%1`: nothing was listed yet");
    terminal.wait_for("p2p-ci> ");
    for name in ["a b.txt", "FILE:%2", "c.txt", "FILE:42"] {
        let lines = terminal.lines_of("list --files");
        let row = lines.iter().find(|line| line.contains(&format!("  {name}  "))).unwrap();
        let number = row.split_whitespace().next().unwrap();
        let got = terminal.lines_of(&format!("get {number}")).join(" ");
        let name = name.trim_start_matches("FILE:");
        assert!(got.contains(&format!("FILE {name}: 1 byte from")), "{row}: {got}");
        // What is shown can be typed, too.
        let typed = terminal.lines_of(&format!("lookup \"FILE {name}\"")).join(" ");
        assert!(typed.contains("1 document from "), "{typed}");
    }
    terminal.type_text("get %999\r");
    terminal.wait_for("from `%1` to `%2`, found `%999`");
    terminal.quit();
}

#[test]
fn output_that_is_longer_than_the_screen_goes_to_the_pager() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[("own.txt", b"own")]);
    let (index, _holders) = index_with_titles();
    let variables = [("PAGER", "sed 's/^/paged:/'"), ("NO_COLOR", "1")];
    let Some(mut terminal) = Terminal::sized(&index, &mine, (24, 80), &variables) else { return };
    let lines = terminal.lines_of("list");
    assert!(lines.iter().all(|line| line.starts_with("paged:")), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), "paged:30 documents from 2 peers");
    for command in ["lookup 7", "list --no-pager"] {
        let lines = terminal.lines_of(command);
        assert!(lines.len() > 2 && !lines.join("").contains("paged:"), "{command}: {lines:#?}");
    }
    for (format, first) in [("raw", "paged:P2P-CI/1.0 200 OK"), ("json", "paged:{")] {
        let lines = terminal.lines_of(&format!("list --format {format}"));
        assert!(lines[0].starts_with(first), "{lines:#?}");
    }
    // A pager that ends early is no error, and the session continues.
    drop(terminal);
    let mine = directory(root.path(), "other", &[]);
    let variables = [("PAGER", "head -n 1")];
    let Some(mut terminal) = Terminal::sized(&index, &mine, (24, 80), &variables) else { return };
    assert_eq!(terminal.lines_of("list").len(), 1);
    assert_eq!(terminal.lines_of("search nothing"), ["no documents"]);
    terminal.quit();
}

#[test]
fn what_other_threads_report_waits_for_the_end_of_the_pager() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[]);
    // It ends when the test has created a file.
    let pager = "#!/bin/sh\ncat >/dev/null\necho reading\nwhile [ ! -e \"$MINE/end\" ]; do sleep 0.05; done\necho left\n";
    let path = root.path().join("pager");
    fs::write(&path, pager).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    let (index, holders) = index_with_titles();
    let address = index.address;
    // The words of the variable are those of a shell, and the directory may have blanks in its name.
    let pager = format!("'{}'", path.display());
    let variables = [("PAGER", &*pager), ("NO_COLOR", "1")];
    let Some(mut terminal) = Terminal::sized(&index, &mine, (24, 80), &variables) else { return };
    terminal.type_text("list\r");
    terminal.wait_for("reading");
    let before = terminal.everything.len();
    drop((index, holders));
    // The peer connects again, after it has reported that it has lost the index.
    let listener = TcpListener::bind(address).unwrap();
    listener.accept().unwrap();
    fs::write(mine.join("end"), "").unwrap();
    terminal.wait_for("left");
    assert!(!terminal.everything[before..].contains("lost the index"));
    terminal.wait_for("lost the index");
}

#[test]
fn colours_are_used_unless_the_user_wants_none() {
    let root = tempfile::tempdir().unwrap();
    let (index, _holders) = index_with_titles();
    for (variable, value, has_colours) in
        [("OTHER", "1", true), ("NO_COLOR", "", true), ("NO_COLOR", "1", false)]
    {
        let mine = directory(root.path(), &format!("{variable}{value}"), &[]);
        let variables = [(variable, value)];
        let Some(mut terminal) = Terminal::sized(&index, &mine, (0, 0), &variables) else { return };
        terminal.lines_of("lookup 7");
        let text = &terminal.everything;
        assert_eq!(text.contains("\x1b[36mRFC 7\x1b[0m"), has_colours, "{variable}={value}");
        terminal.quit();
    }
}
