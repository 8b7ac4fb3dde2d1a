//! The cases for each kind of program.

use super::{
    client_documents, client_replies, client_requests, index_basics, index_extensions,
    index_faults, index_reading, upload_basics, upload_extensions,
};
use crate::check::Case;

/// The cases for an index server.
pub(crate) fn index_server() -> Vec<&'static Case> {
    let others = [index_reading::CASES, index_faults::CASES, index_extensions::CASES];
    index_basics::CASES.iter().chain(others.into_iter().flatten()).collect()
}

/// The cases for an upload server.
pub(crate) fn upload_server() -> Vec<&'static Case> {
    upload_basics::CASES.iter().chain(upload_extensions::CASES).collect()
}

/// The cases for a client.
pub(crate) fn client_program() -> Vec<&'static Case> {
    let others = [client_replies::CASES, client_documents::CASES];
    client_requests::CASES.iter().chain(others.into_iter().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn cases_have_distinct_ids_sections_of_the_protocol_and_own_hints() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/protocol.md"));
        let text = text.unwrap();
        let mut ids = BTreeSet::new();
        for case in index_server().into_iter().chain(upload_server()).chain(client_program()) {
            assert!(ids.insert(case.id), "{}", case.id);
            let section = format!("\n## {}. ", case.section);
            let subsection = format!("\n### {} ", case.section);
            assert!(text.contains(&section) || text.contains(&subsection), "{}", case.id);
            assert!(case.weight > 0 && !case.rule.is_empty() && !case.hints.is_empty());
            assert!(case.rule.chars().count() <= 45, "{}: {}", case.id, case.rule);
        }
        assert!(index_server().len() >= 60 && upload_server().len() >= 25);
    }
}
