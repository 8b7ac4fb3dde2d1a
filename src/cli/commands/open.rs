//! `open`: a document in the desktop's viewer (`xdg-open`).
//!
//! Documents come from other people, and a desktop may run a file that looks like a document. So only files
//! are opened whose name and content both say that they are PDF, plain text or an image, and downloaded ones
//! only with the bytes with which they were downloaded. All others are refused with their path.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::downloads::on_disk::{digest_on_disk, shared_entry};
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::Failure;
use crate::cli::output::format::Format;
use crate::cli::output::objects::{document_json, with_fields};
use crate::cli::output::outcome::shown;
use crate::cli::output::print::{print_json, print_prose};
use crate::limits;
use crate::protocol::Document;

/// Bytes of a file that show its kind.
const HEAD: u64 = 64 * 1024;

pub(in crate::cli) fn open(context: &Context, typed: &Document) -> Result<(), CommandError> {
    let (document, entry) = shared_entry(context, typed)?;
    let path = entry.path();
    let refused = |failure, reason: String| CommandError::NotOpened {
        document: document.clone(),
        reason,
        path: shown(&path),
        failure,
    };
    let cannot_read =
        |source| CommandError::File { what: format!("cannot read `{}`", shown(&path)), source };
    // A symbolic link or a special file is an error.
    let opened = entry.open().map_err(cannot_read)?;
    let mut head = Vec::new();
    (&opened.file).take(HEAD).read_to_end(&mut head).map_err(cannot_read)?;
    let is_executable = is_executable(&opened.file.metadata().map_err(cannot_read)?);
    check_kind(&path, &head, is_executable)
        .map_err(|reason| refused(Failure::Other, reason.into()))?;
    check_content(context, &document).map_err(|error| match error {
        NotVerified::Differs(reason) => refused(Failure::Data, reason),
        NotVerified::Failed(error) => error,
    })?;
    let absolute = std::path::absolute(&path).map_err(cannot_read)?;
    start_viewer(&absolute).map_err(|reason| refused(Failure::Other, reason))?;
    match context.format {
        Format::Json => {
            let opened = ("opened", json!(absolute.to_string_lossy()));
            print_json(&with_fields(document_json(&document), [opened]))
        }
        Format::Raw | Format::Table => print_prose(format_args!("opened {}", shown(&absolute))),
    }
    .map_err(CommandError::Output)
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    false
}

/// Checks that the name and the content are those of a file that a desktop only shows.
///
/// # Errors
/// The reason why they are not.
fn check_kind(path: &Path, head: &[u8], is_executable: bool) -> Result<(), &'static str> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let is_expected = match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "pdf" => head.starts_with(b"%PDF-"),
        "png" => head.starts_with(b"\x89PNG\r\n\x1a\n"),
        "jpg" | "jpeg" => head.starts_with(b"\xff\xd8\xff"),
        "gif" => head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a"),
        "webp" => head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP"),
        "txt" | "text" | "md" => is_text(head),
        _ => return Err("only PDF, text and image files are opened"),
    };
    if is_executable {
        return Err("it is executable");
    }
    if is_script(head) {
        return Err("it is a script or a program");
    }
    if is_expected { Ok(()) } else { Err("its content is not what its name says") }
}

/// Whether the content is one that systems run, whatever its name is.
fn is_script(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let first: Vec<u8> = text.iter().take(32).map(u8::to_ascii_lowercase).collect();
    let beginnings: [&[u8]; 6] =
        [b"#!", b"\x7felf", b"mz\x90", b"[desktop entry", b"<html", b"<!doctype html"];
    beginnings.iter().any(|beginning| first.starts_with(beginning))
}

