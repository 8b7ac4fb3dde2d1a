//! The library on real files: what is shared, under which titles.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic and print")]

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use p2p_ci::library::{Depth, Library, document_of};
use p2p_ci::protocol::Document;

use crate::common;

fn documents(library: &Library) -> Vec<String> {
    library.documents().map(|(document, title)| format!("{}: {title}", document.wire())).collect()
}

#[test]
fn a_directory_is_shared_by_its_names() {
    let directory = tempfile::tempdir().unwrap();
    let page =
        "Network Working Group      J. Doe\nRequest for Comments: 7\n\n\n   The Title\n\nText";
    for (name, text) in [
        ("rfc7.txt", page),
        ("RFC0007.txt", "the same number again"),
        ("rfc8-draft.txt", "\n\n\n"),
        ("lecture 01.pdf", "%PDF"),
        (".hidden", "secret"),
        (".p2p-ci-x.part", "half"),
        ("half.part", "of another program"),
    ] {
        fs::write(directory.path().join(name), text).unwrap();
    }
    fs::create_dir(directory.path().join("rfc9.txt")).unwrap();
    let library = Library::scan(directory.path(), Depth::Directory).unwrap();
    assert_eq!(
        documents(&library.read()),
        ["RFC 7: Title", "RFC 8: rfc8-draft.txt", "FILE lecture%2001.pdf: lecture 01.pdf"]
    );
}

#[test]
fn a_missing_directory_is_empty_and_is_not_created() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("a/b");
    assert!(Library::scan(&missing, Depth::Directory).unwrap().read().is_empty());
    assert!(Library::scan_quiet(&missing, Depth::Directory).unwrap().read().is_empty());
    assert!(!missing.exists());
}

/// A text that was written an hour ago.
fn write_old(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(path).unwrap().set_modified(hour_ago).unwrap();
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// As Debian's doc-rfc packages lay it out: packed files in sub-directories, their index next to them,
/// a directory of links, other formats.
#[test]
fn a_tree_of_packed_documents() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let index = "RFC INDEX\n\n0793 Transmission Control Protocol. J. Postel. September 1981. (Format: TXT)\n\n";
    write_old(&at("rfc-index.txt.gz"), packed(index));
    write_old(&at("standard/rfc793.txt.gz"), packed("the text"));
    write_old(&at("standard/rfc793.json"), "{}");
    write_old(&at("old/rfc793.txt.gz"), packed("an older place"));
    write_old(&at("old/rfc7.txt.gz"), packed("packed"));
    write_old(&at("old/deeper/rfc7.txt"), "plain");
    write_old(&at("notes/My Lecture.md"), "# Lecture");
    write_old(&at(".git/config"), "hidden");
    write_old(&at("handed-over/rfc5.txt"), "lent");
    #[cfg(unix)]
    {
        fs::create_dir(at("links")).unwrap();
        std::os::unix::fs::symlink("../standard/rfc793.txt.gz", at("links/rfc793.txt.gz")).unwrap();
    }
    let library = Library::scan(root.path(), Depth::Tree).unwrap();
    let library = library.read();
    assert_eq!(
        documents(&library),
        [
            "RFC 7: old/deeper/rfc7.txt",
            "RFC 793: Transmission Control Protocol",
            "FILE notes%2FMy%20Lecture.md: notes/My Lecture.md",
            "FILE rfc-index.txt.gz: rfc-index.txt.gz",
            "FILE standard%2Frfc793.json: standard/rfc793.json",
        ]
    );
    let entry = library.entry(&"793".parse().map(Document::Rfc).unwrap()).unwrap();
    assert_eq!((entry.media_type(), entry.path()), ("text/plain", at("old/rfc793.txt.gz")));
    let mut open = entry.open().unwrap();
    let mut text = String::new();
    open.file.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), open.length), ("an older place", 14));

    let flat = Library::scan(root.path(), Depth::Directory).unwrap();
    assert_eq!(documents(&flat.read()), ["FILE rfc-index.txt.gz: rfc-index.txt.gz"]);
}

