//! What people type and see: arguments, logging, the shell, tables and exit codes.
//!
//! The two programs in `src/bin` are tables of contents of this module. Everything that prints is
//! here, and everything that is printed of others' words is escaped.
//!
//! | file | subject |
//! |---|---|
//! | `server`, `limits_table` | the program `server` |
//! | `args`, `peer`, `session` | the program `peer`: its arguments, the ways in which it runs, what runs while it shares |
//! | `command`, `usage`, `option_values` | what can be typed, in the shell and after `peer`; its help; values of options |
//! | `context`, `act`, `find` | what commands act on, and doing it |
//! | `get`, `sync`, `many`, `choose`, `progress` | the commands that download |
//! | `outcome` | what came of one document, as a line or as JSON |
//! | `go_on` | what an earlier run did not fetch to its end |
//! | `status` | the session and its transfers |
//! | `verify`, `why`, `probe` | what was fetched, what was tried, who answers |
//! | `reply` | an index's reply as it came, as a table, as JSON |
//! | `shell`, `editor`, `completion` | a session: line by line, on a terminal with completion |
//! | `index_access` | how a command reaches the index |
//! | `downloads` | the downloads that run |
//! | `notices`, `interrupt` | what happens meanwhile |
//! | `signals` | what SIGINT, SIGTERM and SIGHUP mean to a program |
//! | `exit`, `logging`, `throttle`, `uptime`, `quantity`, `rate`, `size`, `output`, `user_folder` | codes, diagnostics, standard output, the user's files |

mod act;
mod args;
mod change;
mod choose;
mod command;
mod completion;
mod context;
mod digest_list;
mod downloads;
mod editor;
mod exit;
mod find;
mod get;
mod go_on;
mod index_access;
mod interrupt;
mod limits_table;
mod logging;
mod many;
mod meant;
mod named;
mod notices;
mod option_values;
mod other_kind;
mod outcome;
mod output;
pub mod peer;
mod probe;
mod progress;
mod quantity;
mod rate;
mod remaining;
mod reply;
pub mod server;
mod session;
mod shell;
mod signals;
mod size;
mod status;
mod sync;
mod throttle;
mod uptime;
mod usage;
mod user_folder;
mod verified;
mod verify;
mod why;
