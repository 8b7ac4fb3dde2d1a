//! The members that JSON objects of several commands have in common.

use serde_json::{Value, json};

use crate::protocol::{Document, Refusal, Status};

/// An object with the status of a refusal.
pub(in crate::cli) fn with_status(object: Value, refusal: Refusal) -> Value {
    let status = Status::from(refusal);
    with_fields(object, [("status", json!(status.code())), ("phrase", json!(status.phrase()))])
}

/// A JSON object with more fields.
pub(in crate::cli) fn with_fields<const N: usize>(
    mut object: Value,
    fields: [(&str, Value); N],
) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.extend(fields.map(|(name, value)| (name.to_string(), value)));
    }
    object
}

/// A document as the beginning of a JSON object: `rfc` is a number, `file` a decoded name.
pub(in crate::cli) fn document_json(document: &Document) -> Value {
    match document {
        Document::Rfc(number) => json!({"v": 1, "rfc": number.value()}),
        Document::File(name) => json!({"v": 1, "file": name.as_str()}),
    }
}
