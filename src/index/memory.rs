//! How much memory the index takes, in bytes (protocol.md section 7).
//!
//! Tables are counted by their capacity, because memory that was freed in one table cannot be used
//! by another table. Memory on the heap of the elements is counted when it is allocated and freed.
//! So no size is computed by visiting all elements.

use std::collections::HashMap;

use crate::limits;
use crate::protocol::{Document, Endpoint, Record, Title};

/// Bytes that the allocator takes for this many bytes: it adds a length, rounds up to 16 bytes, and
/// takes at least 32.
pub(super) fn allocated(bytes: usize) -> usize {
    const LENGTH: usize = size_of::<usize>();
    if bytes == 0 { 0 } else { (bytes + LENGTH).next_multiple_of(16).max(32) }
}

/// Bytes on the heap of a list, by its capacity.
pub(super) fn list<T>(list: &Vec<T>) -> usize {
    allocated(list.capacity() * size_of::<T>())
}

/// Releases memory of a list after most of its elements were removed.
pub(super) fn shrink_list<T>(list: &mut Vec<T>) {
    if list.len() * 4 <= list.capacity() {
        list.shrink_to(list.len() * 2);
    }
}

/// Bytes of a hash table. It keeps an eighth of its places free, and has a byte of its own for
/// each.
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

/// Releases memory of a hash table after most of its elements were removed.
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

/// Bytes of the search structure for a title with few words that other titles have.
fn searched((words, characters): (usize, usize)) -> usize {
    /// Its number, its place in the queue, and the rank of its document.
    const FIXED: usize = 80;
    /// Entries of a word.
    const WORD: usize = 64;
    /// The number of the title, in the set of a beginning of a word.
    const CHARACTER: usize = 5;
    FIXED + words * WORD + characters * CHARACTER
}

/// The most bytes that a title can add to the search structure. A word adds a branch, a leaf, and a
/// set of two titles, and half of each table is unused.
pub(super) fn searched_most(title: &Title) -> usize {
    searched_at_most(most_words(title))
}

fn searched_at_most((words, characters): (usize, usize)) -> usize {
    const WORD: usize = 288;
    const CHARACTER: usize = 12;
    /// The place of a file in the order of names.
    const FILE: usize = 32;
    FILE + words * WORD + characters * CHARACTER
}

/// Upper bounds of the words of a title that count, and of their characters.
fn most_words(title: &Title) -> (usize, usize) {
    /// The most words and characters for a byte of a character that is not ASCII, once it is
    /// decomposed.
    const OTHER: usize = 6;
    let bytes = title.as_str().as_bytes();
    let letters = count(bytes, u8::is_ascii_alphanumeric);
    let ascii = count(bytes, u8::is_ascii);
    let others = (bytes.len() - ascii) * OTHER;
    let words = (1 + ascii - letters + others).min(limits::TITLE_WORDS);
    (words, (letters + others).min(words * limits::WORD))
}

/// The number of bytes of a kind. Each ADD computes it, so it is summed in bytes first, which the
/// compiler turns into vector instructions.
fn count(bytes: &[u8], is_counted: impl Fn(&u8) -> bool) -> usize {
    const PART: usize = u8::MAX as usize;
    let counted = |part: &[u8]| part.iter().map(|byte| u8::from(is_counted(byte))).sum::<u8>();
    bytes.chunks(PART).map(|part| usize::from(counted(part))).sum()
}

/// Bytes on the heap of an endpoint: its host, and the end of its record lines.
pub(super) fn endpoint(endpoint: &Endpoint) -> usize {
    /// Bytes of a host, and of the end of a line, that need no heap.
    const INLINE: usize = 23;
    const END: usize = 32;
    /// A space, a port, and the end of the line.
    const PORT: usize = 8;
    /// The counters before a host on the heap.
    const COUNTS: usize = 2 * size_of::<usize>();
    let length = endpoint.host.as_str().len();
    let host = if length <= INLINE { 0 } else { allocated(COUNTS + length) };
    host + allocated((length + PORT).saturating_sub(END))
}

/// The memory of a record. It is computed before the index is locked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Charge {
    /// Bytes that the connection and its network are charged for the record: the memory that it
    /// takes if it shares nothing with other records. So the charge does not depend on other
    /// connections, and removing a record releases exactly its charge.
    pub bytes: usize,
    /// The most bytes that its title can add to the search structure.
    searched_most: usize,
}

impl Charge {
    /// The charge of a record.
    pub fn of(Record { document, title, holder }: &Record) -> Self {
        Self::new(document, title, holder)
    }

    pub(super) fn new(document: &Document, title: &Title, endpoint: &Endpoint) -> Self {
        /// An entry with its line and description, a place in the tables, and the line of a holder.
        const FIXED: usize = 320;
        let words = most_words(title);
        let record = FIXED + name(document) + self::title(title) + self::endpoint(endpoint);
        Self { bytes: record + searched(words), searched_most: searched_at_most(words) }
    }

    /// Bytes that must be free before the record is added.
    pub(super) fn with_search(self) -> usize {
        self.bytes + self.searched_most
    }
}
