//! The uploads that are running, as `status` shows them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::protocol::Document;
use crate::upload::send_meter::SendMeter;

/// An upload that is running.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunningUpload {
    /// The document that is sent, or a part of it.
    pub document: Document,
    /// The address of the reader.
    pub reader: SocketAddr,
    /// Bytes that were sent, as far as this system's buffers.
    pub sent: u64,
    /// Bytes that this reply has.
    pub total: u64,
    /// The present rate.
    pub bytes_per_second: u64,
}

/// The running uploads of a server.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    uploads: BTreeMap<u64, Upload>,
}

#[derive(Debug)]
struct Upload {
    document: Document,
    reader: SocketAddr,
    total: u64,
    meter: Arc<SendMeter>,
}

impl Running {
    /// Lists an upload until the result is dropped.
    pub(super) fn begin(
        &self,
        document: &Document,
        reader: SocketAddr,
        total: u64,
        meter: &Arc<SendMeter>,
    ) -> Listed<'_> {
        let meter = Arc::clone(meter);
        let upload = Upload { document: document.clone(), reader, total, meter };
        let mut state = self.lock();
        state.next = state.next.wrapping_add(1);
        let number = state.next;
        state.uploads.insert(number, upload);
        Listed { running: self, number }
    }

    /// All of them, the oldest first.
    pub(super) fn all(&self) -> Vec<RunningUpload> {
        let state = self.lock();
        let upload = |upload: &Upload| RunningUpload {
            document: upload.document.clone(),
            reader: upload.reader,
            sent: upload.meter.sent(),
            total: upload.total,
            bytes_per_second: upload.meter.read_rate(),
        };
        state.uploads.values().map(upload).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one insertion or removal: a poisoned list is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An upload that is listed until this is dropped.
#[derive(Debug)]
pub(super) struct Listed<'a> {
    running: &'a Running,
    number: u64,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.running.lock().uploads.remove(&self.number);
    }
}
