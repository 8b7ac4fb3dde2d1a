//! SHA-256 digests of documents (protocol.md section 5.5).
//!
//! | file | subject |
//! |---|---|
//! | `hasher` | SHA-256 of bytes that arrive in chunks |
//! | `cache` | digests of files, computed once and cached by the state of the file |
//! | `store` | the file that keeps the cache between runs |
//! | `background` | computes the digests of all documents of a library in the background |

mod background;
mod cache;
mod hasher;
mod store;

pub use background::BackgroundHasher;
pub use cache::DigestCache;
pub use hasher::Hasher;
