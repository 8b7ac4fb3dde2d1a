//! The session of one connection: its requests, and the replies (protocol.md section 4).
//!
//! | file | subject |
//! |---|---|
//! | `connection` | reading requests until the connection ends |
//! | `output` | replies that wait to be written; refusals |
//! | `requests` | the reply to each request, and the log |
//! | `queries` | LOOKUP, LIST and SEARCH |
//! | `changes`, `pending` | ADD and REMOVE; records that wait to be added together |
//! | `live` | showing requests to operators who watch |

mod changes;
mod connection;
mod live;
mod output;
mod pending;
mod queries;
mod requests;

pub(super) use connection::run;

#[cfg(test)]
mod tests;
