//! The output of commands.
//!
//! | file | subject |
//! |---|---|
//! | `print`, `format` | standard output and notes; raw, table or JSON |
//! | `terminal`, `pager` | the terminal: its size and colours; the pager |
//! | `table`, `record_table` | tables that fit the terminal; records and their totals |
//! | `reply` | a reply of an index: unchanged, as a table, as JSON |
//! | `objects`, `times` | members of JSON objects; times |
//! | `incomplete` | replies that may lack records |
//! | `outcome` | the result of one document, as a line or as JSON |
//! | `wrapping` | text in lines that fit, broken between words |
//! | `notices`, `deferred` | messages in a shell; lines that wait while a pager has the screen |

pub(super) mod deferred;
pub(super) mod format;
pub(super) mod incomplete;
pub(super) mod notices;
pub(super) mod objects;
pub(super) mod outcome;
pub(super) mod pager;
pub(super) mod print;
pub(super) mod record_table;
pub(super) mod reply;
pub(super) mod table;
pub(super) mod terminal;
pub(super) mod times;
pub(super) mod wrapping;
