//! `p2p-ci check --class DIR`: tests a directory of untrusted programs.
//!
//! For each submission this program starts itself as a supervisor, which isolates itself and starts itself
//! again inside: that process starts the program under test, runs the cases, and reports on standard output.
//! All of them end when their standard input ends, and so with the process that has started them.
//!
//! | file | subject |
//! |---|---|
//! | `options` | the arguments for users |
//! | `kind` | what a submission is |
//! | `job` | the arguments of the processes that this program starts |
//! | `submissions` | the submissions of a directory, and how each is started |
//! | `command` | the command: tests all submissions, and prints the results |
//! | `grading`, `supervision` | tests all submissions, several in parallel; runs their supervisors |
//! | `supervisor` | isolates itself and copies the submission |
//! | `session` | tests a submission, next to its program |
//! | `served`, `ports` | runs the cases of a server; the ports of its program |
//! | `operated` | runs the cases of a client or a peer |
//! | `places`, `launching`, `execution` | the directories of a submission; how its program is started; starting it |
//! | `program`, `watch` | its program, and how it has ended; what its processes use |
//! | `report` | what a session reports |
//! | `unsupported` | the command on other systems than Linux |
//! | `results` | the results as a table, JSON, CSV and JUnit XML |

#[cfg(target_os = "linux")]
mod command;
#[cfg(target_os = "linux")]
mod execution;
#[cfg(target_os = "linux")]
mod grading;
#[cfg(target_os = "linux")]
mod job;
mod kind;
#[cfg(target_os = "linux")]
mod launching;
#[cfg(target_os = "linux")]
mod operated;
mod options;
#[cfg(target_os = "linux")]
mod places;
#[cfg(target_os = "linux")]
mod ports;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod results;
#[cfg(target_os = "linux")]
mod served;
#[cfg(target_os = "linux")]
mod session;
#[cfg(target_os = "linux")]
mod submissions;
#[cfg(target_os = "linux")]
mod supervision;
#[cfg(target_os = "linux")]
mod supervisor;
#[cfg(not(target_os = "linux"))]
mod unsupported;
#[cfg(target_os = "linux")]
mod watch;

#[cfg(target_os = "linux")]
pub(super) use command::grade_class;
#[cfg(target_os = "linux")]
pub(super) use execution::{Execution, execute};
#[cfg(target_os = "linux")]
pub(super) use job::Job;
pub(super) use kind::Kind;
pub(super) use options::{ClassOptions, HEADING, StartOptions, Tested};
#[cfg(target_os = "linux")]
pub(super) use session::run_session;
#[cfg(target_os = "linux")]
pub(super) use supervisor::supervise;
#[cfg(not(target_os = "linux"))]
pub(super) use unsupported::grade_class;
