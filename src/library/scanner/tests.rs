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
    std::fs::write(directory.join("rfc7.txt"), "seven").unwrap();
    std::fs::write(directory.join("rfc07.txt"), "seven").unwrap();
    let library = Library::scan(&directory, Depth::Directory).unwrap();
    let skipped = library.read().scan_state.skipped.clone();
    assert_eq!(skipped.len(), 1);
    // No directory: the scan fails.
    std::fs::rename(&directory, &moved).unwrap();
    std::fs::write(&directory, "").unwrap();
    assert!(library.scan(Stability::Any).is_err());
    assert_eq!(library.read().scan_state.skipped, skipped);
}
