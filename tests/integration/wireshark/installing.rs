//! `p2p-ci wireshark` as users call it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::pcapng::{Capture, Side};
use crate::wireshark::tshark::{Tshark, dissector, output};

/// Runs the command in a home directory, with the programs of one directory or of this system.
fn wireshark(home: &Path, programs: Option<&Path>, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
    command.arg("wireshark").args(arguments).env("HOME", home).current_dir(home);
    command.env_remove("XDG_CONFIG_HOME");
    if let Some(programs) = programs {
        command.env("PATH", programs);
    }
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn tshark_loads_the_installed_dissector_of_a_user() {
    let Some(tshark) = Tshark::find() else { return };
    let home = tempfile::Builder::new().prefix("heim ü ").tempdir().unwrap();
    let home = home.path();
    let capture = tshark.directory().join("installed.pcapng");
    let mut writer = Capture::create(&capture);
    let mut connection = writer.connect(40_000, 7734);
    let request = b"LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 5678\r\n\r\n";
    writer.send(&mut connection, Side::Client, request);
    writer.close();
    let method = || {
        let mut command = Command::new("tshark");
        command.args(["-T", "fields", "-e", "p2pci.method", "-Y", "p2pci", "-r"]).arg(&capture);
        output(command.env("HOME", home))
    };

    let (code, path, _) = wireshark(home, None, &["path"]);
    assert_eq!(code, 0);
    let path = PathBuf::from(path.trim_end());
    assert!(path.starts_with(home) && path.ends_with("p2pci.lua"), "{}", path.display());
    let (code, text, errors) = wireshark(home, None, &["install"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(text.starts_with("installed /"), "{text}");
    assert_eq!(fs::read(&path).unwrap(), fs::read(dissector()).unwrap());
    assert_eq!(method(), "LIST\n");
    let (code, text, _) = wireshark(home, None, &["install"]);
    assert!(code == 0 && text.starts_with("already installed"), "{text}");
    let (code, text, _) = wireshark(home, None, &["uninstall"]);
    assert!(code == 0 && text.starts_with("removed "), "{text}");
    assert!(!path.exists());

    // A file of another author.
    fs::write(&path, "-- mine\n").unwrap();
    for command in ["install", "uninstall"] {
        let (code, _, errors) = wireshark(home, None, &[command]);
        assert_eq!(code, 74);
        assert!(errors.contains("stays as it is; move it elsewhere"), "{errors}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "-- mine\n");
    }
}

#[test]
fn a_directory_can_be_named_without_tshark() {
    let home = tempfile::tempdir().unwrap();
    let empty = home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let (code, _, errors) = wireshark(home.path(), Some(&empty), &["install"]);
    assert_eq!(code, 1);
    assert!(errors.contains("`apt install tshark`") && errors.contains("--directory"), "{errors}");
    let named = ["--directory", "new/plug ins"];
    let (code, text, _) =
        wireshark(home.path(), Some(&empty), &[&["install"], &named[..]].concat());
    assert!(code == 0 && text.starts_with("installed new/plug ins"), "{text}");
    let (code, text, _) =
        wireshark(home.path(), Some(&empty), &[&["uninstall"], &named[..]].concat());
    assert!(code == 0 && text.starts_with("removed "), "{text}");
}

#[cfg(unix)]
#[test]
fn an_output_of_tshark_without_the_directory_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let tshark = home.path().join("tshark");
    for (script, expected) in [
        ("#!/bin/sh\necho 'Temp: /tmp'\n", "found none; name the directory"),
        ("#!/bin/sh\nexit 3\n", "it ended with exit status: 3"),
        // Once, this was waited for without an end. A FIFO among the plugins has this effect.
        ("#!/bin/sh\nexec /bin/sleep 100\n", "it has not ended within 10 s"),
        ("#!/bin/sh\n/bin/sleep 100 &\n", "it has not ended within 10 s"),
    ] {
        fs::write(&tshark, script).unwrap();
        fs::set_permissions(&tshark, fs::Permissions::from_mode(0o755)).unwrap();
        let (code, _, errors) = wireshark(home.path(), Some(home.path()), &["path"]);
        assert!(code == 1 && errors.contains(expected), "{errors}");
        assert!(errors.contains("--directory"), "{errors}");
    }
}

#[test]
fn the_dissector_and_the_colors_are_printed() {
    let home = tempfile::tempdir().unwrap();
    let (code, text, _) = wireshark(home.path(), None, &["print"]);
    assert!(code == 0 && text == fs::read_to_string(dissector()).unwrap());
    let (code, colors, _) = wireshark(home.path(), None, &["print", "colors"]);
    assert!(code == 0 && colors.lines().filter(|line| line.starts_with('@')).count() >= 5);
}

/// tshark reads the coloring rules and prints colors by them.
#[test]
fn coloring_rules_are_valid() {
    let Some(tshark) = Tshark::find() else { return };
    let capture = tshark.directory().join("colors.pcapng");
    let mut writer = Capture::create(&capture);
    let mut connection = writer.connect(40_000, 7734);
    let requests =
        ["LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 5678\r\n\r\n", "QUIT P2P-CI/1.0\r\n\r\n"];
    writer.send(&mut connection, Side::Client, requests[0].as_bytes());
    writer.send(&mut connection, Side::Server, b"P2P-CI/1.0 200 OK\r\n\r\n\r\n");
    writer.send(&mut connection, Side::Client, requests[1].as_bytes());
    writer.close();
    let directory = tshark.directory().join(".config/wireshark");
    fs::create_dir_all(&directory).unwrap();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("wireshark/colorfilters");
    fs::copy(rules, directory.join("colorfilters")).unwrap();
    let rows = tshark.run(&capture, &["--color", "-Y", "p2pci", "-V", "-O", "frame"]);
    let names: Vec<&str> = rows
        .lines()
        .filter_map(|line| line.trim().split_once("Coloring Rule Name: "))
        .map(|(_, name)| name.trim_end_matches(']'))
        .collect();
    assert_eq!(names, ["P2P-CI request", "P2P-CI response", "P2P-CI violation"], "{rows}");
}
