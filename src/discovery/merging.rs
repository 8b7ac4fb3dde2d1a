//! The replies of several index servers as one (protocol.md section 4.12).

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io;

use super::index_error::IndexError;
use super::listed::Completeness;
use super::query::{AskIndex, Query};
use crate::error_chain::error_chain;
use crate::protocol::{END_OF_RECORDS, Record, ReplyPart};

/// Asks all members. A member that fails is left out, unless all fail.
pub(super) fn of_each<T>(
    members: &[&dyn AskIndex],
    mut ask: impl FnMut(&dyn AskIndex) -> Result<T, IndexError>,
) -> Result<Vec<T>, IndexError> {
    let (mut outcomes, mut failures) = (Vec::new(), Vec::new());
    for member in members {
        match ask(*member) {
            Ok(outcome) => outcomes.push(outcome),
            Err(error @ (IndexError::Cancelled { .. } | IndexError::Taker(_))) => {
                return Err(error);
            }
            Err(error) => failures.push(error),
        }
    }
    if outcomes.is_empty() && !failures.is_empty() {
        return Err(IndexError::of_all(failures));
    }
    failures.iter().for_each(warn_of);
    Ok(outcomes)
}

/// Servers that cannot be reached or do not reply are reported where that is noticed. The commands that list say
/// themselves that a source cannot be listed.
fn warn_of(error: &IndexError) {
    if !error.is_absence() && !matches!(error, IndexError::NotListed) {
        log::warn!("{}; continuing without it", error_chain(error));
    }
}

/// The records that were taken, by their documents and holders. Hashes suffice, and take sixteen bytes each.
#[derive(Default)]
pub(super) struct Taken {
    hashers: (RandomState, RandomState),
    seen: HashSet<(u64, u64)>,
}

impl Taken {
    /// Whether a record is the first one of its document and holder.
    pub(super) fn is_new(&mut self, record: &Record) -> bool {
        let key = (&record.document, &record.holder);
        self.seen.insert((self.hashers.0.hash_one(key), self.hashers.1.hash_one(key)))
    }
}

/// Sends a query to all members, and passes one reply to `take`: found if one member has found something,
/// else the refusal of the first one that refuses.
pub(super) fn ask_all(
    members: &[&dyn AskIndex],
    query: Query<'_>,
    take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
) -> Result<Completeness, IndexError> {
    let (mut taken, mut is_found, mut refusal) = (Taken::default(), false, Vec::new());
    let (mut end, mut has_records) = (None, false);
    let replies = of_each(members, |member| {
        let (mut is_refused, mut is_known) = (false, false);
        let is_first_refusal = refusal.is_empty();
        let asked = member.ask(query, &mut |part, mut bytes| {
            is_refused |= matches!(part, ReplyPart::Refused(_));
            match &part {
                _ if is_refused => {
                    if is_first_refusal {
                        refusal.push((part, bytes.to_vec()));
                    }
                    return Ok(());
                }
                ReplyPart::Found => {
                    if std::mem::replace(&mut is_found, true) {
                        return Ok(());
                    }
                }
                ReplyPart::Record(record) => {
                    is_known = !taken.is_new(record);
                    if is_known {
                        return Ok(());
                    }
                    // The first record of a reply comes with the empty line before it.
                    if std::mem::replace(&mut has_records, true) {
                        bytes = bytes.trim_ascii_start();
                    }
                }
                ReplyPart::Attribute(_) if is_known => return Ok(()),
                ReplyPart::End => {
                    end = Some(if has_records { END_OF_RECORDS } else { bytes }.to_vec());
                    return Ok(());
                }
                ReplyPart::Attribute(_)
                | ReplyPart::Refused(_)
                | ReplyPart::Reason(_)
                | ReplyPart::Cluster(_)
                | ReplyPart::ClusterServer(_) => {}
            }
            take(part, bytes)
        });
        match asked {
            // A refusal is complete with its status line.
            Err(_) if is_refused => Ok(Completeness::Complete),
            asked => asked,
        }
    })?;
    let parts = match (is_found, end) {
        (false, _) => refusal,
        (true, end) => end.map(|bytes| (ReplyPart::End, bytes)).into_iter().collect(),
    };
    for (part, bytes) in parts {
        take(part, &bytes).map_err(IndexError::Taker)?;
    }
    Ok(replies.into_iter().fold(Completeness::Complete, Completeness::and))
}