#[test]
fn files_named_by_the_ignore_file_are_not_shared() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    write_old(&at(".p2pciignore"), "# private\n*.key\n/drafts/\n!public.key\n");
    for name in ["a.key", "public.key", "drafts/x.md", "notes/drafts/y.md", "notes/z.md"] {
        write_old(&at(name), "x");
    }
    write_old(&at("notes/.p2pciignore"), "z.*\n");
    let library = Library::scan(root.path(), Depth::Tree).unwrap();
    assert_eq!(
        documents(&library.read()),
        ["FILE notes%2Fdrafts%2Fy.md: notes/drafts/y.md", "FILE public.key: public.key"]
    );

    write_old(&at(".p2pciignore"), "*\n");
    library.rescan().unwrap();
    assert!(library.read().is_empty());
}

#[test]
fn a_scan_finds_new_changed_and_removed_files() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for name in ["a", "b", "c"] {
        write_old(&at(name), name);
    }
    let library = Library::scan_quiet(root.path(), Depth::Directory).unwrap();
    let changed = || {
        let scan = library.rescan().unwrap();
        assert!(!scan.has_unstable);
        scan.changed.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(changed().is_empty());
    fs::remove_file(at("a")).unwrap();
    write_old(&at("b"), "another text");
    write_old(&at("d"), "d");
    let mut found = changed();
    found.sort();
    assert_eq!(found, ["FILE a", "FILE b", "FILE d"]);
    assert!(changed().is_empty());

    // A withdrawn document stays withdrawn, and an added one stays added.
    let b = document_of("b").unwrap();
    library.write().forget(&b);
    write_old(&at("b"), "a third text");
    assert!(changed().is_empty());
    let elsewhere = tempfile::tempdir().unwrap();
    let lone = elsewhere.path().join("lone");
    write_old(&lone, "x");
    library.add_file(&lone, Some("Given".parse().unwrap())).unwrap();
    library.add_file(&at("b"), None).unwrap();
    assert!(changed().is_empty());
    write_old(&lone, "changed");
    assert_eq!(changed(), ["FILE lone"]);
    assert_eq!(
        library.read().entry(&document_of("lone").unwrap()).unwrap().title().as_str(),
        "Given"
    );
    fs::remove_file(&lone).unwrap();
    assert_eq!(changed(), ["FILE lone"]);

    // A directory that is gone is one without files; it may come back.
    let hidden = root.path().with_extension("away");
    fs::rename(root.path(), &hidden).unwrap();
    assert_eq!(changed().len(), 3);
    assert!(library.read().is_empty());
    fs::rename(&hidden, root.path()).unwrap();
    assert_eq!(changed().len(), 3);
}

#[test]
fn a_file_that_is_being_written_does_not_count_yet() {
    let root = tempfile::tempdir().unwrap();
    let library = Library::scan_quiet(root.path(), Depth::Directory).unwrap();
    fs::write(root.path().join("fresh"), "half").unwrap();
    let scan = library.rescan().unwrap();
    assert!(scan.changed.is_empty() && scan.has_unstable);
    write_old(&root.path().join("fresh"), "whole");
    let scan = library.rescan().unwrap();
    assert!(scan.changed.len() == 1 && !scan.has_unstable);
}

#[cfg(unix)]
#[test]
fn links_are_neither_shared_nor_followed() {
    use std::os::unix::fs::symlink;

    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let share = directory.path().join("share");
    fs::create_dir(&share).unwrap();
    symlink(&secret, share.join("rfc1.txt")).unwrap();
    fs::write(share.join("rfc2.txt"), "two").unwrap();
    let library = Library::scan(&share, Depth::Directory).unwrap();
    assert_eq!(documents(&library.read()), ["RFC 2: rfc2.txt"]);

    // Replaced during the scan.
    fs::remove_file(share.join("rfc2.txt")).unwrap();
    symlink(&secret, share.join("rfc2.txt")).unwrap();
    let library = library.read();
    let (document, _) = library.documents().next().unwrap();
    assert!(library.entry(document).unwrap().open().is_err());
}

