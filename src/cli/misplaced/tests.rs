//! Tips for options in the wrong place.

use super::*;
use crate::cli::usage::tip_for;

fn message(program: &Command, line: &str) -> String {
    let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    let mut error = program.clone().try_get_matches_from(&words).unwrap_err();
    let tip = tip_for(&mut error, program, &words);
    format!("{error}{tip}")
}

#[test]
fn each_mistake_has_a_tip_that_works() {
    let (server, peer) = (options_of(Program::Server), peer_command());
    for (program, line, tip) in [
        (&peer, "peer localhost --limit 5", "`--limit` is an option of `search`"),
        (&peer, "peer localhost list --dry-run", "`--dry-run` is an option of `sync`"),
        (&peer, "peer localhost get -dash.txt", "follows `--`: `get -- -dash.txt`"),
        (&peer, "peer localhost lookup -vdash", "follows `--`: `lookup -- -vdash`"),
        (&peer, "peer localhost get -5", "first and its last number: `get 1-5`"),
        (&peer, "peer localhost get -55 7", "first and its last number: `get 1-55`"),
        (&peer, "peer localhost 7734", "a port follows a colon: `localhost:7734`"),
        (&peer, "peer localhost download 1", "the command is called `get`"),
        (&peer, "peer download 1", "the command is called `get`"),
        (&peer, "peer localhost frobnicate", "the commands are list, lookup, search,"),
        (&peer, "peer localhost help exit-code", "the topic is called `exit-codes`"),
        (&peer, "peer localhost help foramts", "the topic is called `formats`"),
        (&peer, "peer localhost share docs", "an option: `--share docs`"),
        (&peer, "peer --max-memory 5", "`--max-memory` is an option of `server`"),
        (&server, "server --share docs", "`--share` is an option of `peer`"),
        (&server, "server --out x", "`--out` is an option of `peer`"),
        (&server, "server 7735", "with `--listen 7735`"),
        (&server, "server start", "with `--listen 7734`"),
    ] {
        let message = message(program, line);
        assert!(message.contains(tip), "{line}: {message}");
        assert!(!message.contains("as a value"), "{line}: {message}");
        assert!(!message.contains("similar"), "{line}: {message}");
    }
}

#[test]
fn suggestions_that_do_not_resemble_the_option_are_removed() {
    let peer = peer_command();
    for (line, suggested) in [
        ("peer localhost get 1 --resume", None),
        ("peer localhost search --max 3 tcp", None),
        ("peer localhost verify --all", None),
        ("peer localhost --upload-limit 5 MB list", None),
        ("peer localhost --uplod-limit 5", Some("--upload-limit")),
        ("peer localhost --recu", Some("--recursive")),
        // The option of the program that stands before its command.
        ("peer localhost --recursiv list", Some("--recursive")),
        ("peer localhost --shar papers get 1", Some("--share")),
    ] {
        let message = message(&peer, line);
        let found = message.split("similar argument exists: '").nth(1);
        let found = found.and_then(|rest| rest.split('\'').next());
        assert_eq!(found, suggested, "{line}: {message}");
        assert!(!message.contains("as a value"), "{line}: {message}");
    }
}
