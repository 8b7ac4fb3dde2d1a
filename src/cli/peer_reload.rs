//! Reading the configuration of a peer that shares again.

use std::ffi::OsString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::args::Args;
use super::config::layers::Configured;
use super::config::running::{Running, log_refused};
use super::logs::logging;
use super::usage::read_peer;
use super::values::rate::Rate;
use crate::net::{AccessPolicy, NetworkRates};
use crate::peer::{Bandwidth, Slots, UploadServer, Uploads};
use crate::protocol::RecordRequests;

/// The keys that a running peer can change.
const CHANGEABLE: [&str; 9] = [
    "allow",
    "deny",
    "upload_limit",
    "upload.limit",
    "upload_slots",
    "uploads_per_address",
    "download_limit",
    "verbose",
    "quiet",
];
/// The target of the log.
const TARGET: &str = module_path!();

/// The limits of a peer that can change while it runs.
#[derive(Clone, Debug, Default)]
pub(super) struct PeerLimits {
    pub(super) upload: Bandwidth,
    pub(super) network_rates: NetworkRates,
    pub(super) slots: Slots,
    pub(super) access: AccessPolicy,
    pub(super) download: Bandwidth,
}

impl PeerLimits {
    /// The limits of these arguments.
    pub(super) fn of(args: &Args) -> Self {
        let limits = Self::default();
        limits.set(args);
        limits
    }

    fn set(&self, args: &Args) {
        self.upload.set(args.upload_limit.map(Rate::bytes_per_second));
        self.network_rates.set(args.network_rates());
        self.slots.set_count(args.upload_slots);
        self.access.set_lists(args.access());
        self.download.set(args.download_limit.map(Rate::bytes_per_second));
    }

    /// The settings of an upload server with these limits.
    pub(super) fn uploads(&self, args: &Args) -> Uploads {
        Uploads {
            bandwidth: self.upload.clone(),
            network_rates: self.network_rates.clone(),
            slots: self.slots.clone(),
            access: self.access.clone(),
            per_address: args.uploads_per_address,
            hand_over: args.hand_over,
            explain: args.explain,
            compat: args.compat,
            records: match (args.lan, args.dht.is_used()) {
                (true, _) => RecordRequests::All,
                (false, true) => RecordRequests::Lookup,
                (false, false) => RecordRequests::None,
            },
            ..Uploads::default()
        }
    }
}

/// A reload of a peer that may not have started yet.
#[derive(Clone, Debug, Default)]
pub(super) struct LateReload(Arc<Mutex<Late>>);

#[derive(Debug, Default)]
struct Late {
    /// Whether a reload was asked for before the peer had started.
    is_due: bool,
    reload: Option<Reload>,
}

impl LateReload {
    /// Reads the configuration again, or as soon as the peer has started.
    pub(super) fn run(&self) {
        let mut late = self.lock();
        match &mut late.reload {
            Some(reload) => reload.run(),
            None => late.is_due = true,
        }
    }

    /// The peer has started.
    pub(super) fn start(&self, mut reload: Reload) {
        let mut late = self.lock();
        if late.is_due {
            reload.run();
        }
        late.reload = Some(reload);
    }

    /// The peer ends.
    pub(super) fn end(&self) {
        self.lock().reload = None;
    }

    fn lock(&self) -> MutexGuard<'_, Late> {
        // If a reload has panicked, the next one sets all limits.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a reload needs.
#[derive(Debug)]
pub(super) struct Reload {
    arguments: Vec<OsString>,
    running: Running,
    limits: PeerLimits,
    uploads: Arc<UploadServer>,
}

impl Reload {
    /// The state of a peer that starts with these arguments.
    pub(super) fn new(
        arguments: Vec<OsString>,
        configured: &Configured<Args>,
        limits: PeerLimits,
        uploads: Arc<UploadServer>,
    ) -> Self {
        Self { arguments, running: Running::of(configured), limits, uploads }
    }

    /// Reads the configuration again. If it has a mistake, the old one stays.
    pub(super) fn run(&mut self) {
        let new = match read_peer(&self.arguments) {
            Ok(new) => new,
            Err(error) => return log_refused(&error),
        };
        logging::set_levels(new.args.log_level(), &[]);
        self.limits.set(&new.args);
        self.uploads.set_per_address(new.args.uploads_per_address);
        self.running.change(&new, &CHANGEABLE).log(new.layers.file.as_deref(), TARGET);
        match self.uploads.close_denied() {
            0 => {}
            closed => {
                log::info!(
                    "closed connections of addresses that may not connect any more: {closed}"
                );
            }
        }
    }
}
