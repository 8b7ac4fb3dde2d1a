//! A build without an optional feature refuses its options, and says which builds have them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

const SERVER: &str = env!("CARGO_BIN_EXE_server");
const PEER: &str = env!("CARGO_BIN_EXE_peer");

/// Programs and options that need a feature, and whether this build has it.
type Feature<'a> = (&'a str, bool, &'a [(&'a str, &'a [&'a str])]);

const FEATURES: [Feature<'static>; 3] = [
    (
        "cluster",
        cfg!(feature = "cluster"),
        &[(SERVER, &["--cluster", "redis://127.0.0.1:9", "--listen", "127.0.0.1:0"])],
    ),
    (
        "lan",
        cfg!(feature = "lan"),
        &[
            (SERVER, &["--announce", "--listen", "127.0.0.1:0"]),
            (PEER, &["--discover", "list"]),
            (PEER, &["--lan", "list"]),
        ],
    ),
    (
        "dht",
        cfg!(feature = "dht"),
        &[
            (SERVER, &["--dht", "--listen", "127.0.0.1:0"]),
            (PEER, &["--dht", "lookup", "793"]),
            (PEER, &["--bootstrap", "127.0.0.1:9", "list"]),
            (PEER, &["--public-dht", "--share", ".", "share"]),
        ],
    ),
];

#[test]
fn options_of_features_that_a_build_lacks_are_refused() {
    for (feature, _, cases) in FEATURES.iter().filter(|(_, is_built, _)| !is_built) {
        for (program, arguments) in *cases {
            let share = tempfile::tempdir().unwrap();
            let output =
                Command::new(program).args(*arguments).current_dir(share.path()).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
            assert!(errors.contains("the packages have it"), "{arguments:?}: {errors}");
            let remedy = format!("--features {feature}");
            assert!(errors.contains(&remedy), "{arguments:?}: {errors}");
        }
    }
}
