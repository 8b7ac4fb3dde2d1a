//! The shell.
//!
//! | file | subject |
//! |---|---|
//! | `line_loop` | the session, line by line |
//! | `editor`, `completion` | lines on a terminal, with completion |
//! | `listed` | the documents of the last list |

pub(super) mod completion;
pub(super) mod editor;
pub(super) mod line_loop;
pub(super) mod listed;
