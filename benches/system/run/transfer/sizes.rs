//! How the time of a GET, compared with nginx, and of `sync` depends on the size of documents.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use p2p_ci::system::PageAligned;

use crate::common::programs::{Index, Peer};
use crate::run::Setting;
use crate::run::anchors::Rounds;
use crate::run::findings::{Axis, Findings, Plot};
use crate::run::transfer::copies::Copies;
use crate::run::transfer::documents::Documents;
use crate::run::transfer::gets::{fetch, get, http_get, wait_until_idle};
use crate::run::transfer::libraries;

/// Documents of a thousand bytes, of ten thousand, and so on: a hundred megabytes of each size,
/// but no more than a thousand, and at least one.
pub(crate) fn sizes(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let names = ["GET", "GET from nginx", "sync"];
    let mut lines = names.map(|name| (name.to_string(), Vec::new()));
    for digits in 3..=setting.size(9, 6) {
        let bytes = 10_usize.pow(digits);
        let count = (100_000_000 / bytes).clamp(1, setting.size(1000, 50));
        let documents = Documents::of_size(count as u32, bytes, setting.seed)?;
        let index = Index::start(None)?;
        let peer = Peer::share_quietly(index.address, &documents.directory)?;
        let nginx = setting.nginx(&documents.directory, findings)?;
        wait_until_idle(peer.program.id())?;
        // The first one of each brings it into memory.
        let mut chunk = PageAligned::new(256 * 1024);
        let mut rate = |address: SocketAddr, request: &str| -> io::Result<f64> {
            fetch(address, request, &mut chunk)?;
            let (begun, mut received) = (Instant::now(), 0);
            while received == 0 || begun.elapsed() < setting.time / 8 {
                fetch(address, request, &mut chunk)?;
                received += bytes;
            }
            Ok(received as f64 / begun.elapsed().as_secs_f64() / 1e6)
        };
        let mut copies = Copies::new()?;
        let (mut ours, mut theirs, mut synced) = (Vec::new(), Rounds::default(), Vec::new());
        for _ in 0..setting.rounds {
            ours.push(rate(peer.upload, &get(1))?);
            for nginx in &nginx {
                theirs.push(nginx.name, rate(nginx.address, &http_get(1))?);
            }
            let seconds = libraries::synced(index.address, &documents, &mut copies)?;
            synced.push(documents.bytes as f64 / seconds / 1e6);
        }
        let work = format!("a document of {}", readable_size(digits));
        let best = theirs.highest();
        let theirs = best.as_ref().map_or(Vec::new(), |(_, rates)| rates.clone());
        findings.compared_with_best("transfer", work, &ours, "MB/s", best);
        let work = format!("sync, {count} of {}", readable_size(digits));
        findings.figure("transfer", work, &synced, "MB/s");
        for ((_, points), rates) in lines.iter_mut().zip([ours, theirs, synced]) {
            if !rates.is_empty() {
                points.push((bytes as f64, crate::run::samples::median(&rates)));
            }
        }
    }
    findings.plots.push(Plot {
        title: "One document after the other, a connection each; all of them by sync".into(),
        x: Axis { label: "bytes of the document", logarithmic: true },
        y: Axis { label: "megabytes a second", logarithmic: true },
        lines: lines.into_iter().filter(|(_, points)| !points.is_empty()).collect(),
    });
    Ok(())
}

/// This number of digits after the first: `10 KB`.
fn readable_size(digits: u32) -> String {
    let unit = ["B", "KB", "MB", "GB"][(digits / 3) as usize];
    format!("{} {unit}", 10_u32.pow(digits % 3))
}
