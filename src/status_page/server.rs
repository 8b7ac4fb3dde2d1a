//! The page of an index server.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::access::Sight;
use super::paths::Paths;
use super::peers::peers;
use super::program::{Kind, Parts, Series, StatusPage, Unit};
use super::search::search;
use crate::admin::{Observed, ObservedServer, ban, kick, unban};
use crate::counters::LiveRequests;
use crate::server::INDEX_METHODS;

/// What is drawn for the last hour.
const SERIES: [Series; 6] = [
    Series { name: "requests", label: "Requests", unit: Unit::Count, kind: Kind::Rate },
    Series { name: "refusals", label: "Refusals", unit: Unit::Count, kind: Kind::Rate },
    Series { name: "peers", label: "Peers online", unit: Unit::Count, kind: Kind::Level },
    Series { name: "records", label: "Records", unit: Unit::Count, kind: Kind::Level },
    Series { name: "received", label: "Received", unit: Unit::Bytes, kind: Kind::Rate },
    Series { name: "sent", label: "Sent", unit: Unit::Bytes, kind: Kind::Rate },
];

impl StatusPage for ObservedServer {
    fn parts(&self) -> Parts {
        let (main, script) = (include_str!("files/server.html"), include_str!("files/server.js"));
        Parts { main, script }
    }

    fn series(&self) -> &'static [Series] {
        &SERIES
    }

    fn values(&self) -> Vec<u64> {
        let now = self.0.observe();
        let refused = self.refusals().map(|(_, count)| count).sum();
        let requests = now.requests.counts.iter().flatten().sum();
        let (received, sent) = (now.requests.received, now.requests.sent);
        vec![requests, refused, now.peers as u64, now.records as u64, received, sent]
    }

    fn show(&self, _: Sight, to: &mut Map<String, Value>) {
        let now = self.0.observe();
        for (name, value) in [
            ("peers", now.peers),
            ("peers_limit", now.most_peers),
            ("records", now.records),
            ("records_limit", now.most_records),
            ("index_bytes", now.index_bytes),
            ("index_bytes_limit", now.most_index_bytes),
            ("queued_titles", now.queued_titles),
        ] {
            to.insert(name.into(), value.into());
        }
        let methods = INDEX_METHODS.into_iter().zip(now.requests.counts).zip(now.requests.latency);
        let methods = methods.map(|((method, counts), latency)| {
            let (all, answered): (u64, u64) = (counts.iter().sum(), counts.iter().take(2).sum());
            let mean = latency.sum.as_micros().checked_div(all.into()).unwrap_or(0);
            let mean = u64::try_from(mean).unwrap_or(u64::MAX);
            json!({"method": method, "answered": answered, "refused": all - answered, "mean_microseconds": mean})
        });
        to.insert("methods".into(), methods.collect());
        let refusals = self.refusals().filter(|(_, count)| *count > 0);
        let refusals =
            refusals.map(|(cause, count)| json!({"cause": cause.name(), "count": count}));
        to.insert("refusals".into(), refusals.collect());
        let bans = self.access().banned();
        to.insert("bans".into(), bans.iter().map(|ban| Value::from(ban.to_string())).collect());
    }

    fn live(&self) -> &LiveRequests {
        self.0.live()
    }

    fn add_paths(self: &Arc<Self>, paths: Paths) -> Paths {
        let [listed, searched, kicked] = [(); 3].map(|()| Arc::clone(self));
        let [banned, unbanned] = [(); 2].map(|()| Arc::clone(self));
        paths
            .read("/page/peers", move |request, sight| Ok(peers(&listed, request, sight)))
            .read("/page/search", move |request, sight| search(&searched, request, sight))
            .change("/page/kick", move |request| kick(&*kicked, request))
            .change("/page/ban", move |request| ban(&*banned, request))
            .change("/page/unban", move |request| unban(&*unbanned, request))
    }
}
