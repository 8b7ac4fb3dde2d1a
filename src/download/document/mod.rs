//! One document from its holders (protocol.md sections 5.1 to 5.6 and 7).
//!
//! | file | subject |
//! |---|---|
//! | `votes` | how many networks announce a version |
//! | `candidates` | the holders that may be asked, and which is next |
//! | `download` | one download: asks holders, receives the document |
//! | `responses` | awaits the responses of several holders in parallel |
//! | `forms` | which form of a GET is tried next |
//! | `slow` | holders that begin a document and do not complete it soon |
//! | `versions` | a large document, of which holders may have different versions |
//! | `retry` | when a download is retried |
//! | `probe` | whether a holder has a document |
//! | `fetch` | one download as the caller starts it |

mod candidates;
mod download;
mod fetch;
mod forms;
mod probe;
mod responses;
mod retry;
mod slow;
mod versions;
mod votes;

pub use probe::{Probe, probe};
pub(super) use retry::{Decision, Retry};
pub use votes::vote_can_decide;
pub(super) use votes::without_outvoted;
