//! Configuration: options, environment, files, and `p2p-ci config`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::{Index, Program, directory, run_peer};

pub(crate) const P2P_CI: &str = env!("CARGO_BIN_EXE_p2p-ci");
pub(crate) const SERVER: &str = env!("CARGO_BIN_EXE_server");

pub(crate) fn command(program: &str, arguments: &[&str], home: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(home).env("XDG_CONFIG_HOME", home).env("HOME", home);
    command.env_remove("RUST_LOG").env("P2P_CI_CONFIG", "");
    command
}

pub(crate) fn run(program: &str, arguments: &[&str], home: &Path) -> Output {
    command(program, arguments, home).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> &str {
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

/// What the command line refuses together is a mistake of the file, too, and of the environment.
#[test]
fn keys_that_conflict_are_mistakes_and_give_way_to_options() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file.toml");
    let place = file.to_str().unwrap();
    let both = |line: usize, key: &str, other: &str, before: usize| {
        format!(
            "{place}:{line}: {key}: expected one of `{other}` and `{key}`, found both: line {before} has the \
             other\n"
        )
    };
    for (program, content, mistakes) in [
        ("peer", "server = \"a\"\ndiscover = true\n", vec![both(2, "discover", "server", 1)]),
        ("peer", "discover = true\n\nserver = \"a\"\n", vec![both(3, "server", "discover", 1)]),
        ("peer", "verbose = 2\nquiet = true\n", vec![both(2, "quiet", "verbose", 1)]),
        (
            "peer",
            "bootstrap = [\"a:1\"]\npublic_dht = true\n",
            vec![both(2, "public_dht", "bootstrap", 1)],
        ),
        (
            "server",
            "quiet = true\nverbose = true\nlog = \"quiet\"\n",
            vec![
                both(2, "verbose", "quiet", 1),
                both(3, "log", "quiet", 1),
                both(3, "log", "verbose", 2),
            ],
        ),
        ("peer", "verbose = 0\nquiet = true\ndiscover = false\nserver = \"a\"\n", vec![]),
        ("server", "quiet = false\nlog = \"quiet\"\n", vec![]),
    ] {
        fs::write(&file, content).unwrap();
        let checked = run(P2P_CI, &["config", "check", program, place], root.path());
        let shown = run(P2P_CI, &["config", "show", program, "--config", place], root.path());
        let code = if mistakes.is_empty() { 0 } else { 78 };
        let codes = [&checked, &shown].map(|output| output.status.code());
        assert_eq!(codes, [Some(code); 2], "{content}: {checked:?} {shown:?}");
        let mut found: Vec<&str> = text(&checked.stderr).split_inclusive('\n').collect();
        found.sort_unstable();
        assert_eq!(found, mistakes, "{content}");
    }

    // One that is set gives way to an option or a variable that conflicts with it, but not to one that unsets.
    fs::write(&file, "server = \"a\"\nverbose = 1\n").unwrap();
    let show = |options: &[&str], variables: &[(&str, &str)]| {
        let mut command =
            command(P2P_CI, &["config", "show", "peer", "--config", place], root.path());
        command.args(options).envs(variables.iter().copied()).output().unwrap()
    };
    for (options, variables, server, verbose) in [
        (&["--discover", "--quiet"][..], &[][..], "\"localhost\"", "0"),
        (&[], &[("P2P_CI_DISCOVER", "true"), ("P2P_CI_QUIET", "1")], "\"localhost\"", "0"),
        (&["--no-discover", "--no-quiet"], &[], "\"a\"", "1"),
        (&[], &[("P2P_CI_DISCOVER", "false"), ("P2P_CI_QUIET", "0")], "\"a\"", "1"),
    ] {
        // A build without the local network refuses `discover`.
        let discovers = server == "\"localhost\"";
        if discovers && cfg!(not(feature = "lan")) {
            continue;
        }
        let output = show(options, variables);
        let found = ["server", "verbose"].map(|key| shown(&output, key).0);
        assert_eq!(found, [server, verbose], "{options:?} {variables:?}");
    }
    let output = show(&[], &[("P2P_CI_QUIET", "1"), ("P2P_CI_VERBOSE", "1")]);
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let message = "p2p-ci peer: environment variable P2P_CI_QUIET: expected it without P2P_CI_VERBOSE, which is set, too\n";
    assert_eq!(text(&output.stderr), message);
}

/// A build without a feature says what its keys need, at their places.
#[test]
fn keys_of_features_that_a_build_lacks_are_mistakes_of_the_file() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file.toml");
    let place = file.to_str().unwrap();
    let (lan, dht) = (cfg!(feature = "lan"), cfg!(feature = "dht"));
    for (program, key, value, option, is_built) in [
        ("peer", "discover", "true", "--discover", lan),
        ("peer", "lan", "true", "--lan", lan),
        ("server", "announce", "true", "--announce", lan),
        ("peer", "dht", "true", "--dht", dht),
        ("peer", "public_dht", "true", "--public-dht", dht),
        ("server", "dht", "\"127.0.0.1:1\"", "--dht", dht),
        ("server", "dht", "true", "--dht=127.0.0.1:1", dht),
    ] {
        fs::write(&file, format!("\n{key} = {value}\n")).unwrap();
        let checked = run(P2P_CI, &["config", "check", program, place], root.path());
        let shown = run(P2P_CI, &["config", "show", program, option], root.path());
        let codes = [checked.status.code(), shown.status.code()];
        assert_eq!(codes, if is_built { [Some(0); 2] } else { [Some(78), Some(2)] }, "{key}");
        if !is_built {
            let begin = format!("{place}:2: {key}: expected a program with ");
            assert!(text(&checked.stderr).starts_with(&begin), "{checked:?}");
            let message = format!("error: {option} needs a program with ");
            assert!(text(&shown.stderr).starts_with(&message), "{shown:?}");
        }
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
        // A directory is shared in one of two ways. The form of replies needs `compat`.
        let used = used.filter(|line| !line.starts_with("share = "));
        let used: Vec<String> =
            used.map(|line| line.replace("compat = false", "compat = true")).collect();
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
