//! Times in messages and in JSON.

use std::time::SystemTime;

use chrono::{DateTime, Local, SecondsFormat};

/// A time as in RFC 3339, with the offset from UTC.
pub(in crate::cli) fn rfc_3339(time: SystemTime) -> String {
    DateTime::<Local>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A local time for people.
pub(in crate::cli) fn local(time: SystemTime) -> String {
    DateTime::<Local>::from(time).format("%Y-%m-%d %H:%M:%S").to_string()
}
