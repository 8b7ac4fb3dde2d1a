//! The command lines of `server` and `peer`: arguments, logging, the shell, output and exit codes.
//!
//! The programs in `src/bin` only call this module. It alone writes to standard output, and escapes text
//! from other programs.
//!
//! | file | subject |
//! |---|---|
//! | `server`, `server_args`, `cluster_args`, `server_reload`, `limits_table` | the program `server` |
//! | `peer`, `modes`, `args`, `peer_reload` | the program `peer`: its start, the three ways in which it runs, its arguments |
//! | `installed`, `program` | the program `p2p-ci`; the names of the programs in help and messages |
//! | `command`, `parsers`, `usage`, `headings`, `topics`, `surplus`, `other_names`, `misplaced` | the arguments of the commands, in the shell and after `peer`; help; tips |
//! | `commands`, `dispatch`, `context` | the commands; the one place that calls them; the state that they use |
//! | `shell`, `session` | the shell; what runs while a directory is shared |
//! | `downloads`, `progress` | downloads into the shared directory; their progress |
//! | `search_records` | records whose titles match words |
//! | `values`, `meant`, `other_kind`, `unreachable` | values as users type them; the document or the server that a user may mean |
//! | `output`, `errors`, `logs` | results on standard output; errors and exit codes; logs |
//! | `check` | the command that tests other programs |
//! | `wireshark` | the command that installs the dissector for Wireshark |
//! | `wire` | the exchange on the screen, as it happens |
//! | `record`, `explain`, `replay` | the options that record connections; the commands that explain and replay recorded ones |
//! | `admin` | the address at which a program shows its metrics and its health |
//! | `config` | the configuration: options, environment and files; `p2p-ci config` |
//! | `not_built` | options of features that a build lacks |
//! | `dht` | the distributed hash table of a peer and of a server |
//! | `generate`, `completions` | manual pages and completions, for packages |
//! | `lab` | the command that starts an index server and several peers |
//! | `lan` | index servers on the local network |
//! | `located` | the index servers of the names that the user has typed |
//! | `peer_page` | what the status page of a peer shows and does |
//! | `service` | the programs as services of systemd |
//! | `user_directory` | the user's files |

mod admin;
mod args;
mod check;
mod cluster_args;
mod command;
mod commands;
mod completions;
mod config;
mod context;
mod dht;
mod dispatch;
mod downloads;
mod errors;
mod explain;
mod generate;
mod headings;
pub mod installed;
mod lab;
mod lan;
mod limits_table;
mod located;
mod logs;
mod meant;
mod misplaced;
mod modes;
mod not_built;
mod other_kind;
mod other_names;
mod output;
mod parsers;
pub mod peer;
mod peer_page;
mod peer_reload;
mod program;
mod progress;
mod record;
mod replay;
mod search_records;
pub mod server;
mod server_args;
mod server_reload;
mod service;
mod session;
mod shell;
mod surplus;
mod topics;
mod unreachable;
mod usage;
mod user_directory;
mod values;
mod wire;
mod wireshark;
