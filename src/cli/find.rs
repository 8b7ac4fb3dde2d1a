//! `search`, `browse` and `peers`: records selected or counted in other ways than by the index's own
//! list (protocol.md sections 4.4 and 4.10).

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;

use serde_json::json;

use super::command::{Format, Search};
use super::context::Context;
use super::exit::{CommandError, Failure};
use super::incomplete::{check_complete, note_incomplete, say_incomplete};
use super::meant::{listed_form, no_holder};
use super::output::{say, table};
use super::reply::{ReplyPrinter, refused as refused_by};
use crate::error_chain::error_chain;
use crate::escape::{escaped, escaped_json};
use crate::limits;
use crate::peer::{
    AskIndex, Completeness, Extensions, Holders, IndexError, Query, each_record, lookup_in_list,
    may_ignore_lookup,
};
use crate::protocol::{Document, Endpoint, Limit, ListSearch, Record, Refusal, ReplyPart, Words};
use crate::system::listed_bytes;

/// Prints the records of a document. An index that has shown no extension and finds nothing may
/// compare titles: then its list is searched here.
pub(super) fn print_holders(context: &Context, typed: &Document) -> Result<(), CommandError> {
    let index = &context.index;
    let document = &listed_form(context, typed);
    let title = context.known_title(document);
    let query = Query::lookup(document, title.as_ref(), index.dialect());
    let was_probe = index.dialect().extensions() == Extensions::Unknown;
    let mut printer = ReplyPrinter::new(context.format, &context.listed);
    // A refusal is held back until the list was searched.
    let (mut refused, mut reason, mut found, mut held) = (None, None, false, Vec::new());
    let mut other = None;
    let asked = index.ask(query, &mut |part, bytes| {
        match part {
            ReplyPart::Refused(refusal) => refused = Some(refusal),
            ReplyPart::Reason(ref text) => reason = Some(text.clone()),
            ReplyPart::Record(record) if record.document != *document => {
                other.get_or_insert(record.document);
                return Ok(());
            }
            ReplyPart::Record(_) if refused.is_none() && !found => {
                found = true;
                held.drain(..)
                    .try_for_each(|(part, bytes): (_, Vec<u8>)| printer.take(&part, &bytes))?;
            }
            _ => {}
        }
        if !found {
            held.push((part, bytes.to_vec()));
            return Ok(());
        }
        printer.take(&part, bytes)
    });
    if let Err(IndexError::Silent { .. } | IndexError::Unfinished { .. }) = asked
        && was_probe
        && index.dialect().extensions() == Extensions::Refused
    {
        // It may never answer a header that it does not know.
        return print_holders(context, typed);
    }
    let may_compare_titles = matches!(document, Document::Rfc(_))
        && matches!(refused, None | Some(Refusal::NotFound | Refusal::BadRequest))
        && !index.dialect().shows_extensions();
    let was_ignored = asked.as_ref().is_err_and(|error| may_ignore_lookup(index, error));
    if !found && may_compare_titles && (was_ignored || asked.is_ok()) {
        let Holders { found, completeness } = match lookup_in_list(index, document) {
            // The index has said before that it knows none.
            Err(_) if was_ignored || refused != Some(Refusal::BadRequest) => {
                Holders { found: Vec::new(), completeness: Completeness::Complete }
            }
            listed => listed?,
        };
        if !found.is_empty() {
            let printed = found.iter().try_for_each(|one| printer.take_record(&one.record));
            printed.map_err(CommandError::Output)?;
            return printer.end(&completeness, None);
        }
        if refused == Some(Refusal::BadRequest) {
            return Err(CommandError::NoHolder { document: document.clone(), hint: String::new() });
        }
    }
    let completeness = printer.or_flush(asked)?;
    match other {
        Some(other) if found => log::warn!(
            "the index also sent records of other documents, such as {other}: they are not printed"
        ),
        Some(found) => {
            let (index, requested) = (index.server().clone(), document.clone());
            return Err(CommandError::OtherDocument { index, requested, found });
        }
        None => {}
    }
    let failed = refused.map(|refusal| match refusal {
        Refusal::NotFound => {
            let failure = Failure::NotFound;
            CommandError::Printed { failure, message: error_chain(&no_holder(context, document)) }
        }
        refusal => refused_by(index.server(), refusal, reason),
    });
    let is_refused = failed.is_some();
    let printed = held.iter().try_for_each(|(part, bytes)| printer.take(part, bytes));
    printed.map_err(CommandError::Output)?;
    printer.end(&completeness, failed)?;
    match is_refused || printer.has_records() {
        true => Ok(()),
        // Some servers do not know 404.
        false => Err(no_holder(context, document)),
    }
}

/// Prints the records whose titles match all words. If the index does not know SEARCH, its list is
/// requested and searched here.
pub(super) fn search(context: &Context, command: &Search) -> Result<(), CommandError> {
    let words = command.words().map_err(|error| CommandError::Usage(error.to_string()))?;
    let limit = command.limit;
    let mut printer = ReplyPrinter::new(context.format, &context.listed);
    let (mut refused, mut reason, mut has_begun) = (None, None, false);
    let query = Query::Search { words: &words, limit };
    let asked = context.index.ask(query, &mut |part, bytes| match part {
        ReplyPart::Refused(refusal) => {
            refused = Some(refusal);
            Ok(())
        }
        ReplyPart::Reason(text) => {
            reason = Some(text);
            Ok(())
        }
        _ if refused.is_some() => Ok(()),
        part => {
            has_begun = true;
            printer.take(&part, bytes)
        }
    });
    context.check_interrupt()?;
    let asked = match asked {
        // Servers that do not know SEARCH may also close the connection, or say nothing.
        Err(IndexError::Lost { .. } | IndexError::Silent { .. })
            if !has_begun && !context.index.dialect().shows_extensions() =>
        {
            return search_list(context, &words, limit);
        }
        asked => printer.or_flush(asked)?,
    };
    match refused {
        None | Some(Refusal::NotFound) => printer.end(&asked, None),
        Some(Refusal::BadRequest) => search_list(context, &words, limit),
        Some(refusal) => {
            let index = context.index.server().clone();
            Err(IndexError::Refused { index, refusal, reason }.into())
        }
    }
}

