//! The search for titles on the page of an index server.

use serde_json::{Value, json};

use super::access::Sight;
use crate::admin::{ObservedServer, Refused};
use crate::http::{HttpStatus, Request};
use crate::limits;
use crate::protocol::Words;

/// The best records for the words in the parameter `q`. Records of one document and title are one row.
pub(super) fn search(
    server: &ObservedServer,
    request: &Request,
    sight: Sight,
) -> Result<Value, Refused> {
    let text = request.parameter("q").unwrap_or_default();
    let words: Words = text
        .trim()
        .parse()
        .map_err(|error| (HttpStatus::BadRequest, format!("expected words of a title: {error}")))?;
    let records = server.0.search(words, limits::PAGE_ROWS);
    let is_cut = records.len() >= limits::PAGE_ROWS;
    let rows =
        records.chunk_by(|one, other| one.document == other.document && one.title == other.title);
    let rows = rows.filter_map(|records| {
        let first = records.first()?;
        let holders = records.iter().map(|record| record.holder.to_string());
        let holders = sight.addresses.then(|| holders.collect::<Vec<String>>());
        Some(json!({
            "document": first.document.to_string(),
            "title": first.title.to_string(),
            "count": records.len(),
            "holders": holders,
        }))
    });
    let rows: Vec<Value> = rows.collect();
    Ok(json!({"v": 1, "documents": rows, "records": records.len(), "has_more": is_cut}))
}
