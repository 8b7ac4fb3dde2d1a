//! The index under load.

mod busy;
mod crowd;
mod fair;
pub(crate) mod fill;
mod growth;
mod locks;
pub(crate) mod requests;
mod restart;
mod search;

use crate::run::Suite;

pub(crate) const SUITES: &[Suite] = &[
    Suite { name: "lookup", what: "LOOKUP as fast as it goes", run: requests::lookups },
    Suite { name: "add", what: "ADD as fast as it goes", run: requests::adds },
    Suite { name: "growth", what: "LOOKUP in an index that grows", run: growth::lookups },
    Suite { name: "memory", what: "what a record takes of the memory", run: growth::memory },
    Suite { name: "adding", what: "LOOKUP beside a peer that adds", run: busy::adding },
    Suite { name: "listing", what: "LIST of many records", run: busy::listing },
    Suite { name: "leaving", what: "a large peer leaves", run: busy::leaving },
    Suite { name: "search", what: "SEARCH, and what it takes of memory", run: search::queries },
    Suite { name: "fair", what: "LOOKUP while others ask for much", run: fair::queries },
    Suite { name: "idle", what: "thousands of idle peers", run: crowd::idle },
    Suite { name: "processors", what: "one processor, and all", run: crowd::processors },
    Suite {
        name: "restart",
        what: "the server restarts, and peers register again",
        run: restart::restart,
    },
    Suite { name: "locks", what: "many threads at the lock", run: locks::locks },
];
