//! Names, passwords, and addresses that are refused.

use std::path::Path;
use std::process::Command;

use crate::cluster::store::{Network, Store};
use crate::cluster::{add, server};
use crate::common::operators::{admin_address, get};
use crate::common::{Index, Program};

fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
    let mut program = Program::start(env!("CARGO_BIN_EXE_server"), &arguments, Path::new("."));
    let status = program.wait();
    (status.code(), program.errors().join("\n"))
}

#[test]
fn a_second_server_of_a_name_ends_and_the_first_is_not_disturbed() {
    let Some(store) = Store::start(&[]) else { return };
    let url = store.url();
    let a = Index::start(&["--cluster", &url, "--name", "one"]);
    let _talk = add(&a, 1, 1);
    let b = server(&url);
    b.wait_for_records(1);
    let (code, errors) = refused(&["--cluster", &url, "--name", "one"]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("another server of the cluster is called `one`"), "{errors}");
    assert_eq!((a.list().len(), b.list().len()), (1, 1));
    // A server that is started again waits until its old lease has expired.
    a.program.signal("KILL");
    let again = Index::start(&["--cluster", &url, "--name", "one"]);
    let _talk = add(&again, 2, 1);
    crate::cluster::wait_for(&b, &["RFC 2 T 127.0.0.1 1"]);
}

#[test]
fn the_password_comes_from_a_file_and_is_not_shown() {
    let Some(store) = Store::start(&["--requirepass", "geheim"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "geheim\n").unwrap();
    let (url, file) = (store.url(), file.to_str().unwrap());
    let with_password = ["--cluster", &url, "--cluster-password-file", file];
    let (a, b) = (Index::start(&with_password), Index::start(&with_password));
    let _talk = add(&a, 1, 1);
    b.wait_for_records(1);
    let (code, errors) = refused(&["--cluster", &url]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("--cluster-password-file"), "{errors}");
    let network = Network::to(&store);
    let url = network.url().replace("://", "://:geheim@");
    let (code, errors) = refused(&["--cluster", &url]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("expected no password in the URL"), "{errors}");
    assert!(!errors.contains("geheim"), "{errors}");
}

#[test]
fn no_configuration_log_or_metric_shows_the_password() {
    let Some(mut store) = Store::start(&["--requirepass", "geheim"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (password, file, socket) = (path("password"), path("server.toml"), path("admin"));
    std::fs::write(&password, "geheim\n").unwrap();
    let url = store.url();
    let text = format!("cluster = \"{url}\"\ncluster_password_file = \"{password}\"\n");
    std::fs::write(&file, text).unwrap();
    let shown = |words: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
        let output = command.args(words).envs(variables.iter().copied()).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains("geheim"), "{words:?}: {text}");
        text
    };
    let text = shown(&["config", "show", "server", "--config", &file], &[]);
    assert!(text.contains(&url) && text.contains(&password), "{text}");
    let variables = [("P2P_CI_CLUSTER", &*url), ("P2P_CI_CLUSTER_PASSWORD_FILE", &*password)];
    assert!(shown(&["config", "show", "server"], &variables).contains(&password));
    // A URL with a password is refused, and is not repeated.
    let url_with_password = "redis://:geheim@127.0.0.1";
    let wrong = path("wrong.toml");
    std::fs::write(&wrong, format!("cluster = \"{url_with_password}\"\n")).unwrap();
    let variable = [("P2P_CI_CLUSTER", url_with_password)];
    for text in [
        shown(&["config", "show", "server", "--config", &wrong], &[]),
        shown(&["config", "check", "server", &wrong], &[]),
        shown(&["config", "show", "server"], &variable),
        shown(&["server", "--listen", "127.0.0.1:0"], &variable),
    ] {
        assert!(text.contains("expected no password in the URL"), "{text}");
    }
    let arguments = ["--config", &file, "--verbose", "--admin", &socket, "--admin", "127.0.0.1:0"];
    let mut a = Index::start(&arguments);
    a.program.line();
    let operators = admin_address(&a.program);
    let mut talk = add(&a, 1, 1);
    let check = || {
        for path in ["/metrics", "/readyz", "/admin/stats", "/"] {
            let (head, body) = get(operators, path);
            assert!(!head.contains("geheim") && !body.contains("geheim"), "{path}: {body}");
        }
        shown(&["admin", "--socket", &socket, "stats"], &[]);
    };
    check();
    store.kill();
    talk.add(2, "T", "127.0.0.1", 1);
    check();
    a.program.signal("TERM");
    a.program.wait();
    let errors = a.program.errors().join("\n");
    assert!(errors.contains("cannot use the store") && !errors.contains("geheim"), "{errors}");
}

#[test]
fn a_file_without_one_line_is_no_password() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    let arguments =
        ["--cluster", "redis://127.0.0.1:1", "--cluster-password-file", path.to_str().unwrap()];
    for (content, expected) in [
        (None, "cannot read the password of the store"),
        (Some(""), "expected a password of one line"),
        (Some("one\ntwo\n"), "expected a password of one line"),
        (Some(&*"x".repeat(5000)), "expected a password of one line"),
    ] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let (code, errors) = refused(&arguments);
        assert_eq!(code, Some(74), "{errors}");
        assert!(errors.contains(expected), "{errors}");
    }
}

#[test]
fn options_of_a_cluster_need_one() {
    let (code, errors) = refused(&["--name", "one"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("--name needs --cluster"), "{errors}");
}
