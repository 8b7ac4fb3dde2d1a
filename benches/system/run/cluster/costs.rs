//! What a record costs: memory and processor time of each program.

use std::io;
use std::thread;
use std::time::Duration;

use super::store::Store;
use crate::common::programs::Index;
use crate::common::talk::{Talk, lookup};
use crate::run::Setting;
use crate::run::findings::Findings;
use crate::run::index::fill;
use crate::run::processes::processor_seconds;

const SECTION: &str = "cluster, what a record costs";

/// A process before and after it got the records.
struct Cost {
    process: u32,
    memory: u64,
    processor: f64,
}

impl Cost {
    fn begin(process: u32) -> io::Result<Self> {
        let memory = crate::run::memory::Memory::of(process).now()?;
        Ok(Self { process, memory, processor: processor_seconds(process)? })
    }

    /// Bytes and microseconds of each record.
    fn of_each(&self, records: usize) -> io::Result<(f64, f64)> {
        let now = Self::begin(self.process)?;
        let memory = now.memory.saturating_sub(self.memory) as f64 / records as f64;
        Ok((memory, (now.processor - self.processor) * 1e6 / records as f64))
    }
}

pub(super) fn costs(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let records = setting.size(1_000_000, 20_000);
    let store = Store::start()?;
    let (mut first, mut second) = (store.server()?, store.server()?);
    let mut without = Index::start(None)?;
    let processes = [
        ("the server that gets the ADD", first.program()?.id()),
        ("another server", second.program()?.id()),
        ("the store", store.program.id()),
        ("a server without a cluster", without.program()?.id()),
    ];
    let begin = |(what, process)| Ok((what, Cost::begin(process)?));
    let before = processes.into_iter().map(begin).collect::<io::Result<Vec<_>>>()?;
    let bytes = store.bytes()?;
    let _peers =
        (fill::with_series(first.address, records)?, fill::with_series(without.address, records)?);
    // The last record that was added is the last one that the other server gets.
    let last = lookup(((records - 1) % fill::SERIES) as u32 + 1);
    let expected = Talk::to(first.address)?.ask(&last)?;
    let mut talk = Talk::to(second.address)?;
    while talk.ask(&last)? != expected {
        thread::sleep(Duration::from_millis(5));
    }
    for (what, cost) in &before {
        let (bytes, microseconds) = cost.of_each(records)?;
        let work = format!("{records} records: memory of {what}");
        findings.figure(SECTION, work, &[bytes], "B/record");
        findings.figure(SECTION, format!("… processor of {what}"), &[microseconds], "µs/record");
    }
    let stream = store.stream_bytes()?;
    let stored = store.bytes()?.saturating_sub(bytes).saturating_sub(stream);
    findings.figure(SECTION, "… stored records", &[stored as f64 / records as f64], "B/record");
    findings.figure(SECTION, "… the stream, whole", &[stream as f64 / 1e6], "MB");
    store.program.signal(rustix::process::Signal::TERM)
}
