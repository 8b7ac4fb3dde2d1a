//! The program `p2p-ci`, which people install: `server` and `peer` as its commands.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::{self, Program};

const P2P_CI: &str = env!("CARGO_BIN_EXE_p2p-ci");

fn run(program: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory.path()).env_remove("RUST_LOG");
    command.env("XDG_STATE_HOME", directory.path()).env("XDG_CACHE_HOME", directory.path());
    command.output().unwrap()
}

#[test]
fn both_programs_run_as_commands() {
    let root = tempfile::tempdir().unwrap();
    let directory = common::directory(root.path(), "library", &[("rfc90001.txt", b"text")]);
    let server = Program::start(P2P_CI, &["server", "--listen", "127.0.0.1:0"], Path::new("."));
    let line = server.line();
    let address = line.strip_prefix("listening on ").expect(&line);
    let arguments = ["peer", address, "--share", ".", "--upload", "127.0.0.1:0", "share"];
    let peer = Program::start(P2P_CI, &arguments, &directory);
    assert!(peer.line().starts_with("uploading from "));
    assert!(peer.line().starts_with("registered "));
    let listed = run(P2P_CI, &["peer", address, "list"]);
    assert!(String::from_utf8(listed.stdout).unwrap().contains("\nRFC 90001 "));
}

/// Help and errors are those of `server` and `peer`, and call them as they are called here.
#[test]
fn help_and_errors_name_the_program_as_it_was_called() {
    for (program, rest) in [
        ("server", "--help"),
        ("server", "--version"),
        ("server", "--listen x"),
        ("server", "--show-limits"),
        ("peer", "--help"),
        ("peer", "help get"),
        ("peer", "get --help"),
        ("peer", "localhost lits"),
        ("peer", "localhost get"),
        ("peer", "127.0.0.1:1 list"),
    ] {
        let path = match program {
            "server" => env!("CARGO_BIN_EXE_server"),
            _ => env!("CARGO_BIN_EXE_peer"),
        };
        let rest: Vec<&str> = rest.split(' ').collect();
        let alone = run(path, &rest);
        let installed = run(P2P_CI, &[&[program], &*rest].concat());
        assert_eq!(alone.status.code(), installed.status.code(), "{program} {rest:?}");
        for (alone, installed) in
            [(alone.stdout, installed.stdout), (alone.stderr, installed.stderr)]
        {
            let installed = String::from_utf8(installed).unwrap();
            let alone = String::from_utf8(alone).unwrap();
            // The name of the installed program also stands in texts about its tools.
            let without_name = |text: &str| text.replace("p2p-ci ", "");
            assert_eq!(without_name(&installed), without_name(&alone), "{program} {rest:?}");
            let commands = [
                format!("Usage: {program}"),
                format!("\n  {program} localhost"),
                format!("`{program} "),
            ];
            // The beginning of an error is what can be typed.
            assert!(
                !installed.lines().any(|line| line.starts_with(&format!("{program}: "))),
                "{installed}"
            );
            for command in commands {
                assert!(!installed.contains(&command), "{command}: {installed}");
            }
        }
    }
}

