//! The page of a peer.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use super::access::Sight;
use super::paths::Paths;
use super::program::{Kind, Parts, Series, StatusPage, Unit};
use crate::admin::{Observed, ObservedPeer};
use crate::counters::LiveRequests;

/// What is drawn for the last hour.
const SERIES: [Series; 4] = [
    Series { name: "uploaded", label: "Uploaded", unit: Unit::Bytes, kind: Kind::Rate },
    Series { name: "downloaded", label: "Downloaded", unit: Unit::Bytes, kind: Kind::Rate },
    Series { name: "readers", label: "Readers", unit: Unit::Count, kind: Kind::Level },
    Series { name: "refusals", label: "Refusals", unit: Unit::Count, kind: Kind::Rate },
];

/// A peer does not show requests yet.
static NO_REQUESTS: LazyLock<LiveRequests> = LazyLock::new(LiveRequests::default);

impl StatusPage for ObservedPeer {
    fn parts(&self) -> Parts {
        Parts { main: include_str!("files/peer.html"), script: include_str!("files/peer.js") }
    }

    fn series(&self) -> &'static [Series] {
        &SERIES
    }

    fn values(&self) -> Vec<u64> {
        let (uploaded, readers) = (self.uploads.totals().sent(), self.uploads.connections());
        let refused = self.refusals().map(|(_, count)| count).sum();
        vec![uploaded, self.downloads.bytes(), readers as u64, refused]
    }

    fn show(&self, _: Sight, to: &mut Map<String, Value>) {
        self.summarize(to);
    }

    fn live(&self) -> &LiveRequests {
        &NO_REQUESTS
    }

    fn add_paths(self: &Arc<Self>, paths: Paths) -> Paths {
        paths
    }
}
