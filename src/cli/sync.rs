//! `sync`: all that the index knows and is not here.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::act::Context;
use super::command::{Format, Sync};
use super::exit::{CommandError, report};
use super::find::each_record;
use super::output::say;
use super::reply::document_json;
use crate::error_chain::error_chain;
use crate::library::{PartFiles, SharedLibrary};
use crate::peer::{FetchError, Happening, JournalEvent, Order, Source, Wanted, fetch_all};
use crate::protocol::{Document, Record};

/// Downloads what is missing. What cannot be fetched is reported and does not keep the rest.
pub(super) fn sync(context: &Context, command: &Sync) -> Result<(), CommandError> {
    let begun = Instant::now();
    let library = context.library()?;
    let mut records = each_record(context)?;
    let own = context.index.own();
    records.retain(|record| {
        Some(&record.holder) != own.as_ref()
            && command.from.as_ref().is_none_or(|from| record.holder == *from)
            && command.words.as_ref().is_none_or(|words| words.are_in(&record.title))
    });
    let vouched_for = context.vouched_for(command.digests.as_deref())?;
    let mut orders = missing(&library, records)?;
    for order in &mut orders {
        order.wanted.digest = vouched_for.get(&order.wanted.document).copied();
    }
    if command.dry_run {
        for order in &orders {
            say_order(context.format, order)?;
        }
        return Ok(());
    }
    let all = orders.len();
    let folder = library.read().folder().to_path_buf();
    for order in &orders {
        context.journal.add(&order.wanted.document, JournalEvent::Wanted);
    }
    let mut progress = Progress::new(all);
    let mut failures: Vec<CommandError> = Vec::new();
    let mut output = Ok(());
    let outcome =
        fetch_all(&context.fetcher, &PartFiles::in_folder(&folder), orders, &mut |happening| {
            match happening {
                Happening::Bytes(count) => progress.bytes(count),
                Happening::Fetched(order, fetched) => {
                    progress.document();
                    let document = &order.wanted.document;
                    let (digest, length) = (fetched.digest, fetched.length);
                    let event = JournalEvent::Fetched(digest, length, fetched.holders[0].clone());
                    context.journal.add(document, event);
                    let added =
                        library.write().add_saved(document, order.title.clone(), fetched.digest);
                    if let Err(error) = added {
                        log::warn!("{document} is not shared: {error}");
                    } else if let Some(membership) = context.index.membership()
                        && let Err(error) = membership.update(document)
                    {
                        log::debug!("{document} is not registered yet: {}", error_chain(&error));
                    }
                    if let (Format::Json, Ok(())) = (context.format, &output) {
                        output = say_fetched(document, fetched.length);
                    }
                }
                Happening::GivenUp(order, error) => {
                    progress.document();
                    progress.aside(|| {
                        report("peer", error);
                        remember_failures(context, &order.wanted.document, error);
                    });
                    failures.push(CommandError::GivenUp(failure_code(error)));
                }
            }
        });
    progress.end();
    // What was learned of files whose bytes were just seen need not be computed again.
    if let Err(error) = library.read().digests().save() {
        log::warn!("the digests are not stored: {error}");
    }
    output.map_err(CommandError::Output)?;
    let summary = progress.summary(all, failures.len(), begun.elapsed());
    outcome.map_err(|source| {
        log::warn!("{summary}; the rest is fetched by the next `sync`");
        CommandError::File { what: "cannot go on".into(), source }
    })?;
    if let Format::Raw | Format::Table = context.format {
        say(&summary).map_err(CommandError::Output)?;
    }
    match failures.into_iter().next() {
        None => Ok(()),
        Some(first) => Err(first),
    }
}

/// Says and writes down why a document was given up.
fn remember_failures(context: &Context, document: &Document, error: &FetchError) {
    if let FetchError::All { failures, .. } = error {
        for (holder, error) in failures {
            let reason = error_chain(error);
            log::warn!("{document}: {holder}: {reason}");
            context.journal.add(document, JournalEvent::Failed(holder.clone(), reason));
        }
    }
    context.journal.add(document, JournalEvent::GivenUp);
}

