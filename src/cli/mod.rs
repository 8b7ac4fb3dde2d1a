//! What people type and see: arguments, logging, the shell, tables and exit codes.
//!
//! The two programs in `src/bin` are tables of contents of this module. Everything that prints is
//! here, and everything that is printed of others' words is escaped. protocol.md does not know it.

mod exit;
mod limits_table;
mod logging;
mod output;
pub mod server;
