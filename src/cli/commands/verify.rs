//! `verify`: compares files with the digests of their downloads (protocol.md section 5.5).
//!
//! `downloads::on_disk` describes which file is read.

use std::io;

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::downloads::on_disk::digest_on_disk;
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::Failure;
use crate::cli::errors::report::error_json;
use crate::cli::meant::meant;
use crate::cli::output::format::Format;
use crate::cli::output::outcome::shown;
use crate::cli::output::print::{print_json, print_prose};
use crate::cli::output::reply::{document_json, with_fields};
use crate::counted::counted;
use crate::escape::escaped;
use crate::protocol::{Digest, Document};

/// The result of the comparison of one document.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Verdict {
    Unchanged,
    Changed {
        expected: Digest,
        found: Digest,
    },
    Missing,
    /// The file exists, but cannot be read.
    Unreadable(String),
    NeverDownloaded,
}

/// How many documents had each verdict.
#[derive(Debug, Default)]
struct Counts {
    unchanged: usize,
    changed: usize,
    missing: usize,
    unreadable: usize,
    unknown: usize,
}

/// Reads the named documents, or all downloaded ones, and prints each difference and a summary.
pub(in crate::cli) fn verify(
    context: &Context,
    documents: &[Document],
) -> Result<(), CommandError> {
    context.journal.check().map_err(|source| CommandError::File {
        what: "no document was checked: the history of downloads cannot be read".into(),
        source,
    })?;
    let downloaded = context.journal.fetched();
    let is_everything = documents.is_empty();
    let documents: Vec<Document> = match documents {
        [] => downloaded.keys().cloned().collect(),
        some => {
            some.iter().map(|typed| meant(typed, |form| downloaded.contains_key(form))).collect()
        }
    };
    if downloaded.is_empty() && !context.directory.exists() {
        return Err(CommandError::NotFound(format!(
            "nothing was downloaded into `{}`, which does not exist",
            shown(&context.directory)
        )));
    }
    if is_everything && documents.is_empty() {
        return Err(CommandError::NotFound(format!(
            "no document was checked: no download into `{}` is recorded. The history belongs to the path \
             of a directory: name the path into which the documents were downloaded with --share",
            shown(&context.directory)
        )));
    }
    let mut counts = Counts::default();
    for document in &documents {
        let verdict = match downloaded.get(document) {
            None => Verdict::NeverDownloaded,
            Some(digest) => check(context, document, *digest)?,
        };
        context.check_interrupt()?;
        counts.add(&verdict);
        print(context.format, document, &verdict).map_err(CommandError::Output)?;
    }
    counts.print(context.format).map_err(CommandError::Output)?;
    match counts.failure() {
        None => Ok(()),
        Some(failure) => Err(CommandError::Counted { failure, message: counts.message() }),
    }
}

fn check(
    context: &Context,
    document: &Document,
    expected: Digest,
) -> Result<Verdict, CommandError> {
    Ok(match digest_on_disk(context, document)? {
        Ok(Some(found)) if found == expected => Verdict::Unchanged,
        Ok(Some(found)) => Verdict::Changed { expected, found },
        Ok(None) => Verdict::Missing,
        Err(error) => Verdict::Unreadable(error.to_string()),
    })
}

fn print(format: Format, document: &Document, verdict: &Verdict) -> io::Result<()> {
    let (word, text) = match verdict {
        Verdict::Unchanged => ("ok", None),
        Verdict::Changed { expected, found } => {
            ("changed", Some(format!("changed, now {found}; it was downloaded with {expected}")))
        }
        Verdict::Missing => ("gone", Some("missing".to_string())),
        Verdict::Unreadable(reason) => {
            ("unreadable", Some(format!("cannot be read: {}", escaped(reason))))
        }
        Verdict::NeverDownloaded => (
            "unknown",
            Some(
                "was not downloaded here: there is no recorded digest to compare with".to_string(),
            ),
        ),
    };
    match (format, text) {
        (Format::Raw | Format::Table, Some(text)) => {
            print_prose(format_args!("{document}: {text}"))
        }
        (Format::Raw | Format::Table, None) => Ok(()),
        (Format::Json, _) => {
            let object = with_fields(document_json(document), [("verdict", json!(word))]);
            print_json(&match verdict {
                Verdict::Changed { found, .. } => {
                    with_fields(object, [("digest", json!(found.to_string()))])
                }
                Verdict::Unreadable(reason) => with_fields(object, [("reason", json!(reason))]),
                _ => object,
            })
        }
    }
}

impl Counts {
    fn add(&mut self, verdict: &Verdict) {
        let count = match verdict {
            Verdict::Unchanged => &mut self.unchanged,
            Verdict::Changed { .. } => &mut self.changed,
            Verdict::Missing => &mut self.missing,
            Verdict::Unreadable(_) => &mut self.unreadable,
            Verdict::NeverDownloaded => &mut self.unknown,
        };
        *count += 1;
    }

    /// The most severe verdict: changed content is more severe than a missing file.
    fn failure(&self) -> Option<Failure> {
        match self {
            Self { changed: 1.., .. } => Some(Failure::Data),
            Self { unreadable: 1.., .. } => Some(Failure::File),
            Self { missing: 1.., .. } | Self { unknown: 1.., .. } => Some(Failure::NotFound),
            _ => None,
        }
    }

    fn checked(&self) -> usize {
        self.unchanged + self.changed + self.missing + self.unreadable + self.unknown
    }

    /// The message of the error, if there is a failure.
    fn message(&self) -> String {
        let (all, others) = (self.checked(), self.checked() - self.unchanged);
        let are = if others == 1 { "is" } else { "are" };
        format!("{others} of {} {are} not as downloaded", counted(all, "document"))
    }

    fn print(&self, format: Format) -> io::Result<()> {
        let Self { unchanged, changed, missing, unreadable, unknown } = self;
        let checked = self.checked();
        if let Format::Json = format {
            let object = json!({
                "v": 1, "checked": checked, "unchanged": unchanged, "changed": changed,
                "missing": missing, "unreadable": unreadable, "unknown": unknown,
            });
            let Some(failure) = self.failure() else { return print_json(&object) };
            let error = error_json(failure, &self.message());
            return print_json(&with_fields(object, [("error", error)]));
        }
        let documents = counted(checked, "document");
        let mut line = format!("{documents} checked: {unchanged} as downloaded");
        for (count, what) in [
            (changed, "changed"),
            (missing, "missing"),
            (unreadable, "unreadable"),
            (unknown, "not downloaded here"),
        ] {
            if *count > 0 {
                line += &format!(", {count} {what}");
            }
        }
        print_prose(line)
    }
}
