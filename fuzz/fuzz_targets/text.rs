//! Single elements: a record, a file name, a title, and anything on its way to a terminal.

#![no_main]

use libfuzzer_sys::fuzz_target;
use p2p_ci::escape::escaped;
use p2p_ci::library::{document_of, file_name_of};
use p2p_ci::protocol::{FileName, Record, Title};

fuzz_target!(|data: &[u8]| {
    let shown = escaped(data).to_string();
    assert!(!shown.contains(char::is_control));
    let text = String::from_utf8_lossy(data);
    if let Ok(record) = Record::parse(&text) {
        let line = record.to_string();
        assert!(!line.contains(char::is_control));
        assert_eq!(Record::parse(&line), Ok(record));
    }
    if let Ok(name) = text.parse::<FileName>() {
        assert!(!name.as_str().contains(['\\', '\0']));
        assert!(name.as_str().split('/').all(|segment| !matches!(segment, "" | "." | "..")));
        assert_eq!(name.to_string().parse(), Ok(name));
    }
    if let Some(document) = document_of(&text)
        && let Some(name) = file_name_of(&document)
    {
        // Below the folder, in no hidden place, and nowhere else.
        assert!(name.split('/').all(|segment| !segment.is_empty() && !segment.starts_with('.')));
        assert_eq!(document_of(&name), Some(document));
    }
    let title = Title::folded(&text);
    assert_eq!(title.as_str().parse(), Ok(title));
});
