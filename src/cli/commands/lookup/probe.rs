//! `lookup --probe`: each holder of a document, and whether it replies (protocol.md sections 4.3 and 5.1).

use std::thread;
use std::time::SystemTime;

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::{Failure, failure_of_holder};
use crate::cli::meant::{NameLookup, no_holder};
use crate::cli::output::format::Format;
use crate::cli::output::incomplete::{check_complete, note_missing_holders, print_incomplete};
use crate::cli::output::print::{print_json, print_prose};
use crate::cli::output::reply::{document_json, with_fields};
use crate::cli::output::table::{Fit, Table};
use crate::cli::output::times::{local, rfc_3339};
use crate::cli::values::quantity::{rate, size};
use crate::counted::counted;
use crate::error_chain::error_chain;
use crate::escape::escaped;
use crate::peer::{Downloader, HolderInfo, Holders, Probe, Source, TransferError, lookup, probe};
use crate::protocol::{Date, Digest, Document};

/// The maximum number of holders that are asked concurrently.
const CONCURRENT: usize = 16;

/// Asks all holders, and prints a row for each. Fails if none answers.
pub(super) fn probe_all(context: &Context, document: &Document) -> Result<(), CommandError> {
    let document = &NameLookup::of(context).listed_form(document);
    let title = context.known_title(document);
    let Holders { found: holders, completeness } =
        lookup(&context.index, document, title.as_ref())?;
    note_missing_holders(document, &completeness);
    if holders.is_empty() {
        return Err(no_holder(context, document));
    }
    let mut rows = Table::new([
        ("holder", Fit::Whole),
        ("answers", Fit::Shortened),
        ("round trip", Fit::Number),
        ("rate", Fit::Number),
        ("size", Fit::Number),
        ("sha-256", Fit::Whole),
        ("since", Fit::Whole),
    ]);
    let (mut failures, mut answers) = (Vec::new(), 0_usize);
    for some in holders.chunks(CONCURRENT) {
        let probes = ask(&context.downloader, document, some);
        context.check_interrupt()?;
        for (holder, probe) in some.iter().zip(probes) {
            match &probe {
                Ok(_) => answers = answers.saturating_add(1),
                Err(error) => failures.push(failure_of_holder(error)),
            }
            let row = Row::new(&context.downloader, holder, &probe);
            match context.format {
                Format::Raw | Format::Table => {
                    rows.add_row(row.cells());
                }
                Format::Json => print_json(&row.json(document)).map_err(CommandError::Output)?,
            }
        }
    }
    if let Format::Raw | Format::Table = context.format {
        let text = rows.text();
        let text = match context.format {
            Format::Table => {
                format!("{text}\n{answers} of {} answered", counted(holders.len(), "holder"))
            }
            Format::Raw | Format::Json => text,
        };
        print_prose(text).map_err(CommandError::Output)?;
    }
    print_incomplete(context.format, &completeness)?;
    let asked = failures.len();
    match Failure::worst(failures).filter(|_| answers == 0) {
        None => check_complete(&completeness, true),
        Some(failure) => Err(CommandError::NoAnswer { document: document.clone(), asked, failure }),
    }
}

fn ask(
    downloader: &Downloader,
    document: &Document,
    holders: &[HolderInfo],
) -> Vec<Result<Probe, TransferError>> {
    thread::scope(|scope| {
        let ask = |holder: &HolderInfo| {
            let source = Source::from(holder.clone());
            let work = move || probe(downloader, document, &source);
            thread::Builder::new().name("probe".into()).spawn_scoped(scope, work)
        };
        let asked: Vec<_> = holders.iter().map(ask).collect();
        let answer = |asked: std::io::Result<thread::ScopedJoinHandle<'_, _>>| match asked {
            Ok(thread) => thread.join().unwrap_or_else(|_| {
                Err(TransferError::Lost(std::io::Error::other("a panic ended the request")))
            }),
            Err(error) => Err(TransferError::Unreachable(error)),
        };
        asked.into_iter().map(answer).collect()
    })
}

/// The beginning of a digest, which tells the versions of a document apart in a table.
fn short(digest: Digest) -> String {
    digest.to_string().trim_start_matches("sha-256=").chars().take(12).collect()
}

/// The result of one probe.
struct Row {
    holder: String,
    /// Why the holder did not reply, if it did not.
    reason: Option<String>,
    milliseconds: Option<f64>,
    bytes_per_second: Option<u64>,
    length: Option<u64>,
    digest: Option<Digest>,
    since: Option<SystemTime>,
}

impl Row {
    fn new(
        downloader: &Downloader,
        holder: &HolderInfo,
        probe: &Result<Probe, TransferError>,
    ) -> Self {
        let endpoint = &holder.record.holder;
        let speed = downloader.stats().speed(endpoint);
        let reason = probe.as_ref().err().map(|error| error_chain(error));
        let answer = probe.as_ref().ok();
        let digest = answer.and_then(|probe| probe.digest).or(holder.content.digest);
        Self {
            holder: endpoint.to_string(),
            reason,
            milliseconds: speed
                .round_trip
                .filter(|_| answer.is_some())
                .map(|time| time.as_secs_f64() * 1e3),
            bytes_per_second: speed.bytes_per_second,
            length: answer.and_then(|probe| probe.length).or(holder.content.length),
            digest,
            since: holder.added.map(Date::time),
        }
    }

    fn cells(self) -> [String; 7] {
        let unknown = || "?".to_string();
        [
            escaped(&self.holder).to_string(),
            self.reason.map_or("yes".into(), |reason| format!("no: {}", escaped(&reason))),
            self.milliseconds.map_or_else(unknown, |time| format!("{time:.1} ms")),
            self.bytes_per_second.map_or_else(unknown, rate),
            self.length.map_or_else(unknown, size),
            self.digest.map_or_else(unknown, short),
            self.since.map_or_else(unknown, local),
        ]
    }

    fn json(self, document: &Document) -> serde_json::Value {
        let fields = [
            ("holder", json!(self.holder)),
            ("answers", json!(self.reason.is_none())),
            ("reason", json!(self.reason)),
            ("round_trip_ms", json!(self.milliseconds)),
            ("bytes_per_second", json!(self.bytes_per_second)),
            ("bytes", json!(self.length)),
            ("digest", json!(self.digest.map(|digest| digest.to_string()))),
            ("since", json!(self.since.map(rfc_3339))),
        ];
        with_fields(document_json(document), fields)
    }
}
