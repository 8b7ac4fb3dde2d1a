//! The meaning of request lines and headers (protocol.md sections 2.9, 4 and 5).

/// The meaning of a request line in the form of the grammar.
pub(super) fn of_request(line: &str) -> String {
    let mut words = line.split(' ');
    let (method, document) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let name = words.next().unwrap_or_default();
    let what = format!("{document} {name}");
    match (method, document) {
        ("ADD", _) => format!("adds a record to the index: the peer has {what}"),
        ("REMOVE", _) => format!("removes the peer's record of {what}"),
        ("LOOKUP", _) => format!("requests the records of {what}: its holders"),
        ("LIST", "FILES") => "requests the records of all documents that are not RFCs".into(),
        ("LIST", _) => "requests the records of all RFCs".into(),
        ("SEARCH", _) => "requests the records whose titles have these words".into(),
        ("GET", _) => format!("requests {what} from the upload server"),
        _ => "a request".into(),
    }
}

/// The section and the meaning of a header; `None` for unknown names.
pub(super) fn of_header(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name.to_ascii_lowercase().as_str() {
        "host" => ("2.6", "the host of the upload server"),
        "port" => ("2.6", "the port of the peer's upload server"),
        "title" => ("2.5", "the title of the document, or the words of a search"),
        "limit" => ("4.10", "the maximum number of records in the reply"),
        "os" => ("2.9", "the sender's operating system"),
        "date" => ("2.7", "when the reply was sent"),
        "last-modified" => ("2.7", "when the document was changed last"),
        "content-length" => ("5.2", "the number of bytes of the document"),
        "content-type" => ("5.2", "the media type of the document"),
        "want-digest" => ("5.5", "requests the SHA-256 of the document"),
        "digest" => ("5.5", "the SHA-256 of the document"),
        "length" => ("4.11", "the number of bytes of the document"),
        "want-attributes" => ("4.11", "requests the attributes of records"),
        "attributes" => ("4.11", "the index server knows attributes"),
        "want-cluster" => ("4.13", "requests the cluster of the index server"),
        "cluster" => ("4.13", "the cluster to which the index server belongs"),
        "cluster-server" => ("4.13", "a server of that cluster"),
        "range" => ("5.6", "requests a part of the document"),
        "content-range" => ("5.6", "which part of the document follows"),
        "connection" => ("5.7", "the connection stays open for the next request"),
        "reason" => ("6.3", "why the request was refused"),
        _ => return None,
    })
}

/// The meaning of a header line of a message.
pub(super) fn of_header_line(line: &[u8]) -> (&'static str, String) {
    let text = String::from_utf8_lossy(line);
    match text.split_once(':') {
        Some((name, _)) => match of_header(name.trim()) {
            Some((section, meaning)) => (section, meaning.into()),
            None => ("2.9", "an unknown header, which is ignored".into()),
        },
        None => ("", "no header".into()),
    }
}
