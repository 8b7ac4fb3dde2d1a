//! A build without the feature refuses its options, and says which builds have them.

use std::process::Command;

#[test]
fn the_options_are_refused() {
    for (program, arguments) in [
        (env!("CARGO_BIN_EXE_server"), vec!["--announce", "--listen", "127.0.0.1:0"]),
        (env!("CARGO_BIN_EXE_peer"), vec!["--discover", "list"]),
        (env!("CARGO_BIN_EXE_peer"), vec!["--lan", "list"]),
    ] {
        let output = Command::new(program).args(&arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains("--features lan"), "{errors}");
    }
}