/// Whether these bytes begin a text.
fn is_text(head: &[u8]) -> bool {
    head.iter().all(|&byte| byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r' | b'\x0c'))
}

/// Why a downloaded file is not opened.
enum NotVerified {
    Differs(String),
    Failed(CommandError),
}

/// Checks that a downloaded document has the bytes with which it was downloaded. A file that was not
/// downloaded is the user's own.
fn check_content(context: &Context, document: &Document) -> Result<(), NotVerified> {
    let what = "the history of downloads cannot be read, so the file cannot be verified";
    let history = context.journal.check();
    history
        .map_err(|source| NotVerified::Failed(CommandError::File { what: what.into(), source }))?;
    let Some(expected) = context.journal.fetched().remove(document) else { return Ok(()) };
    let found = digest_on_disk(context, document).map_err(NotVerified::Failed)?;
    context.check_interrupt().map_err(NotVerified::Failed)?;
    match found {
        Ok(Some(found)) if found == expected => Ok(()),
        Ok(Some(found)) => Err(NotVerified::Differs(format!(
            "it has changed since its download: expected {expected}, found {found}"
        ))),
        Ok(None) => Err(NotVerified::Differs("its downloaded file is missing".into())),
        Err(error) => Err(NotVerified::Differs(format!("it cannot be verified: {error}"))),
    }
}

/// Starts the viewer, which continues when this program ends.
///
/// # Errors
/// The reason, if it cannot be started, or fails soon.
fn start_viewer(path: &Path) -> Result<(), String> {
    let mut command = Command::new("xdg-open");
    command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C is meant for this program.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut viewer = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "this system has no `xdg-open`".to_string(),
        _ => format!("cannot start `xdg-open`: {error}"),
    })?;
    let (ended, end) = channel();
    let wait = move || {
        // The receiver is gone when the viewer runs longer.
        let _ = ended.send(viewer.wait());
    };
    if thread::Builder::new().name("viewer".into()).spawn(wait).is_err() {
        // It runs, and nobody waits for it.
        return Ok(());
    }
    match end.recv_timeout(limits::OPENING) {
        Ok(Ok(status)) if !status.success() => Err(failed(status)),
        _ => Ok(()),
    }
}

fn failed(status: ExitStatus) -> String {
    // The codes of its manual page.
    match status.code() {
        Some(3) => "`xdg-open` found no program that shows it".into(),
        Some(code) => format!("`xdg-open` failed with exit code {code}"),
        None => "`xdg-open` was ended by a signal".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documents_are_opened() {
        for (name, head, is_executable, is_opened) in [
            ("a.pdf", &b"%PDF-1.7\n"[..], false, true),
            ("A.PDF", b"%PDF-1.7\n", false, true),
            ("rfc793.txt", b"\x0cRFC 793\r\n", false, true),
            ("a.md", "# \u{e9}t\u{e9}".as_bytes(), false, true),
            ("a.png", b"\x89PNG\r\n\x1a\n\0", false, true),
            ("a.jpg", b"\xff\xd8\xff\xe0", false, true),
            ("a.webp", b"RIFF\0\0\0\0WEBP", false, true),
            ("empty.txt", b"", false, true),
            ("a.pdf", b"%PDF-1.7\n", true, false),
            ("a.pdf", b"#!/bin/sh\n", false, false),
            ("a.txt", b"#!/bin/sh\n", false, false),
            ("a.txt", b"\xef\xbb\xbf #!/bin/sh\n", false, false),
            ("a.txt", b"\n[Desktop Entry]\nExec=x\n", false, false),
            ("a.txt", b"\x7fELF\x02", false, false),
            ("a.txt", b"a\0b", false, false),
            ("a.txt", b"<!DOCTYPE html><script>", false, false),
            ("a.desktop", b"[Desktop Entry]\n", false, false),
            ("a.pdf.desktop", b"%PDF-1.7\n", false, false),
            ("a.sh", b"echo\n", false, false),
            ("a.html", b"<p>", false, false),
            ("a.svg", b"<svg>", false, false),
            ("a.docx", b"PK", false, false),
            ("pdf", b"%PDF-1.7\n", false, false),
            (".txt", b"text", false, false),
        ] {
            let found = check_kind(Path::new(name), head, is_executable);
            assert_eq!(found.is_ok(), is_opened, "{name} {head:?}: {found:?}");
        }
    }
}
