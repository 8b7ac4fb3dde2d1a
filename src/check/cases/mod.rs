//! The cases, in the order in which they run.
//!
//! | file | subject |
//! |---|---|
//! | `lists` | the cases for each kind of program |
//! | `index_basics` | an index server: requests, replies, several peers |
//! | `index_reading` | an index server: forms of requests that it should read |
//! | `index_faults` | an index server: requests that it must refuse |
//! | `index_extensions` | an index server: extensions |
//! | `client_requests` | a client: the form of its requests |
//! | `client_replies` | a client: replies of an index server |
//! | `client_documents` | a client: downloads, and leaving |
//! | `upload_basics` | an upload server |
//! | `upload_extensions` | an upload server: extensions |

mod client_documents;
mod client_replies;
mod client_requests;
mod index_basics;
mod index_extensions;
mod index_faults;
mod index_reading;
mod lists;
mod upload_basics;
mod upload_extensions;

pub(crate) use lists::{client_program, index_server, upload_server};
