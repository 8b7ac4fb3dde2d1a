//! Configuration: options, environment, files, and `p2p-ci config`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::{Index, Program, directory, run_peer};

const P2P_CI: &str = env!("CARGO_BIN_EXE_p2p-ci");
const SERVER: &str = env!("CARGO_BIN_EXE_server");

fn command(program: &str, arguments: &[&str], home: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(home).env("XDG_CONFIG_HOME", home).env("HOME", home);
    command.env_remove("RUST_LOG").env("P2P_CI_CONFIG", "");
    command
}

fn run(program: &str, arguments: &[&str], home: &Path) -> Output {
    command(program, arguments, home).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The line of a key in the output of `config show`: its value, and its source.
fn shown(output: &Output, key: &str) -> (String, String) {
    let lines = text(&output.stdout).lines();
    let line =
        lines.clone().find(|line| line.trim_start_matches("# ").starts_with(&format!("{key} =")));
    assert!(line.is_some(), "no {key} in {output:?}");
    let line = line.unwrap();
    let (value, source) = line.rsplit_once(" # ").expect(line);
    (value.split_once('=').unwrap().1.trim().into(), source.trim().into())
}

#[test]
fn options_precede_the_environment_the_file_and_the_defaults() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("server.toml");
    fs::write(
        &file,
        "max_connections = 1_000\nconnections_per_address = 11\nexplain = true\ncompat = true\n\
         host_policy = \"strict\"\nallow = [\"10.0.0.0/8\", \"192.0.2.1\"]\n",
    )
    .unwrap();
    let place = file.to_str().unwrap();
    let arguments =
        ["config", "show", "server", "--config", place, "--max-connections", "3", "--no-explain"];
    let output = command(P2P_CI, &arguments, root.path())
        .env("P2P_CI_CONNECTIONS_PER_ADDRESS", "12")
        .env("P2P_CI_MAX_CONNECTIONS", "4")
        .env("P2P_CI_LISTEN", "127.0.0.1:1, [::1]:2")
        .env("P2P_CI_COMPAT", "no")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    for (key, value, source) in [
        ("max_connections", "3", "option --max-connections"),
        ("explain", "false", "option --no-explain"),
        ("connections_per_address", "12", "environment P2P_CI_CONNECTIONS_PER_ADDRESS"),
        ("listen", "[\"127.0.0.1:1\", \"[::1]:2\"]", "environment P2P_CI_LISTEN"),
        ("compat", "false", "environment P2P_CI_COMPAT"),
        ("host_policy", "\"strict\"", &format!("{place}:5")),
        ("allow", "[\"10.0.0.0/8\", \"192.0.2.1\"]", &format!("{place}:6")),
        ("log_format", "\"text\"", "default"),
    ] {
        assert_eq!(shown(&output, key), (value.into(), source.into()), "{key}");
    }
    // What is shown is a file with the same values.
    let again = root.path().join("again.toml");
    fs::write(&again, &output.stdout).unwrap();
    let again = run(
        P2P_CI,
        &["config", "show", "server", "--config", again.to_str().unwrap()],
        root.path(),
    );
    for key in ["max_connections", "explain", "listen", "host_policy", "allow"] {
        assert_eq!(shown(&again, key).0, shown(&output, key).0);
    }
}

#[test]
fn a_server_and_a_peer_use_their_files() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("server.toml");
    fs::write(&file, "listen = \"127.0.0.1:0\"\ndeny = [\"127.0.0.1\"]\n").unwrap();
    let server = Program::start(SERVER, &["--config", file.to_str().unwrap()], root.path());
    let address = server.line();
    let address = address.strip_prefix("listening on ").unwrap();
    let (code, output, _) = run_peer(&[address, "list"], "", root.path());
    assert_eq!((code, output.lines().next()), (69, Some("P2P-CI/1.0 503 Service Unavailable")));

    // The peer finds its file below the directory for configurations, and its index server there.
    let index = Index::start(&[]);
    directory(root.path(), "p2p-ci", &[]);
    let papers = directory(root.path(), "papers", &[("rfc1.txt", b"one")]);
    let text = format!("server = \"{}\"\nshare = \"papers\"\nformat = \"json\"\n", index.address);
    fs::write(root.path().join("p2p-ci/peer.toml"), text).unwrap();
    let output = run(env!("CARGO_BIN_EXE_peer"), &["docs"], root.path());
    assert!(papers.exists() && self::text(&output.stdout).contains("\"rfc\":1,"), "{output:?}");
    let output = run(env!("CARGO_BIN_EXE_peer"), &["list", "--format", "raw"], root.path());
    assert!(self::text(&output.stdout).starts_with("P2P-CI/1.0 200 OK"), "{output:?}");
}

