//! Logs on standard error.
//!
//! | file | subject |
//! |---|---|
//! | `logging` | the form of the lines, and their levels |
//! | `throttle` | a limit on lines of one kind |
//! | `uptime` | how long a program has run |

pub(super) mod logging;
pub(super) mod throttle;
pub(super) mod uptime;
