//! The outcome of `get` or `sync` for one document, as a line or as JSON.
//!
//! Both commands print the same objects. docs/manual.md, section "For scripts", describes them.

use std::path::Path;

use serde_json::{Value, json};

use super::format::Format;
use super::print::{print_json, print_line, print_with_path};
use super::reply::{document_json, with_fields, with_status};
use super::terminal::is_terminal;
use crate::cli::downloads::change::Change;
use crate::cli::downloads::many::failures;
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::failure_of;
use crate::cli::errors::report::{error_json, report};
use crate::cli::progress::Transfer;
use crate::cli::values::named::typed;
use crate::cli::values::quantity::size;
use crate::counted::counted;
use crate::error_chain::error_chain;
use crate::escape::{escaped, escaped_path};
use crate::library::NotSaved;
use crate::peer::{CompletedDownload, DownloadError, ExpectedDigest, TransferError};
use crate::protocol::{Digest, Document, Endpoint, Title};

/// The outcome for one document.
pub(in crate::cli) enum Outcome<'a> {
    /// The document was downloaded into `path`.
    Fetched {
        path: &'a Path,
        fetched: &'a CompletedDownload,
        /// Whether the document is new or changed, if that is known.
        change: Option<Change>,
        /// The list of trusted digests, if there was one.
        list: Option<&'a Path>,
        /// What was transferred, if that was counted for this document alone.
        transfer: Option<Transfer>,
    },
    /// The document was already here, in this file.
    Present(&'a Path),
    /// The document was already here, and was copied from the first file to the second.
    Copied { from: &'a Path, to: &'a Path, length: u64, digest: Digest },
    /// `sync --dry-run`: the document would be downloaded from one of these holders.
    Missing { holders: Vec<&'a Endpoint>, title: Option<&'a Title>, bytes: Option<u64> },
}

impl Outcome<'_> {
    /// Prints the outcome.
    pub(in crate::cli) fn print(
        &self,
        format: Format,
        document: &Document,
    ) -> Result<(), CommandError> {
        match format {
            Format::Raw => print_line(self.line(document, |bytes| counted(bytes, "byte"))),
            Format::Table => {
                let line = format!("{}{}", self.line(document, size), self.transfer());
                print_with_path(&line, &self.path().map(shown).unwrap_or_default())
            }
            Format::Json => print_json(&self.json(document)),
        }
        .map_err(CommandError::Output)
    }

    /// The file that has the document now.
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Fetched { path, .. } | Self::Present(path) | Self::Copied { to: path, .. } => {
                Some(path)
            }
            Self::Missing { .. } => None,
        }
    }

    /// The duration and the rate, if they are known.
    fn transfer(&self) -> String {
        match self {
            Self::Fetched { transfer: Some(transfer), .. } => format!(" ({transfer})"),
            _ => String::new(),
        }
    }

    /// The line for people and scripts. `size` is the form of a number of bytes.
    fn line(&self, document: &Document, size: impl Fn(u64) -> String) -> String {
        match self {
            Self::Fetched { path, fetched, change, list, .. } => {
                let CompletedDownload { holders, length, expected, .. } = fetched;
                let checked = match (expected, list) {
                    (ExpectedDigest::Nothing, _) => "no digest to check".into(),
                    (ExpectedDigest::Holder, _) => {
                        "sha-256 checked (as announced by its holder)".into()
                    }
                    (ExpectedDigest::Holders(count), _) => {
                        format!("sha-256 checked (as {count} holders agree)")
                    }
                    (ExpectedDigest::Caller, Some(list)) => {
                        format!("sha-256 checked (as in {})", shown(list))
                    }
                    (ExpectedDigest::Caller, None) => "sha-256 checked (as recorded before)".into(),
                };
                let holders: Vec<String> = holders.iter().map(ToString::to_string).collect();
                let from = match holders.is_empty() {
                    // An earlier download had received all of it.
                    true => "an earlier download".into(),
                    false => escaped(&holders.join(", ")).to_string(),
                };
                let path = shown(path);
                let change =
                    change.map_or_else(String::new, |change| format!("{}, ", change.word()));
                format!(
                    "{document}: {} from {from}, {checked}, {change}saved as {path}",
                    size(*length)
                )
            }
            Self::Present(path) => format!("{document} is here already: {}", shown(path)),
            Self::Copied { from, to, length, .. } => {
                let (from, to) = (shown(from), shown(to));
                let bytes = size(*length);
                format!("{document}: {bytes} copied from {from}, saved as {to}")
            }
            // As lists print it, and as `get` reads it.
            Self::Missing { .. } => document.wire().to_string(),
        }
    }

    fn json(&self, document: &Document) -> Value {
        let is_fetched = json!(matches!(self, Self::Fetched { .. }));
        let object = with_fields(document_json(document), [("fetched", is_fetched)]);
        match self {
            Self::Fetched { path, fetched, change, .. } => {
                let CompletedDownload { holders, length, length_checked, digest, .. } = fetched;
                let holders: Vec<String> = holders.iter().map(ToString::to_string).collect();
                with_fields(
                    object,
                    [
                        ("path", json!(path.to_string_lossy())),
                        ("change", json!(change.map(Change::word))),
                        ("bytes", json!(length)),
                        ("length_checked", json!(length_checked)),
                        ("digest", json!(digest.to_string())),
                        ("digest_checked", json!(fetched.digest_checked())),
                        ("holder", json!(holders.first())),
                        ("holders", json!(holders)),
                    ],
                )
            }
            Self::Present(path) => with_fields(object, [("path", json!(path.to_string_lossy()))]),
            Self::Copied { from, to, length, digest } => with_fields(
                object,
                [
                    ("path", json!(to.to_string_lossy())),
                    ("copied_from", json!(from.to_string_lossy())),
                    ("bytes", json!(length)),
                    ("digest", json!(digest.to_string())),
                ],
            ),
            Self::Missing { holders, title, bytes } => {
                let holders: Vec<String> = holders.iter().map(ToString::to_string).collect();
                let title = title.map(Title::as_str);
                with_fields(
                    object,
                    [("title", json!(title)), ("holders", json!(holders)), ("bytes", json!(bytes))],
                )
            }
        }
    }
}

