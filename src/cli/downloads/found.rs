//! From which sources the holders of a document were learned, in the journal: `why` prints it.

use crate::counted::counted;
use crate::peer::{HolderInfo, Journal, JournalEvent, Provenance};
use crate::protocol::Document;

/// Records where the holders of a document were learned from, if the distributed hash table is one of the sources:
/// otherwise it is the index.
pub(in crate::cli) fn record_found(journal: &Journal, document: &Document, holders: &[HolderInfo]) {
    let is_of_table = |holder: &&HolderInfo| matches!(holder.learned_from, Provenance::Dht(_));
    let of_table = holders.iter().filter(is_of_table).count();
    if of_table == 0 {
        return;
    }
    let holders_of = |count, source: &str| format!("{} from {source}", counted(count, "holder"));
    let mut indexes: Vec<(String, usize)> = Vec::new();
    for holder in holders {
        let Provenance::Index(address) = holder.learned_from else { continue };
        let source = format!("the index {address}");
        match indexes.iter_mut().find(|(known, _)| *known == source) {
            Some((_, count)) => *count += 1,
            None => indexes.push((source, 1)),
        }
    }
    let mut parts: Vec<String> =
        indexes.iter().map(|(source, count)| holders_of(*count, source)).collect();
    parts.push(holders_of(of_table, "the distributed hash table"));
    journal.add(document, JournalEvent::Found(parts.join(", ")));
}
