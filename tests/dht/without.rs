//! A build without the feature refuses its options, and says which builds have them.

use std::process::Command;

#[test]
fn the_options_are_refused() {
    let share = tempfile::tempdir().unwrap();
    for (program, arguments) in [
        (env!("CARGO_BIN_EXE_server"), vec!["--dht", "--listen", "127.0.0.1:0"]),
        (env!("CARGO_BIN_EXE_peer"), vec!["--dht", "lookup", "793"]),
        (env!("CARGO_BIN_EXE_peer"), vec!["--bootstrap", "127.0.0.1:9", "list"]),
        (env!("CARGO_BIN_EXE_peer"), vec!["--public-dht", "--share", ".", "share"]),
    ] {
        let mut command = Command::new(program);
        let output = command.args(&arguments).current_dir(share.path()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains("the packages have it"), "{arguments:?}: {errors}");
        assert!(errors.contains("--features dht"), "{arguments:?}: {errors}");
    }
}
