//! The same run seen from the wire: what tshark counts, compared with what the program counts.

use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::operations::Figure;
use crate::common::programs::{PATIENCE, Program};
use crate::run::Setting;
use crate::run::anchors::is_installed;
use crate::run::findings::Findings;

/// The counted traffic of one kind.
pub(crate) struct Said {
    pub(crate) what: &'static str,
    /// Those of the client.
    pub(crate) ports: Vec<u16>,
    pub(crate) bytes: u64,
    /// Bytes that were said over the same connection before the time began.
    pub(crate) before: u64,
    pub(crate) seconds: f64,
    pub(crate) exchanges: usize,
    pub(crate) median: Duration,
}

/// A packet, as tshark tells of it.
pub(crate) struct Packet {
    seconds: f64,
    source: u16,
    destination: u16,
    /// Bytes of TCP's load.
    load: u64,
}

/// tshark at work.
pub(crate) struct Capture {
    tshark: Program,
    place: TempDir,
}

impl Capture {
    /// Captures what goes to and from these ports of this machine, if it is wanted and can be.
    pub(crate) fn start(
        index: SocketAddr,
        upload: SocketAddr,
        setting: &Setting,
        findings: &mut Findings,
    ) -> io::Result<Option<Self>> {
        // The first packets may come before the capture has begun, although it says that it has.
        const SETTLE: Duration = Duration::from_millis(500);
        /// Enough for all headers.
        const BYTES_OF_A_PACKET: &str = "128";
        if !setting.capture {
            return Ok(None);
        }
        if !is_installed("tshark") {
            findings.skip("the capture: expected `tshark` to be installed");
            return Ok(None);
        }
        let place = tempfile::tempdir()?;
        let filter = format!("tcp port {} or tcp port {}", index.port(), upload.port());
        let mut command = Command::new("tshark");
        command.args(["-i", "lo", "-s", BYTES_OF_A_PACKET, "-f", &filter, "-w"]);
        command.arg(place.path().join("packets"));
        let tshark = Program::start(command)?;
        let deadline = Instant::now() + PATIENCE;
        while !tshark.errors().contains("Capturing on") {
            if Instant::now() > deadline {
                let message = format!("tshark does not capture: {}", tshark.errors());
                return Err(io::Error::other(message));
            }
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(SETTLE);
        Ok(Some(Self { tshark, place }))
    }

    pub(crate) fn stop(mut self) -> io::Result<Vec<Packet>> {
        // tshark writes packets some time after the kernel has handed them over.
        thread::sleep(Duration::from_secs(1));
        self.tshark.signal(Signal::INT)?;
        self.tshark.wait()?;
        let mut command = Command::new("tshark");
        command.arg("-r").arg(self.place.path().join("packets"));
        command.args(["-T", "fields", "-E", "separator=,"]);
        for field in ["frame.time_epoch", "tcp.srcport", "tcp.dstport", "tcp.len"] {
            command.args(["-e", field]);
        }
        let text = String::from_utf8_lossy(&command.output()?.stdout).into_owned();
        let packets: Option<Vec<Packet>> = text.lines().map(packet).collect();
        packets.ok_or_else(|| io::Error::other("expected four fields of each packet from tshark"))
    }
}

fn packet(line: &str) -> Option<Packet> {
    let fields: Vec<&str> = line.split(',').collect();
    let [seconds, source, destination, load] = fields[..] else { return None };
    Some(Packet {
        seconds: seconds.parse().ok()?,
        source: source.parse().ok()?,
        destination: destination.parse().ok()?,
        load: load.parse().ok()?,
    })
}

/// The counts of tshark compared with those of the program, and the counts that only tshark has.
pub(crate) fn compare(said: &Said, packets: &[Packet]) -> [Figure; 4] {
    let Said { what, ports, bytes, before, seconds, exchanges, .. } = said;
    let is_towards = |packet: &&Packet| ports.contains(&packet.source);
    let own: Vec<&Packet> = packets
        .iter()
        .filter(|packet| is_towards(packet) || ports.contains(&packet.destination))
        .collect();
    let load: u64 = own.iter().map(|packet| packet.load).sum();
    // Each time the direction of the traffic turns towards the server, a round trip begins.
    let loaded: Vec<&&Packet> = own.iter().filter(|packet| packet.load > 0).collect();
    let turns = loaded.windows(2).filter(|two| !is_towards(two[0]) && is_towards(two[1])).count();
    let times = || loaded.iter().map(|packet| packet.seconds);
    let time = times().fold(0.0, f64::max) - times().fold(f64::INFINITY, f64::min);

    let compared = |ours: f64, unit, seen: f64| {
        let compared = Some(("tshark", seen));
        Figure { what, figure: ours, unit, compared }
    };
    // The request that has found the length before is one more exchange, on the same connection.
    let all = (exchanges + usize::from(*before > 0)) as f64;
    [
        compared((bytes + before) as f64 / 1e6, "MB in all", load as f64 / 1e6),
        compared(*bytes as f64 / seconds / 1e6, "MB/s", load as f64 / time / 1e6),
        Figure::new(what, own.len() as f64 / all, "packets"),
        Figure::new(what, (turns + 1) as f64 / all, "round trips"),
    ]
}
