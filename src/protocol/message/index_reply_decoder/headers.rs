//! Headers of a refusal and between records.

use crate::protocol::message::index_reply::{CLUSTER, ReplyPart};

/// The part of a refusal that a header is; `None` if it is another header, or its value cannot be read.
pub(super) fn part_of_refusal(name: &str, value: &str) -> Option<ReplyPart> {
    if name.eq_ignore_ascii_case("Reason") {
        value.parse().ok().map(ReplyPart::Reason)
    } else if name.eq_ignore_ascii_case(CLUSTER.0) {
        value.parse().ok().map(ReplyPart::Cluster)
    } else if name.eq_ignore_ascii_case(CLUSTER.1) {
        value.parse().ok().map(ReplyPart::ClusterServer)
    } else {
        None
    }
}

/// Whether a line between records is a header: no record's first word ends with a colon, except
/// the `RFC:` and `7:` of some programs.
pub(super) fn is_header(line: &str) -> bool {
    let word = line.split(' ').next().unwrap_or(line);
    let Some(name) = word.strip_suffix(':') else { return false };
    let number = name.strip_prefix("RFC").unwrap_or(name).trim_start_matches(['-', '#']);
    name != "RFC" && !number.starts_with(|c: char| c.is_ascii_digit())
}
