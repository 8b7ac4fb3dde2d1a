//! One of many downloads, and what is told of them: to whoever watches, and by workers.

use std::time::Duration;

use crate::library::{Incoming, SaveTarget, Saved};
use crate::peer::fetch_error::FetchError;
use crate::peer::fetched::Fetched;
use crate::peer::source::Wanted;
use crate::protocol::Document;

/// One of many downloads.
#[derive(Debug)]
pub struct Order {
    /// What, and from whom.
    pub wanted: Wanted,
    /// The file that it is to become.
    pub target: SaveTarget,
    /// Whether what has its name is overwritten.
    pub overwrite: bool,
}

/// What happens, for whoever watches.
#[derive(Debug)]
pub enum Happening<'a> {
    /// So many bytes more have come, of any document.
    Bytes(u64),
    /// So much of a document is here, of the length that its holder announced. A document that
    /// takes little time is not reported.
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

/// What a worker has to say.
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
