//! What the status page of a peer shows and does: with the same functions as the commands of the shell.
//!
//! | file | subject |
//! |---|---|
//! | `program` | the peer as a program with a page |
//! | `operations` | all operations |
//! | `library` | the documents that are shared, in pages |
//! | `find` | the documents of others |
//! | `json` | documents and downloads as objects |

mod find;
mod json;
mod library;
mod operations;
mod program;

pub(super) use program::PeerPage;
