//! The library on real files: what is shared, under which titles.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic and print")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use p2p_ci::library::Library;

fn documents(library: &Library) -> Vec<String> {
    library.documents().map(|(document, title)| format!("{document}: {title}")).collect()
}

#[test]
fn a_folder_is_shared_by_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let page =
        "Network Working Group      J. Doe\nRequest for Comments: 7\n\n\n   The Title\n\nText";
    for (name, text) in [
        ("rfc7.txt", page),
        ("RFC0007.txt", "the same number again"),
        ("rfc8-draft.txt", "\n\n\n"),
        ("lecture 01.pdf", "%PDF"),
        (".hidden", "secret"),
        (".p2p-ci-x.part", "half"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::create_dir(folder.path().join("rfc9.txt")).unwrap();
    let library = Library::scan(folder.path()).unwrap();
    assert_eq!(
        documents(&library),
        ["RFC 7: Title", "RFC 8: rfc8-draft.txt", "FILE lecture%2001.pdf: lecture 01.pdf"]
    );
}

#[test]
fn a_missing_folder_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("a/b");
    assert!(Library::scan(&missing).unwrap().is_empty());
    assert!(missing.is_dir());
}

#[cfg(unix)]
#[test]
fn links_are_neither_shared_nor_followed() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let share = folder.path().join("share");
    fs::create_dir(&share).unwrap();
    symlink(&secret, share.join("rfc1.txt")).unwrap();
    fs::write(share.join("rfc2.txt"), "two").unwrap();
    let library = Library::scan(&share).unwrap();
    assert_eq!(documents(&library), ["RFC 2: rfc2.txt"]);

    // Swapped in behind its back.
    fs::remove_file(share.join("rfc2.txt")).unwrap();
    symlink(&secret, share.join("rfc2.txt")).unwrap();
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
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("rfc5000.txt"), page).unwrap();
        let library = Library::scan(folder.path()).unwrap();
        assert_eq!(documents(&library), ["RFC 5000: A Plain Title"], "{name}");
    }
}

/// 450 real RFCs from 1969 to 2022, when they lie beside the repository.
#[test]
fn titles_of_real_documents_are_the_official_ones() {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/rfc-sample.tar.xz");
    if !archive.exists() {
        println!("skipped: there is no {}", archive.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unpacked =
        Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(folder.path()).status();
    if !unpacked.is_ok_and(|status| status.success()) {
        println!("skipped: tar cannot unpack {}", archive.display());
        return;
    }
    let sample = folder.path().join("rfc-sample");
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
    let library = Library::scan(sample).unwrap();
    let titles: Vec<_> = library
        .documents()
        .filter_map(|(document, title)| Some((official.get(&document.to_string())?, title)))
        .collect();
    let right = titles.iter().filter(|(official, title)| **official == fold(title.as_str()));
    assert!(titles.len() >= 450, "{} documents", titles.len());
    100.0 * right.count() as f64 / titles.len() as f64
}
