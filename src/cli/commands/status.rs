//! `status`: the index, the shared directory, and the transfers that run.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::downloads::running::RunningBatch;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::format::Format;
use crate::cli::output::incomplete::check_complete;
use crate::cli::output::outcome::shown;
use crate::cli::output::print::{print_json, print_line};
use crate::cli::output::reply::{document_json, with_fields};
use crate::cli::session::share_claim::is_shared;
use crate::cli::values::quantity::{rate, size};
use crate::escape::escaped;
use crate::peer::{Query, Registration, RunningUpload, request_records};
use crate::protocol::{Listing, ReplyPart};

/// The maximum number of documents that are named per batch.
const NAMED: usize = 8;

/// Prints the state of the session. Without a session, checks that the index answers.
pub(in crate::cli) fn status(context: &Context) -> Result<(), CommandError> {
    // A single command has no connection yet: this request shows whether the index answers.
    if context.index.registration().is_none() {
        let listed =
            request_records(&context.index, Query::List(Listing::Rfcs), &mut |part| match part {
                ReplyPart::Record(_) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })?;
        check_complete(&listed, false)?;
    }
    // A single command registers nothing: other peers cannot use the port of its connection.
    let registration = context.index.registration();
    let own = registration.and_then(Registration::own).map(|own| own.to_string());
    let not_known = if registration.is_some() { "not connected" } else { "not registered" };
    let is_shared = registration.is_none() && is_shared(&context.folder);
    let documents = context.library()?.read().len();
    let uploading = context.uploads.as_ref().map(|uploads| uploads.address().to_string());
    let downloads = context.downloads.running(NAMED);
    let uploads = context.uploads.as_ref().map(|uploads| uploads.running()).unwrap_or_default();
    if let Format::Json = context.format {
        return print_json(&json!({
            "v": 1,
            "index": context.server.to_string(),
            "own": own,
            "uploading_from": uploading,
            "directory": context.folder.to_string_lossy(),
            "folder": context.folder.to_string_lossy(),
            "documents": documents,
            "shared_by_other_process": is_shared,
            "downloads": downloads.iter().map(download_json).collect::<Vec<Value>>(),
            "uploads": uploads.iter().map(upload_json).collect::<Vec<Value>>(),
        }))
        .map_err(CommandError::Output);
    }
    let mut rows = vec![
        ("index", context.server.to_string()),
        ("known there as", own.unwrap_or_else(|| not_known.into())),
        ("uploading from", uploading.unwrap_or_else(|| "not uploading".into())),
        ("directory", shown(&context.folder)),
        ("documents", documents.to_string()),
    ];
    if is_shared {
        rows.push(("shared by", "another process, whose transfers are not shown here".into()));
    }
    rows.extend(downloads.iter().map(|batch| ("downloading", download_line(batch))));
    rows.extend(uploads.iter().map(|upload| ("uploading", upload_line(upload))));
    for (what, value) in rows {
        print_line(format_args!("{what:<16}{value}")).map_err(CommandError::Output)?;
    }
    Ok(())
}

fn download_line(batch: &RunningBatch) -> String {
    let RunningBatch { documents, done, all, bytes, bytes_per_second } = batch;
    let names: Vec<String> =
        documents.iter().map(|document| escaped(&document.to_string()).to_string()).collect();
    let more = match all - done - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = names.join(", ");
    let amount = size(*bytes);
    let at = bytes_per_second.map_or_else(String::new, |bytes| format!(", {}", rate(bytes)));
    format!("{names}{more}: {done} of {all} complete, {amount} received{at}")
}

fn upload_line(upload: &RunningUpload) -> String {
    let RunningUpload { document, reader, sent, total, bytes_per_second } = upload;
    let document = escaped(&document.to_string()).to_string();
    let (sent, total, rate) = (size(*sent), size(*total), rate(*bytes_per_second));
    format!("{document} to {reader}: {sent} of {total}, {rate}")
}

fn download_json(batch: &RunningBatch) -> Value {
    json!({
        "documents": batch.documents.iter().map(document_json).collect::<Vec<Value>>(),
        "done": batch.done,
        "all": batch.all,
        "bytes": batch.bytes,
        "bytes_per_second": batch.bytes_per_second,
    })
}

fn upload_json(upload: &RunningUpload) -> Value {
    let fields = [
        ("reader", json!(upload.reader.to_string())),
        ("sent", json!(upload.sent)),
        ("total", json!(upload.total)),
        ("bytes_per_second", json!(upload.bytes_per_second)),
    ];
    with_fields(document_json(&upload.document), fields)
}
