//! Ten thousand idle peers, and one processor or all.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::common::programs::Index;
use crate::common::talk::{Talk, add, lookup};
use crate::run::Setting;
use crate::run::findings::Findings;
use crate::run::index::requests::{NUMBERS, fill, reply_to};
use crate::run::load::Requests;
use crate::run::memory::{Kernel, Memory};
use crate::run::probe::{Probe, millis};
use crate::run::samples::Random;

const SECTION: &str = "index, many at once";

/// Peers that have joined, have said something, and are quiet.
pub(crate) fn idle(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    // One place is the probe's.
    let count = setting.size(9_999, 1_000);
    let mut index = Index::start(None)?;
    let address = index.address;
    let request = |_| lookup(1);
    let memory = Memory::of(index.program()?.id());
    let mut first = Talk::to(address)?;
    first.ask(add(1, "first", 5678, "A Title"))?;
    let mut alone = Vec::new();
    for _ in 0..setting.rounds {
        alone.push(millis(Probe::alone(address, setting.time, request)?.percentile(99.0)));
    }
    let socket = socket_memory(count)?;
    let (before, kernel) = (memory.now()?, Kernel::now()?);
    let mut peers = vec![first];
    for peer in 1..count {
        let mut talk = Talk::from(256 + peer as u16, address)?;
        talk.ask(add(peer as u32, "idle.example.edu", 5678, "A Title"))?;
        peers.push(talk);
    }
    let (after, with) = (memory.now()?, Kernel::now()?);
    let each =
        |before: u64, after: u64| after.saturating_sub(before) as f64 / 1024.0 / count as f64;
    let process = each(before, after);
    let stacks = each(kernel.stacks, with.stacks);
    let tables = each(kernel.page_tables, with.page_tables);
    let slabs = each(kernel.slabs, with.slabs);
    findings.figure(
        SECTION,
        format!("{count} idle peers: of the process, each"),
        &[process],
        "KiB",
    );
    findings.figure(SECTION, "… kernel stack", &[stacks], "KiB");
    findings.figure(SECTION, "… page tables", &[tables], "KiB");
    findings.figure(SECTION, "… socket", &[socket], "KiB");
    let together = process + stacks + tables + socket;
    findings.figure(SECTION, "… together", &[together], "KiB");
    let task = slabs - 2.0 * socket;
    findings.figure(SECTION, "… and what the kernel knows of a thread", &[task], "KiB");
    let mut with_idle = Vec::new();
    for _ in 0..setting.rounds {
        with_idle.push(millis(Probe::alone(address, setting.time, request)?.percentile(99.0)));
    }
    let work = format!("LOOKUP beside {count} idle peers: p99");
    findings.compared(SECTION, work, &with_idle, "ms", "without them", &alone);
    Ok(())
}

/// Kernel memory for one end of a connection, in KiB: half of the memory of connections that
/// have both their ends here, and no thread.
fn socket_memory(count: usize) -> io::Result<f64> {
    let count = count.min(4000);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let before = Kernel::now()?.slabs;
    let mut ends = Vec::with_capacity(2 * count);
    for _ in 0..count {
        ends.push(TcpStream::connect(listener.local_addr()?)?);
        ends.push(listener.accept()?.0);
    }
    let after = Kernel::now()?.slabs;
    Ok(after.saturating_sub(before) as f64 / 1024.0 / ends.len() as f64)
}

/// The index on one processor, and on all.
pub(crate) fn processors(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    const ASKING: usize = 50;
    let all = thread::available_parallelism()?.get();
    let mut one = Index::start(None)?;
    bind_to_first(one.program()?.id())?;
    let free = Index::start(None)?;
    let _holders = (fill(one.address)?, fill(free.address)?);
    let requests: Vec<String> = NUMBERS.map(lookup).collect();
    let reply = reply_to(free.address, &requests[0])?.len();
    for in_flight in [1, 32] {
        let mut random = Random::new(setting.seed);
        let batches = Requests::shuffled(&requests, in_flight, 1000, &mut random);
        let load = Requests { batches, in_flight, reply };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..setting.rounds {
            ours.push(load.ask(free.address, ASKING, setting.time)?.rate());
            theirs.push(load.ask(one.address, ASKING, setting.time)?.rate());
        }
        let work = format!("LOOKUP on {all} processors, {in_flight} in flight");
        findings.compared(SECTION, work, &ours, "requests/s", "on one", &theirs);
    }
    Ok(())
}

/// Every thread that there is; those that come later take after the one that starts them.
fn bind_to_first(process: u32) -> io::Result<()> {
    let mut first = CpuSet::new();
    first.set(0);
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let number = thread?.file_name().to_string_lossy().parse().map_err(io::Error::other)?;
        sched_setaffinity(Pid::from_raw(number), &first)?;
    }
    Ok(())
}
