//! The entry point of the index, which many threads use at the same time.
//!
//! | file | subject |
//! |---|---|
//! | `index` | operations: `add`, `remove`, `remove_owner`, `page` and others |
//! | `addition` | a record of a batch that is added |
//! | `cursor` | a query, and how far its reader is |
//! | `lock` | the lock, and how threads share it |
//! | `owned` | the records of one owner, in steps |
//! | `updates`, `wakeup` | updates of the search structure; waking the thread that makes them |

mod addition;
mod cursor;
mod index;
mod lock;
mod owned;
mod updates;
mod wakeup;

pub use addition::Addition;
pub use cursor::{Cursor, Form, Page};
pub use index::Index;
