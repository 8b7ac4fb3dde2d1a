//! Mistakes in configuration files and in the environment.

use std::fs;

use crate::server_process::configuration::{P2P_CI, SERVER, command, run, text};

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
        // Values that need each other.
        (
            "server",
            "compat = false\ncompat_form = \"rows=number\"\n",
            &[":2: compat_form: expected it with `compat`, which is not set"],
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