#[test]
fn each_mistake_has_its_line_and_ends_the_program() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("f.toml");
    let place = file.to_str().unwrap();
    for (program, content, mistakes) in [
        (
            "server",
            "explain = true\nmax_conections = 5\n\n[upload]\nlimit = 3\n",
            &[
                ":2: unknown key `max_conections`; did you mean `max_connections`?",
                ":4: unknown key `upload`",
            ][..],
        ),
        (
            "server",
            "max_connections = 0\nlisten = [\"x\"]\nlog = \"loud\"\nexplain = \"yes\"\n",
            &[
                ":1: max_connections: expected a number from 1, such as `64`, found `0`",
                ":2: listen: expected an IP address and a port",
                ":3: log: expected one of `requests`, `sessions`, `quiet`, found `loud`",
                ":4: explain: expected true or false, found a string",
            ],
        ),
        (
            "peer",
            "upload_limit = \"1k\"\nupload-slots = 3\n[[upload.limit]]\nnetwork = \"10.0.0.0/8\"\n",
            &[
                ":1: upload_limit: expected a rate of at least 4096 bytes",
                ":2: unknown key `upload-slots`; did you mean `upload_slots`?",
                ":3: expected `rate = \"…\"`, found no rate",
            ],
        ),
        (
            "peer",
            "[[upload.limit]]\nnetwork = \"all\"\nrate = \"1M\"\n",
            &[":2: network: expected a network such as `10.0.0.0/8`"],
        ),
        // A table that the help has as a heading, and a key that is called like its option.
        (
            "server",
            "admin = \"127.0.0.1:0\"\n[limits]\nmax_connections = 5\n",
            &[
                ":1: unknown key `admin`; did you mean `admin.address`?",
                ":2: unknown table `limits`; `max_connections` belongs to no table: write it before",
            ],
        ),
        ("server", "max_connections = \n", &[":1: expected TOML"]),
        (
            "server",
            "explain = true\nexplain = true\n",
            &[":2: expected TOML, found a mistake at `explain`: duplicate key"],
        ),
        (
            "peer",
            "share = 5\nhost = 6\nupload_slots = 7\nserver = 8\nformat = 9\nallow = [10, \"::1\"]\n",
            &[
                ":1: share: expected a text in quotes, found an integer",
                ":2: host: expected a text in quotes, found an integer",
                ":4: server: expected a text in quotes, found an integer",
                ":5: format: expected a text in quotes, found an integer",
                ":6: allow: expected a text in quotes, found an integer",
            ],
        ),
        (
            "server",
            "deny = [\n  \"all\",\n  \"10.0.0.0/8\",\n  \"10.0.0.0/40\",\n  true,\n]\n\
             listen = [\"a\", \"b\"]\n",
            &[
                ":5: deny: expected a text in quotes, found a boolean",
                ":7: listen: expected an IP address and a port",
                ":7: listen: expected an IP address and a port",
            ],
        ),
        (
            "server",
            "deny = [\n  \"all\",\n  \"10.0.0.0/8\",\n  \"10.0.0.0/40\",\n]\n",
            &[":2: deny: expected a network", ":4: deny: expected a network"],
        ),
        (
            "peer",
            "[[upload.limit]]\nnetwork = [\"all\",\n\"::1\", \"x\"]\nrate = \"1Mb\"\n\
             [[upload.limit]]\nnetwork = []\nrate = true\n[[share]]\npath = 1\n",
            &[
                ":2: network: expected a network",
                ":3: network: expected a network",
                ":4: rate: ",
                ":5: expected `network = \"…\"`, found no network",
                ":7: rate: expected a text in quotes, found a boolean",
                ":9: path: expected a text in quotes, found an integer",
            ],
        ),
        (
            "peer",
            "[upload]\nlimit = 5\n",
            &[
                ":2: upload.limit: expected tables that begin with `[[upload.limit]]`, found an integer",
            ],
        ),
        (
            "peer",
            "[[upload.limit]]\nnetwork = \"10.0.0.0/8\"\nrate = \"1M\"\n\
             [[upload.limit]]\nnetwork = [\"::1\", \"10.0.0.1/8\"]\nrate = \"2M\"\n",
            &[":4: network 10.0.0.0/8 has a rate already"],
        ),
        (
            "peer",
            "[[share]]\ndirectory = \"papers\"\n[[upload.limit]]\nlimit = 5\n",
            &[
                ":2: unknown key `directory`; expected one of `path`, `recursive`, `hand_over`",
                ":4: unknown key `limit`; expected one of `network`, `rate`",
            ],
        ),
        (
            "peer",
            "[[share]]\npath = \"papers\"\n[[share]]\npath = \"./papers/.\"\n\
             [[share]]\npath = \"papers/more\"\n",
            &[":3: path: `./papers/.` is the same directory as `papers`, which is shared already"],
        ),
    ] {
        fs::write(&file, content).unwrap();
        let checked = run(P2P_CI, &["config", "check", program, place], root.path());
        let started = match program {
            "server" => run(SERVER, &["--config", place], root.path()),
            _ => run(env!("CARGO_BIN_EXE_peer"), &["--config", place, "list"], root.path()),
        };
        let shown = run(P2P_CI, &["config", "show", program, "--config", place], root.path());
        for (output, prefix) in
            [(checked, ""), (started, program), (shown, &format!("p2p-ci {program}"))]
        {
            assert_eq!(output.status.code(), Some(78), "{output:?}");
            let lines: Vec<&str> = text(&output.stderr).lines().collect();
            assert_eq!(lines.len(), mistakes.len(), "{lines:#?}");
            for (line, mistake) in lines.iter().zip(mistakes) {
                let expected = match prefix {
                    "" => format!("{place}{mistake}"),
                    prefix => format!("{prefix}: {place}{mistake}"),
                };
                assert!(line.starts_with(&expected), "expected {expected}, found {line}");
            }
        }
    }
    let missing = run(SERVER, &["--config", "missing.toml"], root.path());
    assert_eq!(missing.status.code(), Some(78));
    let message = text(&missing.stderr);
    assert!(
        message.starts_with("server: cannot read the configuration missing.toml: "),
        "{message}"
    );
    fs::write(&file, b"quiet = true\n# caf\xe9\n").unwrap();
    let checked = run(P2P_CI, &["config", "check", "peer", place], root.path());
    assert_eq!(checked.status.code(), Some(78), "{checked:?}");
    let expected = format!("{place}:2: expected text in UTF-8, found the byte 0xe9\n");
    assert_eq!(text(&checked.stderr), expected);
    let wrong = command(SERVER, &[], root.path()).env("P2P_CI_EXPLAIN", "maybe").output().unwrap();
    assert_eq!(wrong.status.code(), Some(78));
    let message = text(&wrong.stderr);
    assert!(message.contains("environment variable P2P_CI_EXPLAIN: expected true"), "{message}");
}

