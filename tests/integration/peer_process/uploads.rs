//! Sharing a directory, and what is not served.

use std::fs;

use crate::common::{Index, Talk, share};
use crate::peer_process::directories;

#[test]
fn share_serves_until_a_signal() {
    for signal in ["INT", "TERM"] {
        let (_root, a, _) = directories();
        let index = Index::start(&[]);
        let (mut program, port) = share(index.address, &a);
        let mut talk = Talk::to(format!("127.0.0.1:{port}").parse().unwrap());
        talk.say("GET RFC 90001 P2P-CI/1.0\nHost: h\n\n");
        assert!(talk.rest().ends_with(b"\n\nText\n"));
        program.signal(signal);
        assert_eq!(program.wait().code(), Some(0));
        index.wait_for_records(0);
    }
}

#[cfg(unix)]
#[test]
fn nothing_outside_the_directory_is_served() {
    use std::os::unix::fs::symlink;

    let (root, a, _) = directories();
    fs::write(root.path().join("secret"), "secret").unwrap();
    fs::write(a.join("rfc8.txt"), "eight").unwrap();
    fs::write(a.join("rfc9.txt"), "nine").unwrap();
    let index = Index::start(&[]);
    let (_program, port) = share(index.address, &a);
    // Replaced without notice: by a link out of the directory, and by a FIFO without a writer.
    fs::remove_file(a.join("rfc8.txt")).unwrap();
    symlink(root.path().join("secret"), a.join("rfc8.txt")).unwrap();
    fs::remove_file(a.join("rfc9.txt")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(a.join("rfc9.txt")).status().unwrap();
    assert!(made.success());
    for (target, status) in [
        ("RFC 8", "404"),
        ("RFC 9", "404"),
        ("FILE secret", "404"),
        ("FILE ../secret", "400"),
        ("FILE %2e%2e%2fsecret", "400"),
        ("FILE /etc/passwd", "400"),
        ("FILE a%00", "400"),
    ] {
        let mut talk = Talk::to(format!("127.0.0.1:{port}").parse().unwrap());
        talk.say(format!("GET {target} P2P-CI/1.0\r\nHost: h\r\n\r\n"));
        let reply = String::from_utf8(talk.rest()).unwrap();
        assert!(reply.starts_with(&format!("P2P-CI/1.0 {status} ")), "{target}: {reply}");
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_is_not_passed_off_as_whole() {
    let (_root, a, b) = directories();
    let big = a.join("big.bin");
    fs::File::create(&big).unwrap().set_len(64 << 20).unwrap();
    let index = Index::start(&[]);
    let (_program, port) = share(index.address, &a);
    let mut talk = Talk::to(format!("127.0.0.1:{port}").parse().unwrap());
    talk.say("GET FILE big.bin P2P-CI/1.0\r\nHost: h\r\n\r\n");
    assert!(talk.line().unwrap().contains("200 OK"));
    fs::OpenOptions::new().write(true).open(&big).unwrap().set_len(32 << 20).unwrap();
    assert!(talk.rest().len() < 64 << 20);
    drop(b);
}
