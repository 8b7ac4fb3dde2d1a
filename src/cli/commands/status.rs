//! `status`: the index, the shared directory, and the transfers that run.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::admin::TableTotals;
use crate::cli::context::Context;
use crate::cli::downloads::running::RunningBatch;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::format::Format;
use crate::cli::output::incomplete::check_complete;
use crate::cli::output::outcome::shown;
use crate::cli::output::print::{print_json, print_prose};
use crate::cli::output::reply::{document_json, with_fields};
use crate::cli::session::share_claim::is_shared;
use crate::cli::values::quantity::{rate, size};
use crate::counted::counted;
use crate::escape::escaped;
use crate::peer::{
    AskIndex, IndexError, Query, Registration, Registrations, RunningUpload, request_records,
};
use crate::protocol::{ClusterId, Endpoint, Listing, ReplyPart};

/// The maximum number of documents that are named per batch.
const NAMED: usize = 8;

/// Prints the state of the session. Without a session, checks that the index answers.
pub(in crate::cli) fn status(context: &Context) -> Result<(), CommandError> {
    // A single command has no connection yet: this request shows whether the index answers.
    if context.index.registrations().is_none() {
        let listed =
            request_records(&context.index, Query::List(Listing::Rfcs), &mut |part| match part {
                ReplyPart::Record(_) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            });
        match listed {
            // No index server replies, and the distributed hash table does not need one.
            Err(IndexError::NotListed) => {}
            listed => check_complete(&listed?, false)?,
        }
    }
    // A single command registers nothing: other peers cannot use the port of its connection.
    let registrations = context.index.registrations();
    let own = registrations.and_then(|all| all.first().own()).map(|own| own.to_string());
    let not_known = if registrations.is_some() { "not connected" } else { "not registered" };
    let is_shared = registrations.is_none() && is_shared(&context.directory);
    let documents = context.library()?.read().len();
    let uploading = context.uploads.as_ref().map(|uploads| uploads.address().to_string());
    let downloads = context.downloads.running(NAMED);
    let uploads = context.uploads.as_ref().map(|uploads| uploads.running()).unwrap_or_default();
    let servers = servers(context)?;
    // The present server of a cluster may be another one than the user has named.
    let of_cluster = registrations.map(Registrations::first).filter(|_| servers.is_empty());
    let of_cluster = of_cluster.and_then(|one| Some((one.server(), one.cluster()?)));
    if let Format::Json = context.format {
        let mut object = json!({
            "v": 1,
            "index": context.server.to_string(),
            "own": own,
            "uploading_from": uploading,
            "directory": context.directory.to_string_lossy(),
            "folder": context.directory.to_string_lossy(),
            "documents": documents,
            "shared_by_other_process": is_shared,
            "downloads": downloads.iter().map(download_json).collect::<Vec<Value>>(),
            "uploads": uploads.iter().map(upload_json).collect::<Vec<Value>>(),
        });
        if let (Some((server, cluster)), Some(fields)) = (&of_cluster, object.as_object_mut()) {
            fields.insert("registered_with".into(), server.to_string().into());
            fields.insert("cluster".into(), cluster.to_string().into());
        }
        if let (Some(table), Some(fields)) = (context.table.totals(), object.as_object_mut()) {
            let (keys, stored) = table.keys.unwrap_or_default();
            let table = json!({"nodes": table.nodes, "keys": keys, "stored_keys": stored});
            fields.insert("table".into(), table);
        }
        if let (false, Some(fields)) = (servers.is_empty(), object.as_object_mut()) {
            let servers = servers.iter().map(ServerState::json).collect();
            fields.insert("indexes".into(), Value::Array(servers));
        }
        return print_json(&object).map_err(CommandError::Output);
    }
    let mut rows: Vec<_> = servers.iter().map(|server| ("index", server.line())).collect();
    if servers.is_empty() {
        rows.push(("index", context.server.to_string()));
        rows.extend(of_cluster.map(|(server, cluster)| {
            ("registered with", format!("{server}, a server of the cluster {cluster}"))
        }));
        rows.push(("known there as", own.unwrap_or_else(|| not_known.into())));
    }
    rows.extend(context.table.totals().map(|table| ("hash table", table_line(&table))));
    rows.extend([
        ("uploading from", uploading.unwrap_or_else(|| "not uploading".into())),
        ("directory", shown(&context.directory)),
        ("documents", documents.to_string()),
    ]);
    if is_shared {
        rows.push(("shared by", "another process, whose transfers are not shown here".into()));
    }
    rows.extend(downloads.iter().map(|batch| ("downloading", download_line(batch))));
    rows.extend(uploads.iter().map(|upload| ("uploading", upload_line(upload))));
    for (what, value) in rows {
        print_prose(format_args!("{what:<16}{value}")).map_err(CommandError::Output)?;
    }
    Ok(())
}

fn table_line(table: &TableTotals) -> String {
    let (keys, stored) = table.keys.unwrap_or_default();
    let nodes = counted(table.nodes, "other node");
    format!("{nodes} known, {stored} of {} stored", counted(keys, "announced key"))
}

/// One of several index servers.
struct ServerState {
    server: Endpoint,
    /// The server with which documents are registered instead, and its cluster.
    moved_to: Option<(Endpoint, ClusterId)>,
    /// The endpoint that this peer names to it.
    own: Option<Endpoint>,
    /// Whether everything is registered there, or it replies to a single command; and why not.
    state: Result<(), String>,
}

/// The states of the index servers, if there are several.
fn servers(context: &Context) -> Result<Vec<ServerState>, CommandError> {
    if let Some(registrations) = context.index.registrations() {
        let state = |one: &Arc<Registration>| {
            let (server, own, state) = (one.index().clone(), one.own(), one.check_registered());
            let moved_to = one.cluster().map(|cluster| (one.server(), cluster));
            ServerState { server, moved_to, own, state }
        };
        let are_several = registrations.are_several();
        return Ok(registrations.all().filter(|_| are_several).map(state).collect());
    }
    let reached = context.index.members()?;
    if reached.is_empty() {
        return Ok(Vec::new());
    }
    let state = |server: &Endpoint| {
        let is_reached = reached.iter().any(|member| member.server() == server);
        let state = if is_reached { Ok(()) } else { Err("it does not reply".into()) };
        ServerState { server: server.clone(), moved_to: None, own: None, state }
    };
    Ok(context.server.all().map(state).collect())
}

impl ServerState {
    fn line(&self) -> String {
        let Self { server, moved_to, own, state } = self;
        let server = match moved_to {
            Some((to, cluster)) if to != server => {
                format!("{server}, replaced by {to} of the cluster {cluster}")
            }
            Some((_, cluster)) => format!("{server} of the cluster {cluster}"),
            None => server.to_string(),
        };
        match (own, state) {
            (_, Err(reason)) => format!("{server}: {}", escaped(reason)),
            (Some(own), Ok(())) => format!("{server}, known there as {own}"),
            (None, Ok(())) => format!("{server}, not registered"),
        }
    }

    fn json(&self) -> Value {
        let Self { server, moved_to, own, state } = self;
        let mut object = json!({
            "index": server.to_string(),
            "own": own.as_ref().map(ToString::to_string),
            "error": state.as_ref().err(),
        });
        if let (Some((to, cluster)), Some(fields)) = (moved_to, object.as_object_mut()) {
            fields.insert("registered_with".into(), to.to_string().into());
            fields.insert("cluster".into(), cluster.to_string().into());
        }
        object
    }
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
