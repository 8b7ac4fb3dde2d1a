//! How much memory the index takes, in bytes (protocol.md section 7).
//!
//! Tables are counted by their capacity, because what was freed in one table cannot be used by
//! another. What a table's elements have on the heap is counted when it is allocated and freed. Each
//! figure is found without looking at the elements.

use std::collections::HashMap;

use crate::protocol::{Document, Endpoint, Title};

/// What the allocator adds to an allocation, and rounds it up to.
const ALLOCATION: usize = 16;

/// Bytes on the heap for this many bytes.
pub(super) fn allocated(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { (bytes + ALLOCATION).next_multiple_of(ALLOCATION) }
}

/// Bytes of a hash table. It keeps an eighth of its places free, and has a byte of its own for each.
pub(super) fn hash_table<K, V>(table: &HashMap<K, V>) -> usize {
    hash_places::<K, V>(table.capacity())
}

/// Bytes that a hash table needs in addition for one more element: it doubles, and has both tables
/// while it moves the elements.
pub(super) fn hash_growth<K, V>(table: &HashMap<K, V>) -> usize {
    match table.len() < table.capacity() {
        true => 0,
        false => hash_places::<K, V>(table.capacity().saturating_mul(2)),
    }
}

fn hash_places<K, V>(capacity: usize) -> usize {
    capacity.saturating_mul(size_of::<(K, V)>() + 1) / 7 * 8
}

/// Bytes of an element in a B-tree, whose nodes are two thirds full.
pub(super) const fn tree_element<K, V>() -> usize {
    (size_of::<(K, V)>() + 8) * 3 / 2
}

/// Gives memory of a hash table back after most of its elements were removed.
pub(super) fn shrink<K: Eq + std::hash::Hash, V>(table: &mut HashMap<K, V>) {
    const SMALL: usize = 1024;
    if table.capacity() > SMALL && table.len() * 8 < table.capacity() {
        table.shrink_to(table.len() * 2);
    }
}

/// Bytes on the heap of a document's name, which is stored twice.
pub(super) fn name(document: &Document) -> usize {
    match document {
        Document::Rfc(_) => 0,
        Document::File(name) => 2 * allocated(name.as_str().len()),
    }
}

/// Bytes on the heap of a title.
pub(super) fn title(title: &Title) -> usize {
    const COUNTS: usize = 2 * size_of::<usize>();
    allocated(COUNTS + title.as_str().len())
}

/// Bytes that the search structure takes for a title that shares few words with others.
fn searched(title: &Title) -> usize {
    /// Its number, its place in the queue, and the rank of its document.
    const FIXED: usize = 80;
    // Half of the words are shared with others; each of the rest has an entry of 40 bytes.
    FIXED + title.as_str().len() * 4
}

/// Bytes on the heap of an endpoint: its host and the end of its record lines.
pub(super) fn endpoint(endpoint: &Endpoint) -> usize {
    let host = endpoint.host.as_str().len();
    // Longer than a host that needs no heap, in which case this counts a little too much.
    2 * allocated(host) + 2 * ALLOCATION
}

/// What a record is charged to the connection and the network that add it: what it takes when it
/// shares nothing with other records. So the charge does not depend on what others add and remove,
/// and a connection that leaves gets back exactly what it was charged.
pub fn charge(document: &Document, title: &Title, endpoint: &Endpoint) -> usize {
    /// An entry with its line and description, a place in the tables, and the line of a holder.
    const FIXED: usize = 320;
    FIXED + name(document) + self::title(title) + searched(title) + self::endpoint(endpoint)
}
