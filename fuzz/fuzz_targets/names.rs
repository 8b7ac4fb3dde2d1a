//! File names: from the wire, and from a directory. None leads anywhere but below the directory.

#![no_main]

use std::path::Component;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use p2p_ci::library::{Depth, Library, SharedLibrary, document_of, file_name_of};
use p2p_ci::protocol::{Document, FileName};

static LIBRARY: LazyLock<SharedLibrary> = LazyLock::new(|| {
    let directory = std::env::temp_dir().join(format!("p2p-ci-fuzz-names-{}", std::process::id()));
    Library::scan(&directory, Depth::Tree).expect("a directory in the temporary directory")
});

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(name) = text.parse::<FileName>() {
        assert!(!name.as_str().contains(['\\', '\0']));
        assert!(name.as_str().split('/').all(|segment| !matches!(segment, "" | "." | "..")));
        assert_eq!(name.to_string().parse(), Ok(name.clone()));
        stays_below(&Document::File(name));
    }
    if let Some(document) = document_of(&text)
        && let Ok(name) = file_name_of(&document)
    {
        // Below the directory, in no hidden place, and nowhere else.
        assert!(name.split('/').all(|segment| !segment.is_empty() && !segment.starts_with('.')));
        assert_eq!(document_of(&name), Some(document.clone()));
        stays_below(&document);
    }
});

fn stays_below(document: &Document) {
    let library = LIBRARY.read();
    if let Ok(path) = library.target_for(document).map(|target| target.path()) {
        let below = path.strip_prefix(library.directory()).expect("a path below the directory");
        let is_plain = |component: Component<'_>| match component {
            Component::Normal(segment) => !segment.as_encoded_bytes().starts_with(b"."),
            _ => false,
        };
        assert!(below.components().all(is_plain), "{}", path.display());
    }
}