#[test]
fn titles_of_all_eras_and_encodings() {
    let heading = "Network Working Group                     J. Doe\nRequest for Comments: 5000\n";
    let pages: [(&str, Vec<u8>); 7] = [
        ("plain", format!("\n\n{heading}\n\n      A Plain Title\n\nAbstract\n").into()),
        ("mark", format!("\u{feff}\n{heading}\n  A Plain\n     Title\n\nAbstract\n").into()),
        ("crlf", format!("{heading}\n  A Plain Title\n\n").replace('\n', "\r\n").into()),
        ("form feed", format!("\u{c}{heading}\u{c}  A Plain Title\n\n").into()),
        (
            "overstrike",
            format!("{heading}\n  A P\u{8}Pla\u{8}ain T\u{8}Title\n  _\u{8}_\n\n").into(),
        ),
        ("latin-1", [heading.as_bytes(), b"\n  A Plain Title\n\n  caf\xe9\n"].concat()),
        (
            "old",
            b"RFC 5000\nNIC 13772\n\n1 May 1973\n\n     A Plain Title\n     -------------\n\n"
                .into(),
        ),
    ];
    for (name, page) in pages {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("rfc5000.txt"), page).unwrap();
        let library = Library::scan(directory.path(), Depth::Directory).unwrap();
        assert_eq!(documents(&library.read()), ["RFC 5000: A Plain Title"], "{name}");
    }
}

/// 450 real RFCs from 1969 to 2022, if their archive is in the directory `shared` next to the repository.
#[test]
fn titles_of_real_documents_are_the_official_ones() {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/rfc-sample.tar.xz");
    if !archive.exists() {
        common::skip_without_sample(&archive);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let unpacked =
        Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(directory.path()).status();
    if !unpacked.is_ok_and(|status| status.success()) {
        common::skip("tar cannot unpack an xz archive");
        return;
    }
    let sample = directory.path().join("rfc-sample");
    let official = official_titles(&sample);
    let with_index = share_of_right_titles(&sample, &official);
    fs::remove_file(sample.join("rfc-index.txt")).unwrap();
    let without_index = share_of_right_titles(&sample, &official);
    println!("titles right: {without_index:.1} % by first pages, {with_index:.1} % by the index");
    assert!(without_index >= 94.0, "{without_index}");
    assert!(with_index >= 100.0, "{with_index}");
}

fn fold(title: &str) -> String {
    title.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn official_titles(sample: &Path) -> HashMap<String, String> {
    let table = fs::read_to_string(sample.join("titles.tsv")).unwrap();
    let rows = table.lines().filter_map(|line| line.split_once('\t'));
    rows.map(|(number, title)| (format!("RFC {number}"), fold(title))).collect()
}

fn share_of_right_titles(sample: &Path, official: &HashMap<String, String>) -> f64 {
    let library = Library::scan(sample, Depth::Directory).unwrap();
    let library = library.read();
    let titles: Vec<_> = library
        .documents()
        .filter_map(|(document, title)| Some((official.get(&document.to_string())?, title)))
        .collect();
    let right = titles.iter().filter(|(official, title)| **official == fold(title.as_str()));
    assert!(titles.len() >= 450, "{} documents", titles.len());
    100.0 * right.count() as f64 / titles.len() as f64
}

/// Of documents that several directories have, that of the first one is shared, until it is gone.
#[test]
fn several_directories_are_shared_and_the_first_one_decides() {
    let root = tempfile::tempdir().unwrap();
    let [one, two, missing] = ["one", "two", "missing"].map(|name| root.path().join(name));
    for (directory, name, text) in [
        (&one, "rfc7.txt", "of one"),
        (&two, "rfc7.txt", "of two"),
        (&two, "b.md", "b"),
        (&two, "below/c.md", "c"),
    ] {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let others = [(&two, Depth::Tree), (&missing, Depth::Directory)].map(|(path, depth)| {
        p2p_ci::library::SharedDirectory { path: path.as_path().into(), depth, hand_over: false }
    });
    let library = Library::scan_all(&one, Depth::Directory, &others).unwrap();
    let paths = || {
        let library = library.read();
        library.entries().map(|(_, entry)| entry.path()).collect::<Vec<_>>()
    };
    assert_eq!(paths(), [one.join("rfc7.txt"), two.join("b.md"), two.join("below/c.md")]);
    let rfc = Document::Rfc("7".parse().unwrap());
    let target = library.read().target_for(&Document::Rfc("8".parse().unwrap())).unwrap();
    assert_eq!(target.path(), one.join("rfc8.txt"));
    fs::remove_file(one.join("rfc7.txt")).unwrap();
    let old = SystemTime::now() - Duration::from_secs(60);
    fs::File::options().write(true).open(two.join("rfc7.txt")).unwrap().set_modified(old).unwrap();
    assert_eq!(library.rescan().unwrap().changed, [rfc]);
    assert_eq!(paths(), [two.join("rfc7.txt"), two.join("b.md"), two.join("below/c.md")]);
}
