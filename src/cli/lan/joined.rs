//! A peer that finds others on the local network, and is found.

use std::net::SocketAddr;
use std::sync::Arc;

use gethostname::gethostname;

use crate::error_chain::error_chain;
use crate::lan::{Announcement, LanError, LanSource, Service};
use crate::peer::HolderSource;

/// What lasts as long as the peer.
#[derive(Debug)]
pub(super) struct Joined {
    source: Arc<LanSource>,
    _announcement: Option<Announcement>,
}

impl Joined {
    /// Looks for peers, and announces the upload server at this address, if there is one.
    pub(super) fn start(uploads: Option<SocketAddr>) -> Result<Self, LanError> {
        let source = Arc::new(LanSource::start(uploads.map(|address| address.port()))?);
        Ok(Self { source, _announcement: uploads.and_then(announce) })
    }

    pub(super) fn source(&self) -> Arc<dyn HolderSource> {
        Arc::<LanSource>::clone(&self.source)
    }
}

fn announce(uploads: SocketAddr) -> Option<Announcement> {
    let machine = gethostname().to_string_lossy().into_owned();
    match Announcement::start(Service::Peer, &machine, &[uploads]) {
        Ok(None) => {
            log::warn!(
                "--lan announces nothing: this peer uploads only from loopback, where no other machine \
                 reaches it"
            );
            None
        }
        Ok(announcement) => announcement,
        Err(error) => {
            log::warn!("this peer is not announced on the local network: {}", error_chain(&error));
            None
        }
    }
}
