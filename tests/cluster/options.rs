//! Names, passwords, and addresses that are refused.

use std::path::Path;

use crate::common::{Index, Program};
use crate::store::{Network, Store};
use crate::{add, server};

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
    crate::wait_for(&b, &["RFC 2 T 127.0.0.1 1"]);
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
fn options_of_a_cluster_need_one() {
    let (code, errors) = refused(&["--name", "one"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("need --cluster"), "{errors}");
}
