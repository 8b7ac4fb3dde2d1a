//! The replies to LIST and LOOKUP: records of what is shared (protocol.md sections 5.8 and 5.9).

use std::io;
use std::ops::ControlFlow;
use std::time::Instant;

use super::answer::{CLOSED, NOT_SHARED, Reader, Sharing, Then};
use super::sending::granted;
use crate::counted::counted;
use crate::counters::Cause;
use crate::library::{Entry, Library};
use crate::limits;
use crate::net::{Bandwidth, ReadClock};
use crate::protocol::{
    Attribute, BorrowedRecord, Document, END_OF_RECORDS, Endpoint, Host, Listing, Port, Refusal,
    Status, encode_attribute, encode_found, encode_record,
};

impl Sharing {
    /// Sends the records of all shared documents of a kind. The connection stays open: the end of the reply is
    /// marked.
    pub(super) fn list(
        &self,
        reader: &Reader<'_>,
        listing: Listing,
        clock: &mut ReadClock,
    ) -> io::Result<Then> {
        let address = reader.address;
        let holder = holder(reader)?;
        self.count(reader, Status::Ok);
        let (mut bytes, mut last, mut count) = (Vec::new(), None::<Document>, 0_usize);
        encode_found(&mut bytes);
        loop {
            let next = self.next_rows(listing, last.as_ref(), &holder, &mut bytes, &mut count);
            if next.is_break() {
                bytes.extend_from_slice(END_OF_RECORDS);
            }
            if let Err(error) = self.send_rows(reader, &bytes, clock) {
                let count = counted(count, "record");
                log::warn!("{address}: a list ended after {count}: {error}");
                return Ok(Then::Broken);
            }
            bytes.clear();
            match next {
                ControlFlow::Continue(document) => last = Some(document),
                ControlFlow::Break(()) => break,
            }
        }
        log::info!("{address} LIST: {}", counted(count, "record"));
        Ok(Then::KeepOpen)
    }

    /// Sends the record of a document. The connection stays open, unless the document is not shared.
    pub(super) fn look_up(
        &self,
        reader: &Reader<'_>,
        document: &Document,
        clock: &mut ReadClock,
    ) -> io::Result<Then> {
        let address = reader.address;
        let holder = holder(reader)?;
        let mut bytes = Vec::new();
        encode_found(&mut bytes);
        let is_shared = {
            let library = self.library.read();
            let entry = library.entry(document);
            entry.map(|entry| append_row(&library, document, entry, &holder, &mut bytes)).is_some()
        };
        if !is_shared {
            log::info!("{address} LOOKUP {document}: 404 Not Found, {NOT_SHARED}{CLOSED}");
            return self.refuse(reader, Cause::NotFound, Refusal::NotFound, NOT_SHARED);
        }
        bytes.extend_from_slice(END_OF_RECORDS);
        self.count(reader, Status::Ok);
        if let Err(error) = self.send_rows(reader, &bytes, clock) {
            log::warn!("{address} LOOKUP {document}: the reply ended early: {error}");
            return Ok(Then::Broken);
        }
        log::info!("{address} LOOKUP {document}: 200 OK");
        Ok(Then::KeepOpen)
    }

    /// Sends records at the rates of uploads.
    fn send_rows(
        &self,
        reader: &Reader<'_>,
        mut bytes: &[u8],
        clock: &mut ReadClock,
    ) -> io::Result<()> {
        let Reader { stream, address, .. } = *reader;
        let rates = (&self.uploads.bandwidth, &self.uploads.network_rates);
        while !bytes.is_empty() {
            let begun = Instant::now();
            let most = (bytes.len() as u64).min(limits::SEND_PIECE);
            let take = |rate: &Bandwidth, most| rate.take(address.ip(), true, most);
            let count = granted(rates, take, address.ip(), most);
            clock.has_paused(stream, begun.elapsed())?;
            let count = usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len());
            let (piece, rest) = bytes.split_at(count);
            clock.send(stream, piece)?;
            bytes = rest;
        }
        Ok(())
    }

    /// Appends the records of the next documents, and returns the last one of them. Nobody waits for the library
    /// while they are sent.
    fn next_rows(
        &self,
        listing: Listing,
        after: Option<&Document>,
        holder: &Endpoint,
        bytes: &mut Vec<u8>,
        count: &mut usize,
    ) -> ControlFlow<(), Document> {
        let library = self.library.read();
        let mut last = None;
        let entries = library.entries_after(after).take(limits::UPLOAD_LIST_ROWS);
        for (document, entry) in entries {
            last = Some(document);
            let is_listed = match document {
                Document::Rfc(_) => listing == Listing::Rfcs,
                Document::File(_) => listing == Listing::Files,
            };
            if !is_listed {
                continue;
            }
            *count += 1;
            append_row(&library, document, entry, holder, bytes);
        }
        match last {
            Some(document) => ControlFlow::Continue(document.clone()),
            None => ControlFlow::Break(()),
        }
    }
}

/// This upload server, as the reader has connected to it.
fn holder(reader: &Reader<'_>) -> io::Result<Endpoint> {
    let local = reader.stream.local_addr()?;
    let port = Port::try_from(local.port()).map_err(io::Error::other)?;
    Ok(Endpoint { host: Host::from(local.ip()), port })
}

/// Appends the record of a document, with digest and length as far as they are known.
fn append_row(
    library: &Library,
    document: &Document,
    entry: &Entry,
    holder: &Endpoint,
    bytes: &mut Vec<u8>,
) {
    encode_record(BorrowedRecord { document, title: entry.title(), holder }, bytes);
    let content = library.content(document);
    let digest = content.digest.map(Attribute::Digest);
    let attributes = digest.into_iter().chain(content.length.map(Attribute::Length));
    attributes.for_each(|attribute| encode_attribute(attribute, bytes));
}
