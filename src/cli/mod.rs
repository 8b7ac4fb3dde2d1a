//! The command lines of `server` and `peer`: arguments, logging, the shell, output and exit codes.
//!
//! The programs in `src/bin` only call this module. Everything that is printed is printed
//! here, and text from other programs is escaped.
//!
//! | file | subject |
//! |---|---|
//! | `server`, `limits_table` | the program `server` |
//! | `installed`, `program` | the program `p2p-ci`; the names of the programs in help and messages |
//! | `args`, `peer`, `session`, `share_claim` | the program `peer`: its arguments, its modes, the threads of a session, and other sessions of a directory |
//! | `command`, `usage`, `option_values` | the commands, in the shell and after `peer`; help; values of options |
//! | `endpoints` | addresses as they are typed |
//! | `named`, `meant`, `missing` | documents as they are typed; others that may be meant; those without holders |
//! | `context`, `act`, `find` | the state that commands use, and their execution |
//! | `get`, `sync`, `many`, `choose` | the commands that download |
//! | `progress`, `recent_rate`, `remaining` | how far downloads are, their rates, and the time left |
//! | `digest_list`, `trusted`, `verified` | trusted digests of the user, compared with what is here; addresses that the index has verified |
//! | `outcome`, `change` | the result of one document, as a line or as JSON; whether it is new or changed |
//! | `go_on` | resuming the downloads of an earlier run |
//! | `downloads`, `status` | running downloads; the session and its transfers |
//! | `verify`, `on_disk`, `why`, `probe` | files and their digests; download histories; holders |
//! | `reply`, `objects`, `incomplete` | a reply of an index: unchanged, as a table, as JSON; members of JSON objects; replies that may lack records |
//! | `shell`, `editor`, `completion`, `listed` | the shell: line by line, and on a terminal with completion |
//! | `index_access`, `other_kind` | how a command reaches the index; a peer that was named as the index |
//! | `notices`, `interrupt`, `signals` | messages in a shell; Ctrl-C; SIGINT, SIGTERM and SIGHUP |
//! | `exit`, `logging`, `throttle`, `uptime`, `output`, `user_folder` | exit codes, logs, standard output, the user's files |
//! | `quantity`, `rate`, `size` | numbers with units |

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
mod endpoints;
mod exit;
mod find;
mod get;
mod go_on;
mod incomplete;
mod index_access;
pub mod installed;
mod interrupt;
mod limits_table;
mod listed;
mod logging;
mod many;
mod meant;
mod missing;
mod named;
mod notices;
mod objects;
mod on_disk;
mod option_values;
mod other_kind;
mod outcome;
mod output;
pub mod peer;
mod probe;
mod program;
mod progress;
mod quantity;
mod rate;
mod recent_rate;
mod remaining;
mod reply;
pub mod server;
mod session;
mod share_claim;
mod shell;
mod signals;
mod size;
mod status;
mod sync;
mod throttle;
mod trusted;
mod uptime;
mod usage;
mod user_folder;
mod verified;
mod verify;
mod why;
