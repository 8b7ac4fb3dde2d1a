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
//! | `command`, `usage`, `option_values` | the arguments of the commands, in the shell and after `peer`; help; values of options |
//! | `commands`, `dispatch`, `context` | the commands; the one place that calls them; the state that they use |
//! | `endpoints` | addresses as they are typed |
//! | `named`, `meant` | documents as they are typed; others that may be meant |
//! | `many`, `downloads`, `resume`, `share_directory` | downloads into the shared directory, in the foreground and in the background |
//! | `progress`, `recent_rate`, `remaining` | progress of downloads, their rates, and the time left |
//! | `digest_list`, `trusted`, `on_disk` | trusted digests of the user, compared with the files |
//! | `outcome`, `change` | the result of one document, as a line or as JSON; whether it is new or changed |
//! | `format`, `reply`, `objects`, `incomplete` | a reply of an index: unchanged, as a table, as JSON; members of JSON objects; replies that may lack records |
//! | `shell`, `editor`, `completion`, `listed` | the shell: line by line, and on a terminal with completion |
//! | `index_access`, `other_kind` | how a command reaches the index; a peer that was named as the index |
//! | `notices`, `interrupt`, `signals` | messages in a shell; Ctrl-C; SIGINT, SIGTERM and SIGHUP |
//! | `exit`, `logging`, `throttle`, `uptime`, `output`, `user_folder` | exit codes, logs, standard output, the user's files |
//! | `quantity`, `rate`, `size`, `times` | numbers with units, and times |

mod args;
mod change;
mod command;
mod commands;
mod completion;
mod context;
mod digest_list;
mod dispatch;
mod downloads;
mod editor;
mod endpoints;
mod exit;
mod format;
mod incomplete;
mod index_access;
pub mod installed;
mod interrupt;
mod limits_table;
mod listed;
mod logging;
mod many;
mod meant;
mod named;
mod notices;
mod objects;
mod on_disk;
mod option_values;
mod other_kind;
mod outcome;
mod output;
pub mod peer;
mod program;
mod progress;
mod quantity;
mod rate;
mod recent_rate;
mod remaining;
mod reply;
mod resume;
pub mod server;
mod session;
mod share_claim;
mod share_directory;
mod shell;
mod signals;
mod size;
mod throttle;
mod times;
mod trusted;
mod uptime;
mod usage;
mod user_folder;
