//! Tests of scans.

use super::*;

#[test]
fn a_document_that_is_removed_while_it_is_unreadable_stays_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.md");
    std::fs::write(&path, "a").unwrap();
    let library = Library::scan(directory.path(), Depth::Directory).unwrap();
    let document = library.add_file(&path, None).unwrap();
    let make_unreadable = || {
        let entry = library.write().entries.remove(&document).unwrap();
        library.write().scan_state.unreadable.insert(document.clone(), entry);
    };
    make_unreadable();
    assert_eq!(library.scan(Stability::Any).unwrap().changed, std::slice::from_ref(&document));

    make_unreadable();
    assert!(library.write().forget(&document).is_some());
    assert!(library.scan(Stability::Any).unwrap().changed.is_empty());
    assert!(library.read().is_empty());

    // Removed during a scan.
    library.add_file(&path, None).unwrap();
    make_unreadable();
    let state = library.write().scan_state.take();
    assert!(library.write().forget(&document).is_some());
    library.put_back(state);
    assert!(library.scan(Stability::Any).unwrap().changed.is_empty());
    assert!(library.write().forget(&document).is_none());
}

#[test]
fn a_failed_scan_remembers_which_files_were_skipped() {
    let root = tempfile::tempdir().unwrap();
    let (directory, moved) = (root.path().join("directory"), root.path().join("moved"));
    std::fs::create_dir(&directory).unwrap();
    // Its name cannot be sent in one line.
    std::fs::write(directory.join("a\nb.txt"), "seven").unwrap();
    let library = Library::scan(&directory, Depth::Directory).unwrap();
    let skipped = library.read().scan_state.skipped.clone();
    assert_eq!(skipped.len(), 1);
    // No directory, and no document that was shared: the scan fails.
    std::fs::rename(&directory, &moved).unwrap();
    std::fs::write(&directory, "").unwrap();
    assert!(library.scan(Stability::Any).is_err());
    assert_eq!(library.read().scan_state.skipped, skipped);
}

#[test]
fn a_shared_directory_within_another_one_is_shared_once() {
    let root = tempfile::tempdir().unwrap();
    let (papers, talks) = (root.path().join("papers"), root.path().join("papers/talks"));
    std::fs::create_dir_all(talks.join("old")).unwrap();
    for (directory, name) in [(&papers, "a.md"), (&talks, "b.md"), (&talks, "old/c.md")] {
        std::fs::write(directory.join(name), "text").unwrap();
    }
    let shared =
        |path: &Path, depth| SharedDirectory { path: path.into(), depth, hand_over: false };
    let names = |first: &Path, depth, other| {
        let library = Library::scan_all(first, depth, &[other]).unwrap();
        let library = library.read();
        library.documents().map(|(document, _)| document.to_string()).collect::<Vec<_>>()
    };
    let expected = ["FILE a.md", "FILE b.md"];
    let by_a_link = root.path().join("link");
    #[cfg(unix)]
    std::os::unix::fs::symlink("papers/talks", &by_a_link).unwrap();
    #[cfg(not(unix))]
    let by_a_link = talks.clone();
    for inner in [&talks, &by_a_link] {
        assert_eq!(names(&papers, Depth::Tree, shared(inner, Depth::Directory)), expected);
        assert_eq!(names(inner, Depth::Directory, shared(&papers, Depth::Tree)), expected);
    }
}

/// A FIFO could be waited for without end, and a device read without end.
#[cfg(unix)]
#[test]
fn patterns_are_read_only_from_a_regular_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let ignore_file = |name: &str| path(name).join(".p2pciignore");
    for name in ["regular", "linked", "fifo", "device", "directory", "dangling"] {
        std::fs::create_dir(path(name)).unwrap();
        std::fs::write(path(name).join("notes.txt"), name).unwrap();
        std::fs::write(path(name).join("draft.txt"), name).unwrap();
    }
    std::fs::write(ignore_file("regular"), "draft.*").unwrap();
    let link = |to: &Path, name| std::os::unix::fs::symlink(to, ignore_file(name)).unwrap();
    link(&ignore_file("regular"), "linked");
    assert!(
        std::process::Command::new("mkfifo").arg(ignore_file("fifo")).status().unwrap().success()
    );
    link(Path::new("/dev/zero"), "device");
    std::fs::create_dir(ignore_file("directory")).unwrap();
    link(Path::new("nowhere"), "dangling");
    let shared = |path: &Path, depth| {
        let library = Library::scan(path, depth).unwrap();
        let library = library.read();
        library.documents().map(|(document, _)| document.wire().to_string()).collect::<Vec<_>>()
    };
    let notes = ["FILE notes.txt"];
    let all = ["FILE draft.txt", "FILE notes.txt"];
    for (name, expected) in [
        ("regular", &notes[..]),
        ("linked", &notes),
        ("fifo", &[]),
        ("device", &[]),
        ("directory", &[]),
        ("dangling", &all),
    ] {
        assert_eq!(shared(&path(name), Depth::Directory), expected, "{name}");
    }
    let in_tree = shared(directory.path(), Depth::Tree);
    let expected = ["dangling/draft", "dangling/notes", "linked/notes", "regular/notes"];
    let listed = |name: &str| format!("FILE {}.txt", name.replace('/', "%2F"));
    assert_eq!(in_tree, expected.map(listed));
}
