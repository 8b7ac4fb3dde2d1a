//! What Tab inserts: candidates that fit the word at the cursor, in quotes where they need them.

use std::path::MAIN_SEPARATOR;

use rustyline::completion::Pair;

use super::word::{is_plain, quoted};

/// The candidates that begin with a text: as it is typed, else in any case.
pub(super) fn fitting(candidates: Vec<String>, text: &str) -> Vec<String> {
    let begins = |candidate: &String| candidate.starts_with(text);
    if candidates.iter().any(begins) {
        return candidates.into_iter().filter(begins).collect();
    }
    let lower = text.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.to_lowercase().starts_with(&lower))
        .collect()
}

/// The candidates in quotes where they need them, or where the user has begun to quote. The line editor inserts
/// the common beginning of several, so these are quoted only if that beginning needs quotes.
pub(super) fn pairs(candidates: Vec<String>, quote: Option<char>) -> Vec<Pair> {
    let common = common_beginning(&candidates);
    let is_quoted = quote.is_some() || !common.is_empty() && !is_plain(common);
    let pair = |display: String| {
        let word = if is_quoted { quoted(&display, quote) } else { display.clone() };
        // The next word can be typed directly after it.
        Pair { replacement: format!("{word} "), display }
    };
    candidates.into_iter().map(pair).collect()
}

fn common_beginning(candidates: &[String]) -> &str {
    let Some((first, others)) = candidates.split_first() else { return "" };
    let common = |other: &String| {
        let same = first.char_indices().zip(other.chars()).find(|((_, one), two)| one != two);
        same.map_or(first.len().min(other.len()), |((at, _), _)| at)
    };
    let length = others.iter().map(common).min().unwrap_or(first.len());
    first.get(..length).unwrap_or(first)
}

/// A path that is complete ends its word; a directory may be followed by a name.
pub(super) fn with_end(mut pairs: Vec<Pair>, quote: Option<char>) -> Vec<Pair> {
    if let [pair] = &mut pairs[..]
        && !pair.replacement.ends_with(MAIN_SEPARATOR)
    {
        pair.replacement.extend(quote);
        pair.replacement.push(' ');
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_beginning_of_candidates() {
        for (candidates, common) in [
            (&["\u{e9}a", "\u{e9}b"][..], "\u{e9}"),
            (&["ab", "a"], "a"),
            (&["ab"], "ab"),
            (&["a", "b"], ""),
            (&[], ""),
        ] {
            let candidates: Vec<String> = candidates.iter().map(ToString::to_string).collect();
            assert_eq!(common_beginning(&candidates), common);
        }
    }
}
