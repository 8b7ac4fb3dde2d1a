//! Tests of scans.

use super::*;

#[test]
fn a_document_that_is_removed_while_it_is_unreadable_stays_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.md");
    std::fs::write(&path, "a").unwrap();
    let library = Library::scan(folder.path(), Depth::Folder).unwrap();
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
    let (folder, moved) = (root.path().join("folder"), root.path().join("moved"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("rfc7.txt"), "seven").unwrap();
    std::fs::write(folder.join("rfc07.txt"), "seven").unwrap();
    let library = Library::scan(&folder, Depth::Folder).unwrap();
    let skipped = library.read().scan_state.skipped.clone();
    assert_eq!(skipped.len(), 1);
    // No directory: the scan fails.
    std::fs::rename(&folder, &moved).unwrap();
    std::fs::write(&folder, "").unwrap();
    assert!(library.scan(Stability::Any).is_err());
    assert_eq!(library.read().scan_state.skipped, skipped);
}