/// The environment may be for both programs, and for another version: an unknown variable ends nothing.
#[test]
fn a_variable_that_no_option_has_is_reported() {
    let root = tempfile::tempdir().unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = command(program, arguments, root.path());
        command
            .env("P2P_CI_UPLOAD_LIMT", "2M")
            .env("P2P_CI_MAX_MEMORY", "1G")
            .env("P2P_CI_XYZ", "");
        command.output().unwrap()
    };
    let message = "environment variable P2P_CI_UPLOAD_LIMT: no option has this variable, which is ignored; did you mean \
                   `P2P_CI_UPLOAD_LIMIT`?";
    let shown = run(P2P_CI, &["config", "show", "peer"]);
    assert!(shown.status.success(), "{shown:?}");
    let comments = text(&shown.stdout).lines().filter(|line| line.contains("no option has"));
    assert_eq!(comments.collect::<Vec<_>>(), [format!("# {message}")]);
    let index = Index::start(&[]);
    let listed = run(env!("CARGO_BIN_EXE_peer"), &[&index.address.to_string(), "list"]);
    assert!(listed.status.success(), "{listed:?}");
    let messages = text(&listed.stderr);
    assert!(messages.contains(message) && !messages.contains("MAX_MEMORY"), "{messages}");
}

/// The file that is written sets nothing, and neither does it when every key is used.
#[test]
fn a_commented_file_is_written_and_has_no_mistake() {
    let root = tempfile::tempdir().unwrap();
    for program in ["server", "peer"] {
        let file = root.path().join(format!("new/{program}.toml"));
        let place = file.to_str().unwrap();
        let written = run(P2P_CI, &["config", "init", program, place], root.path());
        assert_eq!(text(&written.stdout), format!("wrote {place}\n"), "{written:?}");
        let content = fs::read_to_string(&file).unwrap();
        assert!(content.lines().all(|line| line.is_empty() || line.starts_with('#')), "{content}");
        assert!(content.lines().all(|line| line.chars().count() <= 80), "{content}");
        let checked = run(P2P_CI, &["config", "check", program, place], root.path());
        assert_eq!(text(&checked.stdout), format!("{place}: no mistake, 0 keys set\n"));

        let is_key = |line: &&str| {
            line.starts_with('#') && !line.starts_with("# ") && !line.starts_with("##")
        };
        let used = content.lines().filter(is_key).filter_map(|line| line.strip_prefix('#'));
        // A directory is shared in one of two ways.
        let used: Vec<&str> = used.filter(|line| !line.starts_with("share = ")).collect();
        assert!(used.len() > 10, "{used:#?}");
        fs::write(&file, used.join("\n")).unwrap();
        let checked = run(P2P_CI, &["config", "check", program, place], root.path());
        assert!(checked.status.success(), "{checked:?}");

        let kept = run(P2P_CI, &["config", "init", program, place], root.path());
        assert_eq!(kept.status.code(), Some(74));
        assert!(text(&kept.stderr).contains("--force"), "{kept:?}");
        let replaced = run(P2P_CI, &["config", "init", program, place, "--force"], root.path());
        assert!(replaced.status.success());
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
    let printed = run(P2P_CI, &["config", "init", "peer", "-"], root.path());
    assert!(text(&printed.stdout).contains("\n#upload_limit = "), "{printed:?}");
    let checked = run(P2P_CI, &["config", "check", "peer"], root.path());
    assert!(text(&checked.stdout).starts_with("there is no "), "{checked:?}");
}

#[cfg(unix)]
#[test]
fn a_default_file_that_cannot_be_reached_is_reported_and_one_that_cannot_be_read_is_an_error() {
    use std::os::unix::fs::PermissionsExt;

    let root = tempfile::tempdir().unwrap();
    let hidden = directory(root.path(), "hidden", &[]);
    let ours = directory(&hidden, "p2p-ci", &[("peer.toml", b"quiet = true\n")]);
    let file = ours.join("peer.toml");
    let set = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&file, 0);
    if fs::read(&file).is_ok() {
        println!("skipped: this user may read every file");
        set(&file, 0o600);
        return;
    }
    let show = ["config", "show", "peer"];
    let unreadable = run(P2P_CI, &show, &hidden);
    assert_eq!(unreadable.status.code(), Some(78), "{unreadable:?}");
    set(&hidden, 0);
    let mut command = command(P2P_CI, &show, root.path());
    let unknown = command.env("XDG_CONFIG_HOME", &hidden).output().unwrap();
    set(&hidden, 0o700);
    set(&file, 0o600);
    assert!(unknown.status.success(), "{unknown:?}");
    let first = text(&unknown.stdout).lines().next().unwrap();
    assert!(
        first.starts_with("# configuration file: none: cannot read the configuration"),
        "{first}"
    );
}