fn failure_code(error: &FetchError) -> super::exit::Failure {
    match error {
        FetchError::All { failures, .. } => super::exit::failure_of_all(failures),
        FetchError::Nobody(_) => super::exit::Failure::NotFound,
        FetchError::File { .. } => super::exit::Failure::File,
    }
}

/// What the library lacks of these records, with all who have it.
fn missing(library: &SharedLibrary, records: Vec<Record>) -> Result<Vec<Order>, CommandError> {
    let mut by_document: BTreeMap<Document, Vec<Record>> = BTreeMap::new();
    for record in records {
        by_document.entry(record.document.clone()).or_default().push(record);
    }
    let library = library.read();
    let mut orders = Vec::new();
    for (document, records) in by_document {
        if library.entry(&document).is_some() {
            continue;
        }
        let Some(target) = library.path_for(&document) else {
            log::warn!("{document} cannot be kept in the folder");
            continue;
        };
        if target.exists() {
            continue;
        }
        library.make_folder_for(&document).map_err(|source| CommandError::File {
            what: format!("cannot save {document}"),
            source,
        })?;
        let title = records.first().map(|record| record.title.clone());
        let title = title.filter(|title| !title.as_str().is_empty());
        let mut sources: Vec<Source> = Vec::new();
        for record in records {
            if sources.iter().all(|source| source.holder != record.holder) {
                sources.push(record.holder.into());
            }
        }
        orders.push(Order { wanted: Wanted { document, sources, digest: None }, title, target });
    }
    Ok(orders)
}

fn say_order(format: Format, order: &Order) -> Result<(), CommandError> {
    let document = &order.wanted.document;
    match format {
        Format::Raw | Format::Table => say(document),
        Format::Json => {
            let mut object = document_json(document);
            object["holders"] = json!(order.wanted.sources.len());
            say(object)
        }
    }
    .map_err(CommandError::Output)
}

fn say_fetched(document: &Document, length: u64) -> io::Result<()> {
    let mut object = document_json(document);
    object["bytes"] = json!(length);
    say(object)
}

/// How far it is: a bar on a terminal, a plain line now and then elsewhere.
struct Progress {
    bar: ProgressBar,
    plain: Option<Instant>,
    begun: Instant,
    all: usize,
    documents: usize,
    bytes: u64,
}

impl Progress {
    const EVERY: Duration = Duration::from_secs(10);

    fn new(all: usize) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let target = if is_terminal && all > 0 {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(all as u64), target);
        let style = "{bar:30} {pos} of {len} documents, {msg}, {eta} left";
        match ProgressStyle::with_template(style) {
            Ok(style) => bar.set_style(style),
            Err(error) => log::debug!("the bar has no style: {error}"),
        }
        let plain = (!is_terminal).then(Instant::now);
        Self { bar, plain, begun: Instant::now(), all, documents: 0, bytes: 0 }
    }

    fn bytes(&mut self, count: u64) {
        self.bytes += count;
        self.bar.set_message(self.amount());
        if let Some(last) = self.plain
            && last.elapsed() >= Self::EVERY
        {
            self.plain = Some(Instant::now());
            let amount = self.amount();
            // With standard error gone there is nobody left to tell.
            let _ =
                writeln!(io::stderr(), "{} of {} documents, {amount}", self.documents, self.all);
        }
    }

    fn document(&mut self) {
        self.documents += 1;
        self.bar.inc(1);
    }

    /// Says something without disturbing the bar.
    fn aside(&self, speak: impl FnOnce()) {
        self.bar.suspend(speak);
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Bytes, and bytes a second.
    #[allow(clippy::cast_precision_loss, reason = "shown with one digit")]
    fn amount(&self) -> String {
        let megabytes = self.bytes as f64 / 1e6;
        let rate = megabytes / self.begun.elapsed().as_secs_f64().max(0.001);
        format!("{megabytes:.1} MB, {rate:.1} MB/s")
    }

    fn summary(&self, all: usize, failed: usize, time: Duration) -> String {
        if all == 0 {
            return "nothing to do: all that the index knows is here".into();
        }
        let fetched = self.documents - failed;
        let amount = self.amount();
        let seconds = time.as_secs_f64();
        format!("{fetched} of {all} documents fetched, {amount}, {failed} failed, {seconds:.1} s")
    }
}
