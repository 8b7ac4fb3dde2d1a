//! Reports the documents of `get` that no peer has: one line for many, with ranges of RFCs.

use shlex::try_quote;

use crate::cli::output::print::{print_message, print_note};
use crate::cli::program::called;
use crate::counted::counted;
use crate::escape::escaped;
use crate::protocol::Document;

/// Up to this number of documents, each is reported on its own line.
const SINGLE: usize = 3;
/// The maximum number of ranges and documents on the line for more.
const PARTS: usize = 10;

/// Reports on standard error that no peer has these documents.
pub(super) fn report_missing(documents: &[Document]) {
    let program = called("peer");
    match documents.len() {
        0..=SINGLE => {
            documents
                .iter()
                .for_each(|one| print_message(format_args!("{program}: no peer has {one}")));
        }
        count => {
            let (parts, all) = (parts(documents), counted(count, "document"));
            print_message(format_args!("{program}: no peer has {parts} ({all})"));
        }
    }
    if let Some(name) = name_with_blanks(documents) {
        print_note(format_args!("if that is one name with blanks, quote it: {name}"));
    }
}

/// `RFC 1-4, RFC 6, FILE a and 3 others`.
fn parts(documents: &[Document]) -> String {
    let mut parts: Vec<(String, usize)> = Vec::new();
    let mut rest = documents;
    while let [first, ..] = rest {
        let length = range_length(rest).max(1);
        let (range, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        parts.push(match (first, range.last()) {
            (Document::Rfc(first), Some(Document::Rfc(last))) if first != last => {
                (format!("RFC {first}-{last}"), length)
            }
            _ => (escaped(&first.to_string()).to_string(), length),
        });
        rest = after;
    }
    let others: usize = parts.iter().skip(PARTS).map(|(_, length)| length).sum();
    let shown: Vec<&str> = parts.iter().take(PARTS).map(|(part, _)| part.as_str()).collect();
    let others = match others {
        0 => String::new(),
        others => format!(" and {}", counted(others, "other")),
    };
    format!("{}{others}", shown.join(", "))
}

/// The number of RFCs with consecutive numbers at the beginning of a list.
fn range_length(documents: &[Document]) -> usize {
    let numbers = documents.iter().map_while(|document| match document {
        Document::Rfc(number) => Some(number.value()),
        Document::File(_) => None,
    });
    let first = documents.first().and_then(|document| match document {
        Document::Rfc(number) => Some(number.value()),
        Document::File(_) => None,
    });
    let expected = first.into_iter().flat_map(|first| first..);
    numbers.zip(expected).take_while(|(number, expected)| number == expected).count()
}

/// A few missing files may be the words of one name that was not quoted.
fn name_with_blanks(documents: &[Document]) -> Option<String> {
    let names: Vec<String> = documents
        .iter()
        .filter(|document| matches!(document, Document::File(_)))
        .map(Document::name)
        .collect();
    let is_likely = (2..=SINGLE).contains(&names.len());
    let name = names.join(" ");
    try_quote(&name).ok().filter(|_| is_likely).map(|name| escaped(name.as_ref()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str) -> Vec<Document> {
        text.split(' ')
            .map(|one| match one.parse() {
                Ok(number) => Document::Rfc(number),
                Err(_) => Document::File(one.parse().unwrap()),
            })
            .collect()
    }

    #[test]
    fn many_documents_are_ranges() {
        for (text, line) in [
            ("1 2 3 4", "RFC 1-4"),
            ("1 2 4 6 7 a 8 9", "RFC 1-2, RFC 4, RFC 6-7, FILE a, RFC 8-9"),
            ("2 1", "RFC 2, RFC 1"),
            (
                "1 3 5 7 9 11 13 15 17 19 21 22 24",
                "RFC 1, RFC 3, RFC 5, RFC 7, RFC 9, RFC 11, RFC 13, RFC 15, RFC 17, RFC 19 and 3 others",
            ),
        ] {
            assert_eq!(parts(&documents(text)), line);
        }
    }

    #[test]
    fn words_of_one_name_are_shown_in_quotes() {
        assert_eq!(name_with_blanks(&documents("b c.txt")).as_deref(), Some("'b c.txt'"));
        assert_eq!(name_with_blanks(&documents("1 c.txt")), None);
    }
}
