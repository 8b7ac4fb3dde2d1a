//! The replies of several index servers as one (protocol.md section 4.12).

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io;

use super::concurrent::{Take, of_each};
use super::index_error::IndexError;
use super::listed::Completeness;
use super::query::{AskIndex, Query};
use crate::protocol::{END_OF_RECORDS, Record, ReplyPart};

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
    let ask = |member: &dyn AskIndex, take: Take<'_, (ReplyPart, Vec<u8>)>| {
        member.ask(query, &mut |part, bytes| take((part, bytes.to_vec())))
    };
    let (replies, listed) = of_each(members, &ask, |_, reply| {
        let (mut is_refused, mut is_known) = (false, false);
        let is_first_refusal = refusal.is_empty();
        let asked = reply.read(&mut |(part, bytes)| {
            let mut bytes = bytes.as_slice();
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
    Ok(replies.into_iter().fold(listed, Completeness::and))
}
