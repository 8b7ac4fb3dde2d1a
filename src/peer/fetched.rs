//! What a download reports: while it runs, and when it has succeeded.

use std::time::Duration;

use super::fetch_error::FetchError;
use super::transfer_error::TransferError;
use crate::protocol::{Date, Digest, Endpoint};

/// What a download is doing, for the caller's display.
#[derive(Debug)]
pub enum Attempt<'a> {
    /// It asks this holder.
    Asking(&'a Endpoint),
    /// How many bytes are there, and of how many if that is known.
    Progress(u64, Option<u64>),
    /// This holder did not give it, or broke off.
    Failed(&'a Endpoint, &'a TransferError),
    /// The download is tried again after this pause.
    Waits(&'a FetchError, Duration),
}

/// A document that was fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fetched {
    /// The holders that have delivered it; of several, the one first that delivered most. None if
    /// all of it had come before.
    pub holders: Vec<Endpoint>,
    /// Its length in bytes.
    pub length: u64,
    /// Whether the holder had said how long it is; if not, a truncated one looks like a whole one.
    pub length_checked: bool,
    /// When it changed last, if the holder said so.
    pub last_modified: Option<Date>,
    /// Its digest.
    pub digest: Digest,
    /// What the digest was compared with.
    pub expected: Expected,
}

/// Where the digest comes from with which the bytes were compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expected {
    /// There was none.
    Nothing,
    /// The holder that has delivered the document announced it.
    Holder,
    /// Holders in this many networks announce it.
    Holders(usize),
    /// The caller knew it ([`Wanted::digest`](super::Wanted::digest)).
    Caller,
}

impl Fetched {
    /// Whether the bytes were compared with a digest.
    pub fn digest_checked(&self) -> bool {
        self.expected != Expected::Nothing
    }
}
