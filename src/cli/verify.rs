//! `verify`: what is on disk against what was fetched.

use serde_json::json;

use super::command::Format;
use super::context::Context;
use super::exit::{CommandError, Failure};
use super::output::{say, say_json};
use super::reply::document_json;
use crate::library::Hasher;
use crate::protocol::{Digest, Document};

/// What a look at a file's bytes has shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    AsFetched,
    Changed(Digest),
    Gone,
    NeverFetched,
}

/// Reads the documents, or all that were fetched, and compares them with what was fetched.
pub(super) fn verify(context: &Context, documents: &[Document]) -> Result<(), CommandError> {
    let fetched = context.journal.fetched();
    let documents: Vec<Document> = match documents {
        [] => fetched.keys().cloned().collect(),
        some => some.to_vec(),
    };
    let library = context.library()?;
    let mut failure = None;
    for document in &documents {
        let entry = library.read().entry(document).cloned();
        let verdict = match (fetched.get(document), entry) {
            (None, _) => Verdict::NeverFetched,
            (Some(_), None) => Verdict::Gone,
            (Some(digest), Some(entry)) => {
                let read = entry.open().and_then(|open| {
                    let mut hasher = Hasher::default();
                    std::io::copy(&mut &open.file, &mut hasher)?;
                    Ok(hasher.finish())
                });
                match read {
                    Ok(found) if found == *digest => Verdict::AsFetched,
                    Ok(found) => Verdict::Changed(found),
                    Err(source) => {
                        let what = format!("cannot read {document}");
                        return Err(CommandError::File { what, source });
                    }
                }
            }
        };
        let worse = match verdict {
            Verdict::AsFetched => None,
            Verdict::Changed(_) => Some(Failure::Data),
            Verdict::Gone | Verdict::NeverFetched => Some(Failure::NotFound),
        };
        // Other bytes are worse than none.
        failure = match (failure, worse) {
            (Some(Failure::Data), _) | (_, None) => failure,
            (_, worse) => worse,
        };
        print(context.format, document, verdict).map_err(CommandError::Output)?;
    }
    failure.map_or(Ok(()), |failure| Err(CommandError::Refused(failure)))
}

fn print(format: Format, document: &Document, verdict: Verdict) -> std::io::Result<()> {
    let (word, text) = match verdict {
        Verdict::AsFetched => ("ok", "as it was fetched".to_string()),
        Verdict::Changed(found) => ("changed", format!("not what was fetched, but {found}")),
        Verdict::Gone => ("gone", "not here any more".to_string()),
        Verdict::NeverFetched => {
            ("unknown", "was not fetched, nothing to compare with".to_string())
        }
    };
    match format {
        Format::Raw | Format::Table => say(format_args!("{document}: {text}")),
        Format::Json => {
            let mut object = document_json(document);
            object["verdict"] = json!(word);
            say_json(&object)
        }
    }
}
