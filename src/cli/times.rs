//! Times: for people, and for programs.

use std::time::SystemTime;

use chrono::{DateTime, Local, SecondsFormat};

/// A time for programs, with its offset from UTC.
pub(super) fn rfc_3339(time: SystemTime) -> String {
    DateTime::<Local>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A time as people here read it.
pub(super) fn local(time: SystemTime) -> String {
    DateTime::<Local>::from(time).format("%Y-%m-%d %H:%M:%S").to_string()
}
