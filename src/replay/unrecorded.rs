//! Requests of which not all bytes were recorded. They are not sent, and their recorded replies are not
//! compared.

use std::collections::HashMap;
use std::time::Duration;

use super::recording::Happened;
use crate::transcript::{Side, What, begins_request, is_get};

/// A request that is not sent.
#[derive(Debug)]
pub(crate) struct NotSent {
    pub(crate) connection: String,
    pub(crate) time: Option<Duration>,
    /// The first line of what was recorded of it.
    pub(crate) line: Vec<u8>,
    /// Bytes that were not recorded.
    pub(crate) missing: u64,
}

/// Removes requests that were not recorded as a whole, up to the next request of their connection.
pub(super) fn remove(happened: &mut Vec<Happened>, name: impl Fn(usize) -> String) -> Vec<NotSent> {
    let mut not_sent = Vec::new();
    let mut keep = vec![true; happened.len()];
    // The place of the last event of a connection, and whether its events are being removed.
    let mut state: HashMap<usize, (usize, bool)> = HashMap::new();
    for (at, one) in happened.iter().enumerate() {
        let (before, is_removing) = state.entry(one.connection).or_insert((at, false));
        match &one.what {
            What::Missing(Side::Client, missing) => {
                let begins = happened.get(*before).and_then(|before| match &before.what {
                    What::Bytes(Side::Client, bytes) if !*is_removing => Some(bytes.as_slice()),
                    _ => None,
                });
                if let (Some(_), Some(kept)) = (begins, keep.get_mut(*before)) {
                    *kept = false;
                }
                let line = begins.unwrap_or_default();
                let line = line.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
                let (connection, time) = (name(one.connection), one.time);
                not_sent.push(NotSent { connection, time, line: line.into(), missing: *missing });
                *is_removing = true;
            }
            What::Bytes(Side::Client, bytes) if *is_removing => {
                *is_removing = !begins_request(bytes) && !is_get(bytes);
            }
            _ => {}
        }
        *before = at;
        let is_kept = !*is_removing
            || matches!(one.what, What::Connect { .. } | What::End(_) | What::Reset(_));
        if let (false, Some(kept)) = (is_kept, keep.get_mut(at)) {
            *kept = false;
        }
    }
    let mut keep = keep.into_iter();
    happened.retain(|_| keep.next().unwrap_or(true));
    not_sent
}
