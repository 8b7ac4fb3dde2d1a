//! Conformance tests for other programs: index servers, upload servers and clients (protocol.md sections 3
//! to 8).
//!
//! A case is data: what is sent, what is accepted, and what to change if something else is received. The
//! roles of [`crate::protocol::role`] read the replies, so a case fails only for what it tests: the
//! forms of replies that a peer accepts have cases of their own.
//!
//! | file | subject |
//! |---|---|
//! | `client` | tests of clients: the program under test is led through its operations |
//! | `case` | a case, its steps and what it accepts |
//! | `symptom` | how a program differs from what a case accepts, and the general hints |
//! | `cases` | all cases |
//! | `values` | the placeholders in the text of cases |
//! | `link` | a connection whose waits all have an end |
//! | `reply`, `index_reply`, `document_reply` | a reply as received; reading one from an index server, from an upload server |
//! | `judge`, `index_judge`, `document_judge`, `judgement` | whether a reply is accepted, and why not |
//! | `expected` | what a case accepts, as text |
//! | `difference` | what a case has not accepted, and which hint fits it |
//! | `run` | runs the steps of a case |
//! | `program` | a program that is started: its process group, input and output |
//! | `grade` | weights and the grade |

mod case;
mod cases;
mod client;
mod difference;
mod document_judge;
mod document_reply;
mod expected;
mod grade;
mod index_judge;
mod index_reply;
mod judge;
mod judgement;
mod link;
mod program;
mod reply;
mod run;
mod symptom;
mod values;

pub(crate) use case::{Case, Level};
pub(crate) use cases::{client_program, index_server, upload_server};
pub(crate) use client::{
    COMMAND_PLACEHOLDERS, Document, Driven, Menu, Operator, Person, Session, unknown_placeholder,
};
pub(crate) use grade::{Weights, grade};
pub(crate) use judgement::Failed;
#[cfg(target_os = "linux")]
pub(crate) use program::is_awaited;
pub(crate) use program::{Launch, Program, kill_all};
pub(crate) use run::{Outcome, Target, run};
pub(crate) use symptom::Symptom;