/// Searches the list of an index, of which at most [`limits::LISTED_RECORDS`] are read, and as many as
/// the search keeps in [`listed_bytes`].
fn search_list(context: &Context, words: &Words, limit: Option<Limit>) -> Result<(), CommandError> {
    let mut search = ListSearch::new(words);
    let mut read = 0;
    let (mut has_room, listed_bytes) = (true, listed_bytes());
    let listed = each_record(&context.index, &mut |record| {
        search.take(record);
        read += 1;
        has_room = read < limits::LISTED_RECORDS && search.kept_bytes() < listed_bytes;
        if has_room { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    context.check_interrupt()?;
    let truncated = format!("only the first {read} records are searched");
    let listed = if has_room { listed } else { Completeness::incomplete(truncated) };
    let most = limit.and_then(|limit| usize::try_from(limit.value()).ok());
    let mut printer = ReplyPrinter::new(context.format, &context.listed);
    for record in search.finish().iter().take(most.unwrap_or(usize::MAX)) {
        printer.take_record(record).map_err(CommandError::Output)?;
    }
    printer.end(&listed, None)
}

/// Prints what one peer shares.
pub(super) fn browse(context: &Context, peer: &Endpoint) -> Result<(), CommandError> {
    let mut similar = None;
    let mut is_its = |record: &Record| {
        if record.holder == *peer {
            return Keep::Yes;
        }
        if similar.is_none() && record.holder.port == peer.port {
            similar = Some(record.holder.clone());
        }
        Keep::No
    };
    let (printed, listed) = print_records(context, &mut is_its)?;
    match (printed, listed) {
        (0, Completeness::Incomplete(_)) => {
            let message = format!("{}, as far as is known", not_listed(peer, similar.as_ref()));
            Err(CommandError::Incomplete(message))
        }
        (0, _) => Err(not_listed(peer, similar.as_ref())),
        _ => Ok(()),
    }
}

/// A peer without records in the list of the index. `similar` has the same port.
pub(super) fn not_listed(peer: &Endpoint, similar: Option<&Endpoint>) -> CommandError {
    let peer = escaped(&peer.to_string()).to_string();
    let hint = similar.map_or_else(String::new, |similar| {
        format!("; a peer with that port is listed as {}", escaped(&similar.to_string()))
    });
    CommandError::NotFound(format!("the index lists no document of {peer}{hint}"))
}

/// Prints each peer and the number of documents that it shares.
pub(super) fn peers(context: &Context) -> Result<(), CommandError> {
    let mut peers: BTreeMap<Endpoint, usize> = BTreeMap::new();
    let mut has_room = true;
    let listed = each_record(&context.index, &mut |record| {
        if let Some(count) = peers.get_mut(&record.holder) {
            *count += 1;
        } else if peers.len() < limits::LISTED_PEERS {
            peers.insert(record.holder, 1);
        } else {
            has_room = false;
        }
        ControlFlow::Continue(())
    })?;
    context.check_interrupt()?;
    let truncated = format!("only the first {} peers are counted", limits::LISTED_PEERS);
    let listed = if has_room { listed } else { Completeness::incomplete(truncated).and(listed) };
    let has_peers = !peers.is_empty();
    let mut rows = table(["peer", "documents"]);
    for (peer, count) in peers {
        let line = match context.format {
            Format::Raw => format!("{} {count}", escaped(&peer.to_string())),
            Format::Json => {
                let Endpoint { host, port } = &peer;
                let port = port.value();
                let object =
                    json!({"v": 1, "host": host.as_str(), "port": port, "documents": count});
                escaped_json(&object.to_string())
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
    say_incomplete(context.format, &listed)?;
    note_incomplete(&listed);
    check_complete(&listed, has_peers)
}

/// Whether a record is printed.
enum Keep {
    No,
    Yes,
}

/// Prints those of all records that `keep` selects, while they arrive; returns their number, and
/// whether that was all.
fn print_records(
    context: &Context,
    keep: &mut dyn FnMut(&Record) -> Keep,
) -> Result<(usize, Completeness), CommandError> {
    let mut printer = ReplyPrinter::new(context.format, &context.listed);
    let (mut printed, mut output) = (0, Ok(()));
    let mut print = |record: &Record| -> io::Result<()> {
        printed += 1;
        printer.take_record(record)
    };
    let listed = each_record(&context.index, &mut |record| {
        let keep = keep(&record);
        if let Keep::Yes = keep {
            output = print(&record);
        }
        match &output {
            Err(_) => ControlFlow::Break(()),
            Ok(()) => ControlFlow::Continue(()),
        }
    })?;
    context.check_interrupt()?;
    output.map_err(CommandError::Output)?;
    printer.end_selected(&listed)?;
    Ok((printed, listed))
}
