//! Tests of a client: this program is the index server and the upload server, and the program under test
//! is led through its operations (protocol.md sections 3 to 6).
//!
//! | file | subject |
//! |---|---|
//! | `exchange` | the operations, replies and rules, as data |
//! | `session` | leads through all steps |
//! | `requests` | waits for the request of a step, and answers it and all others |
//! | `pending` | a case whose reply was sent |
//! | `asked` | an operation and its values |
//! | `operator` | a person, or a menu that is typed |
//! | `driven`, `menu` | a program that is started; what is typed into it |
//! | `restarting` | programs under test that fail: who starts them again |
//! | `listening`, `connection` | accepting connections; reading requests and sending replies in their time |
//! | `index` | the records and usual replies of the index server |
//! | `answer` | the bytes of replies and documents |
//! | `received`, `request_judge` | a request as it was received; whether it follows a rule |
//! | `uploading`, `uploads` | the part of a session for the upload server of the program; connecting to it |
//! | `files` | documents that the program has saved |
//! | `verdicts` | what was found about each case |

mod answer;
mod asked;
mod connection;
mod driven;
mod exchange;
mod files;
mod index;
mod listening;
mod menu;
mod operator;
mod pending;
mod received;
mod request_judge;
mod requests;
mod restarting;
mod session;
mod uploading;
mod uploads;
mod verdicts;

pub(crate) use driven::{COMMAND_PLACEHOLDERS, Document, Driven};
pub(crate) use exchange::{Body, ClientTest, Delivery, Exchange, Operation, Reply, RequestRule};
pub(crate) use menu::{Menu, unknown_placeholder};
pub(crate) use operator::{Operator, Person};
pub(crate) use session::Session;
