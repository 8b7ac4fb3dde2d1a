//! Anything on its way to a terminal or a log.

#![no_main]

use libfuzzer_sys::fuzz_target;
use p2p_ci::escape::{escaped, excerpt};

/// What changes what people see, without being seen.
const BIDIRECTIONAL: [char; 12] = [
    '\u{061c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}',
    '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
];

fuzz_target!(|data: &[u8]| {
    for shown in [escaped(data).to_string(), excerpt(data)] {
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert!(!shown.contains(BIDIRECTIONAL), "{shown:?}");
        assert!(!shown.contains(['\u{2028}', '\u{2029}']), "{shown:?}");
    }
    // Harmless text is not changed.
    if data.iter().all(|byte| (b' '..=b'~').contains(byte) && *byte != b'\\') {
        assert_eq!(escaped(data).to_string().as_bytes(), data);
    }
});
