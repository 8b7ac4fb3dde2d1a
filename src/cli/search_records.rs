//! The records whose titles match words, from one index server or several: for `search` and the status page
//! (protocol.md section 4.10).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;

use super::errors::command_error::CommandError;
use crate::peer::{
    AskIndex, Completeness, IndexError, Query, Take, each_record, of_each, request_records,
};
use crate::protocol::{Document, Limit, ListSearch, Record, Refusal, ReplyPart, Words};
use crate::system::listed_bytes;

/// Searches all of these servers, and merges the records: at most `most`, documents with many records first, as
/// in the replies. The list of a server that does not know SEARCH is searched here. `check` fails if the
/// searching was cancelled.
pub(super) fn search_each(
    members: &[&dyn AskIndex],
    words: &Words,
    limit: Option<Limit>,
    most: usize,
    check: impl Fn() -> Result<(), CommandError>,
) -> Result<(Vec<Record>, Completeness), CommandError> {
    let ask =
        |member: &dyn AskIndex, _: Take<'_, Infallible>| search_at(member, words, limit, most);
    let found = of_each(members, &ask, |_, reply| reply.read(&mut |never| match never {}));
    check()?;
    let (replies, listed) = found?;
    let (records, completeness): (Vec<_>, Vec<_>) = replies.into_iter().unzip();
    let mut records = ranked(records);
    records.truncate(most);
    Ok((records, completeness.into_iter().fold(listed, Completeness::and)))
}

/// The first matching records of one index.
fn search_at(
    index: &dyn AskIndex,
    words: &Words,
    limit: Option<Limit>,
    most: usize,
) -> Result<(Vec<Record>, Completeness), IndexError> {
    let mut found = Vec::new();
    let query = Query::Search { words, limit };
    let asked = request_records(index, query, &mut |part| {
        if let ReplyPart::Record(record) = part {
            found.push(record);
        }
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    match asked {
        Err(
            IndexError::Refused { refusal: Refusal::BadRequest, .. }
            | IndexError::Lost { .. }
            | IndexError::Silent { .. },
        ) if !index.dialect().shows_extensions() => {
            let mut search = ListSearch::new(words);
            let listed = each_record(index, &mut |record| {
                search.take(record);
                match search.kept_bytes() < listed_bytes() {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            })?;
            Ok((search.finish().into_iter().take(most).collect(), listed))
        }
        asked => asked.map(|listed| (found, listed)),
    }
}

/// The records of several servers without repetitions, documents with many records first.
fn ranked(of_servers: Vec<Vec<Record>>) -> Vec<Record> {
    let mut documents: Vec<Vec<Record>> = Vec::new();
    let mut places: HashMap<Document, usize> = HashMap::new();
    for record in of_servers.into_iter().flatten() {
        let place = *places.entry(record.document.clone()).or_insert(documents.len());
        match documents.get_mut(place) {
            None => documents.push(vec![record]),
            Some(known) if known.iter().all(|one| one.holder != record.holder) => {
                known.push(record)
            }
            Some(_) => {}
        }
    }
    documents.sort_by_key(|records| Reverse(records.len()));
    documents.into_iter().flatten().collect()
}