/// Prints as JSON that a document was not downloaded. Standard error has the message for people.
pub(in crate::cli) fn print_not_downloaded(
    format: Format,
    document: &Document,
    error: &DownloadError,
) -> Result<(), CommandError> {
    let Format::Json = format else { return Ok(()) };
    let failed = |(holder, error): &(Endpoint, TransferError)| json!({"holder": holder.to_string(), "reason": error_chain(error)});
    let holders: Vec<Value> = failures(error).map(failed).collect();
    let error = error_json(failure_of(error), &error_chain(error));
    let error = with_fields(error, [("holders", json!(holders))]);
    let fields = [("fetched", json!(false)), ("error", error)];
    print_json(&with_fields(document_json(document), fields)).map_err(CommandError::Output)
}

/// Why a document is never saved from the network, and the command that saves it elsewhere.
pub(in crate::cli) fn not_saved(document: &Document, reason: NotSaved) -> String {
    format!("{reason}; `get {} --out PATH` saves it", typed(document))
}

/// Prints as JSON that a document is never saved from the network. That is no failure.
pub(in crate::cli) fn print_not_saved(
    format: Format,
    document: &Document,
    reason: NotSaved,
) -> Result<(), CommandError> {
    let Format::Json = format else { return Ok(()) };
    let fields = [("fetched", json!(false)), ("not_saved", json!(not_saved(document, reason)))];
    print_json(&with_fields(document_json(document), fields)).map_err(CommandError::Output)
}

/// Prints as JSON that a command has failed, or one document of it before any holder was asked.
pub(in crate::cli) fn print_failed(
    format: Format,
    document: Option<&Document>,
    error: &CommandError,
) -> Result<(), CommandError> {
    match (format, document, error) {
        (Format::Raw | Format::Table, ..) => Ok(()),
        (Format::Json, Some(document), CommandError::Fetch(error)) => {
            print_not_downloaded(format, document, error)
        }
        (Format::Json, _, error) => {
            let object = match document {
                Some(document) => with_fields(document_json(document), [("fetched", json!(false))]),
                None => json!({"v": 1}),
            };
            let object = match error.refusal() {
                Some((refusal, None)) => with_status(object, refusal),
                Some((refusal, Some(reason))) => {
                    let reason = json!(reason.to_string());
                    with_fields(with_status(object, refusal), [("reason", reason)])
                }
                None => object,
            };
            let error = error_json(error.failure(), &error_chain(error));
            print_json(&with_fields(object, [("error", error)])).map_err(CommandError::Output)
        }
    }
}

/// Reports a failed command on standard error, in a line that begins with `program`, and as JSON unless
/// that was already printed.
pub(in crate::cli) fn report_failed(program: &str, format: Format, error: &CommandError) {
    // A person has just read the summary.
    if !(matches!(format, Format::Table) && is_terminal() && error.is_counted()) {
        report(program, error);
    }
    let is_printed = matches!(
        error,
        CommandError::Said(_) | CommandError::Printed { .. } | CommandError::Counted { .. }
    );
    if !is_printed && let Err(error) = print_failed(format, None, error) {
        log::debug!("{}", error_chain(&error));
    }
}

/// A path with escaped control characters.
pub(in crate::cli) fn shown(path: &Path) -> String {
    escaped_path(path).to_string()
}
