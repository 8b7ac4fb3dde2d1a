//! Logs on standard error.
//!
//! | file | subject |
//! |---|---|
//! | `logging` | the start of logging, levels, the end |
//! | `form` | the forms of the lines |
//! | `throttle` | a limit on lines of one kind |
//! | `uptime` | how long a program has run |

pub(super) mod form;
pub(super) mod logging;
pub(super) mod throttle;
pub(super) mod uptime;
