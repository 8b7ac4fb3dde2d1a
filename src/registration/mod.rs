//! Staying connected to an index server, and keeping the documents of a peer registered there
//! (protocol.md sections 4.2, 4.6 and 8.5).
//!
//! | file | subject |
//! |---|---|
//! | `handle` | the public type: starting a registration, waiting for it, closing it |
//! | `registrations`, `registrant` | registrations with several index servers; one of them |
//! | `present`, `clusters` | the present server; clusters of servers, and moving to another one of them |
//! | `shared`, `state` | what the threads of a registration share; the state of its connection |
//! | `reconnecting`, `joining` | the thread that stays connected; what it does on one connection |
//! | `registering`, `probing`, `surplus` | registering all documents on a new connection |
//! | `one_request` | index servers that answer one request on a connection |
//! | `requests`, `turn` | requests of other threads on the connection of the registration |
//! | `updating`, `retrying`, `announcer` | reporting changes to the index |
//! | `typed` | ADD and REMOVE that a user has typed |
//! | `ledger`, `waiting` | what the index has answered; documents that are added later |
//! | `event`, `own_end` | what a registration reports to the program; how the peer appears to the index |

mod announcer;
mod clusters;
mod event;
mod handle;
mod joining;
mod ledger;
mod one_request;
mod own_end;
mod present;
mod probing;
mod reconnecting;
mod registering;
mod registrant;
mod registrations;
mod requests;
mod retrying;
mod shared;
mod state;
mod surplus;
mod turn;
mod typed;
mod updating;
mod waiting;

pub use announcer::{Announcements, Announcer};
pub use event::Event;
pub use handle::Registration;
pub use ledger::Announced;
pub use own_end::OwnEnd;
pub use registrant::Registrant;
pub use registrations::{Registrations, TypedRemoval};
