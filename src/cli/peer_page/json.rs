//! Documents and downloads as objects of the page, and documents in requests.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::admin::Refused;
use crate::cli::downloads::one::{DownloadResult, DownloadState, EndedDownload, RunningDownload};
use crate::cli::values::named::named;
use crate::http::{HttpStatus, Request};
use crate::peer::RunningUpload;
use crate::protocol::{Document, Endpoint, FileName};

/// A document with the name that people read and type, and `rfc` or `file`, by which requests name it.
pub(super) fn named_document(document: &Document) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("name".into(), named(document).into());
    match document {
        Document::Rfc(number) => object.insert("rfc".into(), number.value().into()),
        Document::File(name) => object.insert("file".into(), name.as_str().into()),
    };
    object
}

/// The document that a request names, in its query or in its form.
pub(super) fn requested_document(
    field: impl Fn(&str) -> Option<String>,
) -> Result<Document, Refused> {
    let document = match (field("rfc"), field("file")) {
        (Some(number), None) => {
            number.parse().map(Document::Rfc).map_err(|error| error.to_string())
        }
        (None, Some(name)) => {
            FileName::from_decoded(&name).map(Document::File).map_err(|error| error.to_string())
        }
        (None, None) | (Some(_), Some(_)) => Err("expected `rfc` or `file`".into()),
    };
    document.map_err(|reason| (HttpStatus::BadRequest, reason))
}

/// The same of the query of a request.
pub(super) fn document_of_query(request: &Request) -> Result<Document, Refused> {
    requested_document(|name| request.parameter(name))
}

/// The same of the body of a request.
pub(super) fn document_of_form(request: &Request) -> Result<Document, Refused> {
    requested_document(|name| request.field(name))
}

/// A download that runs. The holders are counted, and named only if addresses may be shown.
pub(super) fn running(download: &RunningDownload, addresses: bool) -> Value {
    let RunningDownload { document, state, bytes, length, bytes_per_second, time_left, holders } =
        download;
    let (state, next, reason) = match state {
        DownloadState::Waiting => ("waiting", None, None),
        DownloadState::Receiving => ("receiving", None, None),
        DownloadState::Retrying(due, reason) => ("retrying", Some(*due), Some(reason)),
        DownloadState::Cancelled => ("cancelled", None, None),
    };
    let mut object = named_document(document);
    for (name, value) in [
        ("state", json!(state)),
        ("bytes", json!(bytes)),
        ("length", json!(length)),
        ("bytes_per_second", json!(bytes_per_second)),
        ("seconds_left", json!(time_left.map(|time| time.as_secs()))),
        ("holders", json!(holders.len())),
        ("next_try", json!(next.map(milliseconds))),
        // It may name a holder.
        ("reason", json!(reason.filter(|_| addresses))),
    ] {
        object.insert(name.into(), value);
    }
    if addresses {
        object.insert("from".into(), endpoints(holders));
    }
    object.into()
}

/// A download that waits for others.
pub(super) fn waiting(document: &Document) -> Value {
    let mut object = named_document(document);
    object.insert("state".into(), "waiting".into());
    object.into()
}

/// A download that has ended.
pub(super) fn ended(download: &EndedDownload, addresses: bool) -> Value {
    let EndedDownload { document, time, result } = download;
    let (result, bytes, reason) = match result {
        DownloadResult::Complete(bytes) => ("complete", Some(*bytes), None),
        DownloadResult::Present => ("present", None, None),
        DownloadResult::Failed(reason) => ("failed", None, Some(reason)),
        DownloadResult::Cancelled => ("cancelled", None, None),
    };
    let mut object = named_document(document);
    for (name, value) in [
        ("time", json!(milliseconds(*time))),
        ("result", json!(result)),
        ("bytes", json!(bytes)),
        ("reason", json!(reason.filter(|_| addresses))),
    ] {
        object.insert(name.into(), value);
    }
    object.into()
}

/// An upload that runs.
pub(super) fn upload(upload: &RunningUpload, addresses: bool) -> Value {
    let RunningUpload { document, reader, sent, total, bytes_per_second } = upload;
    let mut object = named_document(document);
    for (name, value) in [
        ("sent", json!(sent)),
        ("length", json!(total)),
        ("bytes_per_second", json!(bytes_per_second)),
    ] {
        object.insert(name.into(), value);
    }
    if addresses {
        object.insert("reader".into(), reader.to_string().into());
    }
    object.into()
}

pub(super) fn endpoints(holders: &[Endpoint]) -> Value {
    holders.iter().map(|holder| Value::from(holder.to_string())).collect()
}

/// Milliseconds since 1970, as the page counts them.
pub(super) fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