#[test]
fn help_of_the_program_lists_its_commands() {
    for (arguments, code) in [(&["--help"][..], 0), (&["help"], 0), (&[], 2)] {
        let output = run(P2P_CI, arguments);
        assert_eq!(output.status.code(), Some(code));
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        for command in ["server", "peer", "check", "wireshark", "explain", "replay", "help"] {
            assert!(text.contains(&format!("\n  {command} ")), "{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    let unknown = run(P2P_CI, &["pear"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("'peer'"));
}

#[test]
fn mistyped_options_before_a_command_have_a_tip() {
    for (arguments, expected) in [
        (&["admin", "--sokcet", "x", "peers"][..], "similar argument exists: '--socket'"),
        (&["peer", "localhost", "--recursiv", "list"], "similar argument exists: '--recursive'"),
        (&["admin", "--qwertz", "peers"], "Usage: p2p-ci "),
    ] {
        let errors = String::from_utf8(run(P2P_CI, arguments).stderr).unwrap();
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
        assert!(!errors.contains("p2p-ci p2p-ci"), "{arguments:?}: {errors}");
    }
}

/// The files of packages: a manual page for each command, and completions that bash reads.
#[test]
fn manual_pages_and_completions_are_generated_from_the_arguments() {
    let directory = tempfile::tempdir().unwrap();
    let written = run(P2P_CI, &["generate", directory.path().to_str().unwrap()]);
    assert!(written.status.success(), "{written:?}");
    let read = |path: &str| fs::read_to_string(directory.path().join(path)).expect(path);
    for (page, part) in [
        ("p2p-ci", "p2p\\-ci\\-peer(1)"),
        ("p2p-ci-server", "\\-\\-max\\-connections"),
        ("p2p-ci-peer", "\\-\\-share"),
        ("p2p-ci-peer-get", "\\-\\-force"),
        ("p2p-ci-check-server", "\\-\\-level"),
    ] {
        let text = read(&format!("man/{page}.1"));
        assert!(text.contains(part), "{page}: {text}");
    }
    for (page, keys) in [
        ("p2p-ci-server.toml", ["max_connections", "P2P_CI_MAX_CONNECTIONS", "admin.address"]),
        ("p2p-ci-peer.toml", ["upload.address", "P2P_CI_UPLOAD", "[[upload.limit]]"]),
    ] {
        let text = read(&format!("man/{page}.5")).replace("\\-", "-");
        assert!(keys.iter().all(|key| text.contains(key)), "{page}: {text}");
    }
    assert!(read("config/server.toml").contains("#max_connections = 10000"));
    for file in ["p2p-ci.bash", "_p2p-ci", "p2p-ci.fish"] {
        assert!(read(&format!("completions/{file}")).contains("max-connections"), "{file}");
    }
    let bash = directory.path().join("completions/p2p-ci.bash");
    match Command::new("bash").arg("-n").arg(bash).status() {
        Ok(status) => assert!(status.success()),
        Err(_) => common::skip("there is no `bash`"),
    }

    let file = directory.path().join("man/p2p-ci.1");
    let refused = run(P2P_CI, &["generate", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(74));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.starts_with("p2p-ci generate: cannot write to `"), "{message}");
}

/// Bash completes commands, options and their values: what it offers after these words.
#[test]
fn bash_completes_commands_options_and_values() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    assert!(run(P2P_CI, &["generate", place]).status.success());
    for (words, expected) in [
        (&["ser"][..], "server"),
        (&["peer", "--form"], "--format"),
        (&["peer", "--format", ""], "raw table json"),
        (&["server", "--log", "q"], "quiet"),
        (&["config", "show", "pe"], "peer"),
        (&["admin", "unb"], "unban"),
        (&["peer", "localhost", "get", "--ou"], "--out"),
        (&["peer", "help", "loo"], "lookup"),
        // Commands and options that the help does not show are not offered: `generate`, `remove`, `--no-explain`,
        // and `--upload-slots` of a command that uploads nothing.
        (&["gen"], ""),
        (&["peer", "localhost", "rem"], ""),
        (&["server", "--no-e"], ""),
        (&["peer", "localhost", "get", "--upl"], ""),
        (&["peer", "localhost", "share", "--upload-s"], "--upload-slots"),
        // Options are offered after `-`, so that the shell completes the name of a file.
        (&["config", "check", ""], "server peer"),
        (&["config", "check", "peer", ""], ""),
        (&["config", "init", "--force", "server", "ser"], ""),
        (&["explain", ""], ""),
        (&["peer", "get", "--out", "x", ""], ""),
        (&["lab", ""], "run list print"),
        (&["wireshark", ""], "install uninstall print path"),
        // The help of a peer has commands and topics.
        (&["peer", "help", "-"], ""),
        (&["peer", "help", "s"], "search sync status share"),
        (&["peer", "help", "f"], "formats"),
        // After `--` there are no options.
        (&["peer", "localhost", "get", "--", "--ou"], ""),
    ] {
        let script = r#"source "$0"; COMP_WORDS=(p2p-ci "$@"); COMP_CWORD=$#
            _p2p__ci p2p-ci "${COMP_WORDS[$#]}" "${COMP_WORDS[$#-1]}"; echo "${COMPREPLY[*]}""#;
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", script]).arg(directory.path().join("completions/p2p-ci.bash"));
        let Ok(output) = bash.args(words).output() else {
            return common::skip("there is no `bash`");
        };
        let offered = String::from_utf8(output.stdout).unwrap();
        assert_eq!(offered.trim_end(), expected, "{words:?}: {:?}", output.stderr);
    }
    for file in ["p2p-ci.bash", "_p2p-ci", "p2p-ci.fish"] {
        let text = fs::read_to_string(directory.path().join("completions").join(file)).unwrap();
        for hidden in ["-no-explain", "Write manual pages", "Stop sharing a document"] {
            assert!(!text.contains(hidden), "{file} has {hidden}");
        }
    }
}

/// What fish offers after these words. It offers files as well where an argument may be one.
#[test]
fn fish_completes_arguments() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    assert!(run(P2P_CI, &["generate", place]).status.success());
    fs::write(directory.path().join("a-file"), "").unwrap();
    for (line, offered, left_out) in [
        ("config check ", &["server", "peer"][..], &["a-file", "check"][..]),
        ("config check peer ", &["a-file"], &["server"]),
        ("explain ", &["a-file"], &["peer"]),
        ("peer ", &["list", "get", "help"], &["a-file"]),
        ("peer localhost:1 ", &["list", "get"], &["a-file"]),
        ("peer get --out ", &["a-file"], &["list"]),
        ("peer get ", &[], &["a-file", "list"]),
        ("peer help ", &["lookup", "formats"], &["a-file", "--share"]),
        ("help ", &["server", "peer", "exit-codes"], &["a-file", "lookup"]),
        ("admin ban ", &[], &["a-file"]),
    ] {
        let script = format!("source completions/p2p-ci.fish; complete -C 'p2p-ci {line}'");
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c", &script]).current_dir(directory.path());
        let Ok(output) = fish.env("HOME", directory.path()).output() else {
            return common::skip("there is no `fish`");
        };
        let found = String::from_utf8(output.stdout).unwrap();
        let words: Vec<&str> = found.lines().filter_map(|line| line.split('\t').next()).collect();
        assert!(offered.iter().all(|word| words.contains(word)), "{line}: {words:?}");
        assert!(left_out.iter().all(|word| !words.contains(word)), "{line}: {words:?}");
    }
}

/// zsh recognizes the command after the argument that may precede it.
#[test]
fn zsh_completes_commands_after_an_argument() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    assert!(run(P2P_CI, &["generate", place]).status.success());
    // The function asks `_arguments` for each part of the line: what it says here is the line that is left.
    let script = r#"_arguments() { print -r -- "$CURRENT ${(j: :)words}"; return 1 }
        compdef() { :; }; autoload() { :; }; is-at-least() { true; }
        source "$1/completions/_p2p-ci"; shift; words=("$@"); CURRENT=$#; _p2p-ci"#;
    for (line, left) in [
        (&["p2p-ci", "peer", "get", "--o"][..], "4 p2p-ci peer get --o"),
        (&["p2p-ci", "peer", "localhost:1", "get", "--o"], "4 p2p-ci peer get --o"),
        (&["p2p-ci", "peer", "--format", "json", "g"], "5 p2p-ci peer --format json g"),
        (&["p2p-ci", "lab", "3", "pr"], "3 p2p-ci lab pr"),
        (&["p2p-ci", "config", "check", "peer", "x"], "5 p2p-ci config check peer x"),
        (&["p2p-ci", "peer", "loc"], "3 p2p-ci peer loc"),
    ] {
        let mut zsh = Command::new("zsh");
        let Ok(output) = zsh.args(["-f", "-c", script, "zsh", place]).args(line).output() else {
            return common::skip("there is no `zsh`");
        };
        let found = String::from_utf8_lossy(&output.stdout);
        assert_eq!(found.lines().next(), Some(left), "{line:?}: {output:?}");
    }
    let zsh = fs::read_to_string(directory.path().join("completions/_p2p-ci")).unwrap();
    let help = zsh.split("(help)").nth(1).and_then(|text| text.split(";;").next()).unwrap();
    assert!(!help.contains("'--"), "the help of a peer has options: {help}");
}

