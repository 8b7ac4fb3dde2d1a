//! Peers that go, by any cause, and records that belong to others (protocol.md sections 4.6 and 4.8).

use std::io;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::index::{Attributes, Cursor, Index as Records, Owner};
use p2p_ci::protocol::{Content, Date, Listing, Record};
use rustix::process::Signal;

use crate::attack::Setting;
use crate::attack::fleet::fill;
use crate::attack::latency::{Honest, millis};
use crate::attack::report::Report;
use crate::common::programs::{Index, Peer, Program, command};
use crate::common::talk::{FROM, Talk, add, list, lookup, records, status};

/// Waits until an index lists `count` records; returns how long that took.
fn wait_for(talk: &mut Talk, count: usize, most: Duration) -> io::Result<Option<Duration>> {
    let begun = Instant::now();
    while begun.elapsed() < most {
        if records(&talk.ask(list())?).len() == count {
            return Ok(Some(begun.elapsed()));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(None)
}

pub(super) fn gone(_: &Setting, report: &mut Report) -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    for number in 1..=100 {
        std::fs::write(directory.path().join(format!("rfc{number}.txt")), "text")?;
    }
    let index = Index::with(&["--log", "quiet"])?;
    let mut talk = Talk::to(index.address)?;
    let peer = Peer::share(index.address, directory.path(), &[])?;
    let is_there = records(&talk.ask(list())?).len() == 100;
    peer.program.signal(Signal::KILL)?;
    let time = wait_for(&mut talk, 0, Duration::from_secs(5))?;
    report.require("100 records were there", is_there);
    report.figure("killed: its records are gone after", millis(time.unwrap_or_default()), "ms");
    let in_time = time.is_some_and(|time| time < Duration::from_secs(1));
    report.require_time("within a second", in_time);
    cut_off(report)
}

/// A network of this machine's own: an index in one namespace, peers in two others.
struct Network;

impl Network {
    const NAMES: [&'static str; 3] = ["torture-index", "torture-idle", "torture-queued"];

    fn lay() -> io::Result<Self> {
        let network = Self;
        for name in Self::NAMES {
            ip(&format!("netns add {name}"))?;
            ip(&format!("-n {name} link set lo up"))?;
        }
        for (number, name) in Self::NAMES.iter().enumerate().skip(1) {
            ip(&format!(
                "link add t{number} netns torture-index type veth peer name t0 netns {name}"
            ))?;
            ip(&format!("-n torture-index addr add 10.77.{number}.1/24 dev t{number}"))?;
            ip(&format!("-n torture-index link set t{number} up"))?;
            ip(&format!("-n {name} addr add 10.77.{number}.2/24 dev t0"))?;
            ip(&format!("-n {name} link set t0 up"))?;
        }
        Ok(network)
    }

    /// This program, under a name and in one of the namespaces.
    fn start(name: &str, program: &str, arguments: &[&str]) -> io::Result<Program> {
        let ours = command(program)?;
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", name, "bash", "-c", "exec -a \"$0\" \"$@\"", program]);
        inside.arg(ours.get_program()).args(arguments).env_remove("RUST_LOG");
        Program::start(inside)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in Self::NAMES {
            // It may not have been laid.
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

fn ip(arguments: &str) -> io::Result<()> {
    let mut command = Command::new("ip");
    command.args(arguments.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status()?.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("ip {arguments} failed"))),
    }
}

fn cut_off(report: &mut Report) -> io::Result<()> {
    // A killed run may have left a network namespace.
    drop(Network);
    let network = match Network::lay() {
        Ok(network) => network,
        Err(error) => {
            report.skip(&format!("no network namespaces can be laid: {error}"));
            return Ok(());
        }
    };
    let directory = tempfile::tempdir()?;
    let title = "A long title, so that a list of it is long. ".repeat(10);
    std::fs::write(directory.path().join("rfc1.txt"), "text")?;
    let arguments = ["--listen", "0.0.0.0:7734", "--log", "sessions", "--host-policy", "literal"];
    let mut index = Network::start("torture-index", "server", &arguments)?;
    index.line()?;
    let share = directory.path().to_string_lossy().into_owned();
    let arguments = ["10.77.1.1", "--share", &share, "share"];
    let mut idle = Network::start("torture-idle", "peer", &arguments)?;
    idle.line()?;
    idle.line()?;
    // A reader that asks for more than fits on its way, and reads nothing.
    let script = format!(
        "exec 3<>/dev/tcp/10.77.2.1/7734; for n in $(seq 20000); do printf \
         'ADD RFC '$n' P2P-CI/1.0\\r\\nHost: q\\r\\nPort: 5678\\r\\nTitle: {title}\\r\\n\\r\\n'; \
         done >&3 & sleep 1; echo queued; wait"
    );
    let mut queued = Command::new("ip");
    queued.args(["netns", "exec", "torture-queued", "bash", "-c", &script]);
    let mut queued = Program::start(queued)?;
    queued.line()?;
    ip("-n torture-index link set t1 down")?;
    ip("-n torture-index link set t2 down")?;
    let begun = Instant::now();
    let left = |index: &Program| index.errors().matches(" left with ").count();
    while left(&index) < 2 && begun.elapsed() < Duration::from_secs(120) {
        thread::sleep(Duration::from_millis(50));
    }
    report.figure("cut off: both are gone after", begun.elapsed().as_secs_f64(), "s");
    report.require("idle and with data queued, within 100 s", {
        left(&index) == 2 && begun.elapsed() < Duration::from_secs(100)
    });
    drop(network);
    Ok(())
}

pub(super) fn strangers(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const VICTIMS: u16 = 1000;
    let index = Index::start(setting.target)?;
    let mut victims = Vec::new();
    for victim in 0..VICTIMS / 10 {
        let mut talk = Talk::to(index.address)?;
        for own in 0..10 {
            let number = u32::from(victim * 10 + own) + 100_000;
            talk.ask(add(number, &format!("victim-{victim}"), 5678, "a"))?;
        }
        victims.push(talk);
    }
    let mut removed = 0;
    for number in 0..VICTIMS {
        let (host, number) = (format!("victim-{}", number / 10), u32::from(number) + 100_000);
        let mut stranger = Talk::to(index.address)?;
        let remove =
            format!("REMOVE RFC {number} P2P-CI/1.0\r\nHost: {host}\r\nPort: 5678\r\n\r\n");
        // Without a record of its own, with one, and then by its leaving.
        removed += usize::from(status(&stranger.ask(&remove)?) != "404");
        stranger.ask(add(number, &host, 5678, "of a stranger"))?;
        removed += usize::from(status(&stranger.ask(&remove)?) != "200");
        stranger.ask(add(number, &host, 5678, "of a stranger"))?;
    }
    let mut untouched = 0;
    for number in 0..VICTIMS {
        let record = format!("RFC {} a victim-{} 5678", u32::from(number) + 100_000, number / 10);
        let begun = Instant::now();
        // The strangers may still be leaving.
        while begun.elapsed() < Duration::from_secs(5) {
            let asker = &mut victims[usize::from(number / 10)];
            let reply = asker.ask(lookup(u32::from(number) + 100_000))?;
            if records(&reply) == [record.as_str()] {
                untouched += 1;
                break;
            }
        }
    }
    report.figure("records untouched", f64::from(untouched), "of 1000");
    report.require("all of them, under their own titles", untouched == VICTIMS);
    report.require("strangers removed what was theirs alone", removed == 0);
    Ok(())
}

pub(super) fn limits(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const MOST: usize = 40_000;
    let mut index = Index::with(&["--log", "sessions"])?;
    let honest = Honest::join(index.address, report)?;
    // Two connections' worth on one.
    let mut full = Talk::to(index.address)?;
    let mut refused = 0;
    for number in 1..=MOST + 10 {
        let reply = full.ask(add(number as u32, "full", 5678, "a"))?;
        refused += usize::from(status(&reply) == "503");
    }
    report.figure("refused beyond the limit of one connection", refused as f64, "of 10");
    report.require("exactly those beyond", refused == 10);
    report.require("a refused connection stays usable", status(&full.ask(lookup(1))?) == "200");
    let is_said = index.program()?.says("refused: ");
    report.require("with a reason in the log", is_said);

    let fleet = fill(index.address, 20_000)?;
    let asking = honest.keep_asking();
    let mut other = Talk::to(index.address)?;
    thread::sleep(Duration::from_millis(300));
    drop(fleet);
    let begun = Instant::now();
    let is_gone =
        |talk: &mut Talk| -> io::Result<bool> { Ok(!talk.ask(lookup(9000))?.contains("peer-0")) };
    while !is_gone(&mut other)? && begun.elapsed() < Duration::from_secs(5) {}
    report.figure("20,000 records left within", millis(begun.elapsed()), "ms");
    thread::sleep(Duration::from_millis(200));
    asking.held(report)?;
    let longest = longest_holds(setting.size(10_000_000, 1_000_000))?;
    for (what, time) in longest {
        report.figure(&format!("longest hold of the lock: {what}"), millis(time), "ms");
        report.require_time(&format!("{what}: under 5 ms"), time < Duration::from_millis(5));
    }
    Ok(())
}

/// Operations of the index, timed in this process. None locks the index for longer than that.
fn longest_holds(count: usize) -> io::Result<Vec<(&'static str, Duration)>> {
    const EACH: usize = 20_000;
    let parse = |error: p2p_ci::protocol::SyntaxError| io::Error::other(error.to_string());
    let index = Records::default();
    let title = "A Title of the Usual Length for a Request for Comments".parse().map_err(parse)?;
    let mut longest_add = Duration::ZERO;
    let owners = count / EACH;
    for owner in 0..owners {
        let holder = format!("peer-{owner}:5678").parse().map_err(parse)?;
        for number in 1..=EACH {
            let document =
                p2p_ci::protocol::Document::Rfc(number.to_string().parse().map_err(parse)?);
            let (title, holder): (p2p_ci::protocol::Title, p2p_ci::protocol::Endpoint) =
                (Clone::clone(&title), Clone::clone(&holder));
            let attributes = Attributes {
                content: Content::default(),
                added: Date::clamped(std::time::SystemTime::now()),
                address: None,
            };
            let begun = Instant::now();
            index
                .add(Owner(owner as u64), Record { document, title, holder }, attributes)
                .map_err(|full| io::Error::other(full.to_string()))?;
            longest_add = longest_add.max(begun.elapsed());
        }
    }
    let mut longest_page = Duration::ZERO;
    let mut cursor = Cursor::listing(Listing::Rfcs);
    loop {
        let begun = Instant::now();
        let page = index.page(&mut cursor, |_| true);
        longest_page = longest_page.max(begun.elapsed());
        if page.is_last {
            break;
        }
    }
    // The index is locked for fewer records at a time.
    let begun = Instant::now();
    let removed = index.remove_owner(Owner(0));
    let thousand = begun.elapsed() * 1000 / u32::try_from(removed.max(1)).unwrap_or(u32::MAX);
    Ok(vec![("ADD", longest_add), ("a page of LIST", longest_page), ("leaving", thousand)])
}

pub(super) fn panics(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let count = setting.size(1000, 200);
    let program = Program::start(command("panicking-server")?)?;
    let index = Index::of(program)?;
    let mut others: Vec<Talk> = Vec::new();
    for number in 0..10 {
        let mut talk = Talk::to(index.address)?;
        talk.ask(add(number + 1, "other", 5678, "a"))?;
        others.push(talk);
    }
    let mut cut = 0;
    let mut answered = 0;
    for number in 0..count {
        let mut talk = Talk::to(index.address)?;
        talk.ask(add(1000 + number, "panicking", 5678, "a"))?;
        talk.say(add(666, "panicking", 5678, "a"))?;
        let (rest, _) = talk.rest();
        cut += u32::from(rest.is_empty());
        let other = &mut others[number as usize % 10];
        answered += u32::from(
            status(&other.ask(format!("LOOKUP RFC 1 P2P-CI/1.0\r\n{FROM}\r\n"))?) == "200",
        );
    }
    report.figure("sessions ended by a panic", f64::from(cut), "");
    report.require("each ends its own connection", cut == count);
    report.require("all others are answered", answered == count);
    let left = wait_for(&mut others[0], 10, Duration::from_secs(5))?;
    report.require("the records of those that panicked are gone", left.is_some());
    Ok(())
}
