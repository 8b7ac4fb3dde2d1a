//! Records with the content of their holders, passed on like the reply of an index server.

use std::io;

use crate::protocol::{
    Attribute, Content, END_OF_RECORDS, Record, Refusal, ReplyPart, encode_attribute, encode_found,
    encode_record,
};

/// A record with the content that its holder has announced.
pub(crate) type Row = (Record, Content);

/// The attributes for a content.
pub(crate) fn attributes(content: Content) -> impl Iterator<Item = Attribute> {
    let digest = content.digest.map(Attribute::Digest);
    digest.into_iter().chain(content.length.map(Attribute::Length))
}

/// Passes a reply on, each part with its bytes.
pub(crate) fn pass_on(
    rows: Vec<Row>,
    is_refused: bool,
    take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    if is_refused {
        take(ReplyPart::Refused(Refusal::NotFound), b"P2P-CI/1.0 404 Not Found\r\n")?;
        return take(ReplyPart::End, b"\r\n");
    }
    let mut bytes = Vec::new();
    encode_found(&mut bytes);
    // The empty line after the status comes with the first record, or with the end.
    let status = bytes.len().saturating_sub(END_OF_RECORDS.len());
    take(ReplyPart::Found, bytes.get(..status).unwrap_or_default())?;
    bytes.drain(..status);
    for (record, content) in rows {
        encode_record(record.borrowed(), &mut bytes);
        take(ReplyPart::Record(record), &bytes)?;
        bytes.clear();
        for attribute in attributes(content) {
            encode_attribute(attribute, &mut bytes);
            take(ReplyPart::Attribute(attribute), &bytes)?;
            bytes.clear();
        }
    }
    bytes.extend_from_slice(END_OF_RECORDS);
    take(ReplyPart::End, &bytes)
}
