//! The status page of a laboratory: its scenario, its peers, and the requests that its index server answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::admin::{Exposition, Observed, ObservedServer, ObservedTable};
use crate::counters::LiveRequests;
use crate::lab::{Carried, Counts, Fault, Laboratory, PeerView, Phase, Presence, Transfer};
use crate::net::{AccessPolicy, OpenConnection, Stop};
use crate::protocol::Endpoint;
use crate::status_page::{Kind, Parts, Paths, Series, Sight, StatusPage, Unit};

/// What is drawn for the last hour.
const SERIES: [Series; 4] = [
    Series { name: "peers", label: "Peers online", unit: Unit::Count, kind: Kind::Level },
    Series {
        name: "delivered",
        label: "Documents delivered",
        unit: Unit::Count,
        kind: Kind::Level,
    },
    Series { name: "bytes", label: "Documents received", unit: Unit::Bytes, kind: Kind::Rate },
    Series { name: "carried", label: "Carried by TCP", unit: Unit::Bytes, kind: Kind::Rate },
];

/// A laboratory with a page.
pub(super) struct LabPage {
    laboratory: Arc<Laboratory>,
    index: ObservedServer,
}

impl LabPage {
    pub(super) fn new(laboratory: Arc<Laboratory>) -> Self {
        let index = ObservedServer(laboratory.monitor().clone(), ObservedTable::default());
        Self { laboratory, index }
    }

    fn transfers(&self, transfers: &[Transfer]) -> Value {
        let shown = transfers.iter().map(|transfer| {
            let received = &transfer.received;
            let name = |holder: &Endpoint| self.laboratory.name(holder);
            json!({
                "number": transfer.number,
                "peer": transfer.peer,
                "document": transfer.document.to_string(),
                "bytes": received.bytes,
                "length": received.length,
                "from": received.holders.iter().map(name).collect::<Vec<String>>(),
            })
        });
        shown.collect()
    }
}

/// The same as its index server, except for what the laboratory counts.
impl Observed for LabPage {
    fn name(&self) -> &'static str {
        "lab"
    }

    fn check(&self) {
        self.index.check();
    }

    fn check_ready(&self) -> Result<Option<String>, String> {
        self.index.check_ready()
    }

    fn stop(&self) -> &Stop {
        self.index.stop()
    }

    fn access(&self) -> &AccessPolicy {
        self.index.access()
    }

    fn describe(&self, connection: &OpenConnection, to: &mut Map<String, Value>) {
        self.index.describe(connection, to);
    }

    fn summarize(&self, to: &mut Map<String, Value>) {
        self.index.summarize(to);
        to.insert("documents".into(), counted(self.laboratory.counts()));
    }

    fn expose(&self, to: &mut Exposition<'_>) -> fmt::Result {
        self.index.expose(to)?;
        let Counts { wanted, delivered, failed, .. } = self.laboratory.counts();
        let results = [("wanted", wanted), ("delivered", delivered), ("failed", failed)];
        let results = results.map(|(result, count)| ([("result", result)], count as u64));
        let help =
            "Documents that peers of the laboratory wanted, have downloaded, or have given up";
        to.counters("p2p_ci_lab_documents", help, results)
    }
}

impl StatusPage for LabPage {
    fn parts(&self) -> Parts {
        Parts { main: include_str!("page/lab.html"), script: include_str!("page/lab.js") }
    }

    fn series(&self) -> &'static [Series] {
        &SERIES
    }

    fn values(&self) -> Vec<u64> {
        let Counts { delivered, bytes, .. } = self.laboratory.counts();
        let peers = self.laboratory.present_peers();
        vec![peers as u64, delivered as u64, bytes, self.laboratory.carried_bytes()]
    }

    fn show(&self, sight: Sight, to: &mut Map<String, Value>) {
        let (view, scenario) = (self.laboratory.view(), self.laboratory.scenario());
        let Carried { connections, packets, bytes } = view.carried;
        let phase = match view.plan.phase {
            Phase::Steps => "steps",
            Phase::Downloads => "downloads",
            Phase::Commands => "commands",
        };
        let step = |(at, text): &(Duration, String)| json!({"at": at.as_secs_f64(), "text": text});
        let duration = (!scenario.duration.is_zero()).then_some(scenario.duration.as_secs());
        // Notes may name addresses and directories.
        let notes = view.notes.iter().filter(|_| sight.addresses).map(|note| {
            let time = note.time.as_secs_f64();
            json!({"number": note.number, "time": time, "text": note.text})
        });
        for (name, value) in [
            ("title", scenario.title.clone().into()),
            ("about", scenario.about.clone().into()),
            ("duration_seconds", duration.into()),
            ("phase", phase.into()),
            ("steps", view.plan.all.into()),
            ("steps_taken", view.plan.taken.into()),
            ("coming", view.plan.coming.iter().map(step).collect()),
            ("documents", counted(view.counts)),
            ("connections", connections.into()),
            ("packets", packets.into()),
            ("carried_bytes", bytes.into()),
            ("peers", view.peers.iter().map(|peer| described(peer, sight)).collect()),
            ("transfers", self.transfers(&view.transfers)),
            ("all_transfers", view.all_transfers.into()),
            ("notes", notes.collect()),
        ] {
            to.insert(name.into(), value);
        }
    }

    fn live(&self) -> &LiveRequests {
        self.index.live()
    }

    fn add_paths(self: &Arc<Self>, paths: Paths) -> Paths {
        paths
    }
}

fn counted(counts: Counts) -> Value {
    let Counts { wanted, delivered, failed, retried, holders_failed, bytes, .. } = counts;
    json!({
        "wanted": wanted,
        "delivered": delivered,
        "failed": failed,
        "retried": retried,
        "holders_failed": holders_failed,
        "bytes": bytes,
    })
}

fn described(peer: &PeerView, sight: Sight) -> Value {
    let fault = match peer.fault {
        None => Value::Null,
        Some(Fault::Alters) => "alters".into(),
        Some(Fault::Stops) => "stops".into(),
    };
    let presence = match peer.presence {
        Presence::Expected => "expected",
        Presence::Joined { .. } => "joined",
        Presence::Left => "left",
    };
    let mut object = json!({
        "number": peer.number,
        "group": peer.group,
        "presence": presence,
        "fault": fault,
        "is_slow": peer.is_slow,
    });
    if let (Presence::Joined { address, documents, latency, rate }, Some(object)) =
        (&peer.presence, object.as_object_mut())
    {
        let address = sight.addresses.then(|| address.to_string());
        let latency = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        object.insert("address".into(), address.into());
        object.insert("documents".into(), (*documents).into());
        object.insert("latency_milliseconds".into(), latency.into());
        object.insert("bytes_per_second".into(), (*rate).into());
    }
    object
}
