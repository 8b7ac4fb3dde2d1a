//! How file systems that ignore case and Unicode normalization compare names (protocol.md section 9).
//!
//! APFS and HFS+ ignore normalization, case, and (HFS+) invisible characters. NTFS and exFAT ignore
//! case, and Windows removes dots and blanks at the end of a name. [`folded`] ignores all of these, and
//! compatibility variants such as full-width letters. If two names lead to the same file on any of
//! these systems, they have the same folded form.

use unicode_normalization::UnicodeNormalization;

/// The form in which names are compared.
pub(super) fn folded(segment: &str) -> String {
    // Upper case first: `ſ` and `ı` are lower case already, but have the upper case of `s` and `i`.
    let folded: String = segment
        .nfkc()
        .filter(|c| !is_invisible(*c))
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfkc()
        .filter(|c| !is_invisible(*c))
        .collect();
    folded.trim_end_matches(['.', ' ']).to_string()
}

/// Whether a file of this name is hidden, also on a system that ignores invisible characters.
pub(super) fn is_hidden(segment: &str) -> bool {
    segment.nfc().find(|c| !is_invisible(*c)) == Some('.')
}

/// A name in the two normalization forms that file systems store, without the name itself.
pub(super) fn other_forms(name: &str) -> Vec<String> {
    let mut forms: Vec<String> = Vec::new();
    for form in [name.nfc().collect::<String>(), name.nfd().collect()] {
        if form != name && !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

/// Whether some systems ignore a character in names: Unicode's `Default_Ignorable_Code_Point`, and the
/// dot that remains of `İ` when its case is folded.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{307}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_to_one_file_on_some_file_system_have_one_folded_form() {
        for name in [
            "RFC-INDEX.TXT",
            "rfc-index.txt",
            "rfc-index.txt.",
            "rfc-index.txt. .",
            "rfc-\u{200d}index.txt",
            "\u{feff}rfc-index.txt",
            "rfc-\u{131}ndex.txt",
            "rfc-\u{130}ndex.txt",
            "ｒｆｃ-index.txt",
            "rfc\u{ff0d}index.txt",
        ] {
            assert_eq!(folded(name), "rfc-index.txt", "{name:?}");
        }
        assert_eq!(folded("Ä"), folded("a\u{308}"));
        assert_ne!(folded("rfc-index.txt"), folded("rfc_index.txt"));
    }

    #[test]
    fn hidden_names_and_other_forms() {
        for name in [".x", "\u{200c}.x", "\u{feff}\u{200b}.x"] {
            assert!(is_hidden(name), "{name:?}");
        }
        assert!(!is_hidden("x.") && !is_hidden("…x"));
        assert!(other_forms("plain").is_empty());
        assert_eq!(other_forms("\u{e4}"), ["a\u{308}"]);
        assert_eq!(other_forms("a\u{308}"), ["\u{e4}"]);
        assert_eq!(other_forms("\u{e4}a\u{308}"), ["\u{e4}\u{e4}", "a\u{308}a\u{308}"]);
    }
}
