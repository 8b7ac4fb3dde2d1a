//! Records, and the elements that are free text: one line, and what is read is written so that it
//! is read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use p2p_ci::protocol::{Record, Title, Words};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(record) = Record::parse(&text) {
        let line = record.to_string();
        assert!(!line.contains(char::is_control));
        assert!(!line.contains(['\u{2028}', '\u{2029}']));
        assert_eq!(record.holder.to_string().parse(), Ok(record.holder.clone()));
        // All words of a title are in it.
        if let Ok(words) = record.title.as_str().parse::<Words>() {
            assert!(words.are_in(&record.title), "{line}");
        }
        assert_eq!(Record::parse(&line), Ok(record));
    }
    let title = Title::folded(&text);
    assert_eq!(title.as_str().parse(), Ok(title));
});