#[test]
fn topics_are_described_by_each_program() {
    let peer = env!("CARGO_BIN_EXE_peer");
    for (program, arguments, text) in [
        (P2P_CI, &["help", "exit-codes"][..], "   66  no such document"),
        (P2P_CI, &["help", "formats"], "2MiB                  binary: 2,097,152 bytes"),
        (P2P_CI, &["peer", "help", "environment"], "XDG_STATE_HOME"),
        (peer, &["help", "formats"], "  2M, 5MB               decimal"),
        (peer, &["localhost:1", "help", "exit-codes"], "   66  no such document"),
    ] {
        let output = run(program, arguments);
        let found = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && found.contains(text), "{arguments:?}: {found}");
    }
}

/// Before, `share` was taken for `server`, and other commands had no tip.
#[test]
fn commands_and_options_of_the_programs_are_found_without_their_names() {
    for (line, tip) in [
        ("get 1 \"a b\"", "tip: `get` is a command of a peer: `p2p-ci peer SERVER get 1 'a b'`\n"),
        ("download", "tip: `get` is a command of a peer: `p2p-ci peer SERVER get`\n"),
        ("share docs", "`p2p-ci peer SERVER --share docs share`\n"),
        ("--listen 7734", "tip: `--listen` is an option of `p2p-ci server`\n"),
        ("server --share docs", "tip: `--share` is an option of `p2p-ci peer`\n"),
        ("admin list", "tip: the command is called `peers`\n"),
        ("check localhost", "tip: the commands are server, uploader, client, peer\n"),
        ("Peer localhost", "tip: a similar command exists: 'peer'\n"),
        ("version", "tip: `--version` prints the version\n"),
        ("lab x", "expected a number of peers from 1 to 200, or a command such as `run churn`"),
    ] {
        let words = shlex::split(line).unwrap();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let found = run(P2P_CI, &words);
        let errors = String::from_utf8(found.stderr).unwrap();
        assert_eq!(found.status.code(), Some(2), "{line}: {errors}");
        assert!(errors.contains(tip), "{line}: {errors}");
    }
    // Also the commands of a peer are described.
    let [installed, peer] =
        [&["help", "get"] as &[&str], &["peer", "help", "get"]].map(|words| run(P2P_CI, words));
    assert_eq!((installed.status.code(), installed.stdout), (Some(0), peer.stdout));
}
