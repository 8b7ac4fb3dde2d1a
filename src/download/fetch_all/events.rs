//! One of many downloads, the events that are reported to the caller, and the messages of workers.

use std::time::Duration;

use crate::download::fetch_error::FetchError;
use crate::download::fetched::Fetched;
use crate::download::source::Wanted;
use crate::library::{Incoming, SaveTarget, Saved};
use crate::protocol::Document;

/// One of many downloads.
#[derive(Debug)]
pub struct Order {
    /// The document and its holders.
    pub wanted: Wanted,
    /// Where the complete file is saved.
    pub target: SaveTarget,
    /// Whether an existing file at the target is overwritten.
    pub overwrite: bool,
}

/// An event of the downloads, which is reported to the caller.
#[derive(Debug)]
pub enum Happening<'a> {
    /// This number of bytes was received, of any document.
    Bytes(u64),
    /// The bytes of a document that are here, and the length that its holder announced. Documents that
    /// take little time are not reported.
    Running(&'a Document, u64, u64),
    /// These documents have their names, and survive a power cut. [`Happening::Fetched`] follows for
    /// each of them.
    Committed(&'a [(&'a Document, &'a Fetched)]),
    /// A document has its name.
    Fetched(&'a Order, &'a Fetched, Saved),
    /// A document is tried again after this pause.
    Waits(&'a Document, &'a FetchError, Duration),
    /// Another process has saved a document meanwhile.
    Present(&'a Order),
    /// A document was given up.
    GivenUp(&'a Order, &'a FetchError),
}

/// A message of a worker.
#[derive(Debug)]
pub(super) enum Message {
    Bytes(u64),
    Running(Document, u64, u64),
    Waits(Box<(Document, FetchError, Duration)>),
    Done(Vec<Whole>),
    Present(Box<Order>),
    GivenUp(Box<(Order, FetchError)>),
}

/// A document that is whole, and has no name yet.
pub(super) type Whole = (Order, Incoming, Fetched);
