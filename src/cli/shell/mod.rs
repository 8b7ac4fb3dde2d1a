//! The shell.
//!
//! | file | subject |
//! |---|---|
//! | `line_loop` | the session, line by line |
//! | `execute` | one line: its command is read and run |
//! | `source` | a terminal or a script, whose lines are bounded |
//! | `menu` | numbered operations that ask for their values |
//! | `editor`, `completion` | lines on a terminal, with completion |
//! | `word`, `inserted`, `remote` | the word that is completed; what is inserted; names that the index lists |
//! | `listed` | the documents of the last list |

pub(super) mod completion;
pub(super) mod editor;
mod execute;
mod inserted;
pub(super) mod line_loop;
pub(super) mod listed;
mod menu;
mod remote;
mod source;
mod word;
