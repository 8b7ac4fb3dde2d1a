//! The output of commands.
//!
//! | file | subject |
//! |---|---|
//! | `print`, `format` | standard output and notes; raw, table or JSON |
//! | `reply` | a reply of an index: unchanged, as a table, as JSON |
//! | `objects`, `times` | members of JSON objects; times |
//! | `incomplete` | replies that may lack records |
//! | `outcome` | the result of one document, as a line or as JSON |
//! | `notices` | messages in a shell |

pub(super) mod format;
pub(super) mod incomplete;
pub(super) mod notices;
pub(super) mod objects;
pub(super) mod outcome;
pub(super) mod print;
pub(super) mod reply;
pub(super) mod times;
