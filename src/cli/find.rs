//! `search`, `browse` and `peers`: what the index knows, from other angles than its own list.

use std::collections::BTreeMap;

use serde_json::json;

use super::act::Context;
use super::command::{Format, Search};
use super::exit::CommandError;
use super::output::{say, table};
use super::reply::ReplyPrinter;
use crate::escape::escaped;
use crate::peer::AskIndex;
use crate::protocol::{Endpoint, IndexRequest, Listing, Record, Refusal, ReplyPart};

/// Prints the records whose titles hold all words. An index that does not know SEARCH is asked for
/// its list instead, which is searched here.
pub(super) fn search(context: &Context, command: &Search) -> Result<(), CommandError> {
    let words = command.words().map_err(|error| CommandError::Usage(error.to_string()))?;
    let limit = command.limit;
    let mut printer = ReplyPrinter::new(context.format);
    let mut is_known = true;
    let request = |from| IndexRequest::Search { words: words.clone(), limit, from };
    context.index.ask(&request, &mut |part, bytes| {
        if part == ReplyPart::Refused(Refusal::BadRequest) {
            is_known = false;
        }
        if is_known { printer.take(&part, bytes) } else { Ok(()) }
    })?;
    if is_known {
        return Ok(());
    }
    let most = limit.and_then(|limit| usize::try_from(limit.value()).ok());
    let mut found = each_record(context)?;
    found.retain(|record| words.are_in(&record.title));
    found.truncate(most.unwrap_or(usize::MAX));
    print_records(context, &found)
}

/// Prints what one peer shares.
pub(super) fn browse(context: &Context, peer: &Endpoint) -> Result<(), CommandError> {
    let mut records = each_record(context)?;
    records.retain(|record| record.holder == *peer);
    if records.is_empty() {
        return Err(CommandError::NotFound(format!("the index knows nothing of {peer}")));
    }
    print_records(context, &records)
}

/// Prints who shares something, and how much.
pub(super) fn peers(context: &Context) -> Result<(), CommandError> {
    let mut peers: BTreeMap<Endpoint, usize> = BTreeMap::new();
    for record in each_record(context)? {
        *peers.entry(record.holder).or_default() += 1;
    }
    let mut rows = table(["peer", "documents"]);
    for (peer, count) in peers {
        let line = match context.format {
            Format::Raw => format!("{} {count}", escaped(&peer.to_string())),
            Format::Json => {
                let Endpoint { host, port } = &peer;
                let port = port.value();
                json!({"v": 1, "host": host.as_str(), "port": port, "documents": count}).to_string()
            }
            Format::Table => {
                rows.add_row([escaped(&peer.to_string()).to_string(), count.to_string()]);
                continue;
            }
        };
        say(line).map_err(CommandError::Output)?;
    }
    if let Format::Table = context.format {
        say(rows.trim_fmt()).map_err(CommandError::Output)?;
    }
    Ok(())
}

/// All records, RFCs first. An index without other files refuses to list them.
pub(super) fn each_record(context: &Context) -> Result<Vec<Record>, CommandError> {
    let mut records = Vec::new();
    for listing in [Listing::Rfcs, Listing::Files] {
        context.index.ask(&|from| IndexRequest::List { listing, from }, &mut |part, _| {
            if let ReplyPart::Record(record) = part {
                records.push(record);
            }
            Ok(())
        })?;
    }
    Ok(records)
}

fn print_records(context: &Context, records: &[Record]) -> Result<(), CommandError> {
    let mut printer = ReplyPrinter::new(context.format);
    for record in records {
        let line = format!("{record}\n");
        let part = ReplyPart::Record(record.clone());
        printer.take(&part, line.as_bytes()).map_err(CommandError::Output)?;
    }
    printer.take(&ReplyPart::End, b"").map_err(CommandError::Output)
}
