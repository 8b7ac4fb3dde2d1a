//! The index servers and the peers.

mod commands;
mod common;
mod view;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::addresses;
use super::availability::Availability;
use super::checker::Checker;
use super::command::Wanted;
use super::documents;
use super::figures::Figures;
use super::history::{History, Step};
use super::member::{Member, Place};
use super::observer::Observer;
use super::plan::{Phase, Plan, PlannedStep};
use super::root::Root;
use super::scenario::{Documents, Group, Scenario};
use super::servers::Servers;
use crate::capture::Recorder;
use crate::net::Interface;
use crate::protocol::{Document, Endpoint};
pub(crate) use common::Reported;
use common::{Common, Report};
pub(crate) use view::{PeerView, Presence};

/// What a laboratory consists of.
pub(crate) struct Settings {
    /// The peers, and what they do.
    pub(crate) scenario: Scenario,
    /// A directory whose files are dealt to the peers, in place of generated documents.
    pub(crate) share: Option<PathBuf>,
    /// Where connections are recorded.
    pub(crate) recorder: Recorder,
    /// Whether the exchange is reported.
    pub(crate) shows_exchange: bool,
}

/// An index server and peers. They end, and their files are removed, when this is dropped.
pub(crate) struct Laboratory {
    scenario: Scenario,
    shared_files: Vec<PathBuf>,
    servers: Arc<Servers>,
    /// Checks several index servers.
    checker: Option<Checker>,
    /// Shared with the threads that download.
    common: Arc<Common>,
    plan: Plan,
    peers: Mutex<Vec<Peer>>,
    /// All documents, for `get … all`.
    documents: Mutex<BTreeSet<Document>>,
    getting: Mutex<Vec<JoinHandle<()>>>,
    recorder: Arc<Recorder>,
    root: Root,
}

/// A peer, which may have left.
struct Peer {
    group: usize,
    /// Its place within the group.
    place: usize,
    member: Option<Arc<Member>>,
    has_joined: bool,
}

impl Peer {
    /// A peer that has not joined yet.
    fn expected(group: usize, place: usize) -> Self {
        Self { group, place, member: None, has_joined: false }
    }
}

impl Laboratory {
    /// Starts the index server. `report` is called with what happens, by other threads.
    ///
    /// # Errors
    /// When no address or directory is available, or a shared directory cannot be read.
    pub(crate) fn start(
        settings: Settings,
        report: impl Fn(Reported) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let Settings { scenario, share, recorder, shows_exchange } = settings;
        let shared_files = share.as_deref().map(documents::files).transpose()?.unwrap_or_default();
        let root = Root::create()?;
        let history = Arc::new(History::begin());
        let report: Report = Arc::new(report);
        let show = shows_exchange.then(|| {
            let report = Arc::clone(&report);
            Box::new(move |line| report(Reported::Exchange(line))) as Box<_>
        });
        let observer = Arc::new(Observer::new(Arc::clone(&history), show));
        let seen = Arc::clone(&observer);
        let recorder = Arc::new(recorder.with_tap(move |found| {
            if let Some(packet) = &found.packet {
                seen.see(packet);
            }
        }));
        let interface = Interface { recorder: Some(Arc::clone(&recorder)), ..Interface::default() };
        let servers = Servers::start(scenario.servers, &interface, &observer, root.path())?;
        let servers = Arc::new(servers);
        let check = || Checker::start(Arc::clone(&servers), Arc::clone(&history));
        let checker = servers.are_several().then(check).transpose()?;
        let mut peers = Vec::new();
        let mut all = BTreeSet::new();
        for (number, group) in scenario.groups.iter().enumerate() {
            peers.extend((0..group.count).map(|place| Peer::expected(number, place)));
            if shared_files.is_empty() {
                all.extend((0..group.count).flat_map(|place| generated(group.documents, place)));
            }
        }
        Ok(Self {
            scenario,
            shared_files,
            servers,
            checker,
            common: Arc::new(Common::new(history, observer, report)),
            plan: Plan::default(),
            peers: Mutex::new(peers),
            documents: Mutex::new(all),
            getting: Mutex::default(),
            recorder,
            root,
        })
    }

    /// Where the index servers listen.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = &Endpoint> {
        self.servers.all().map(|server| &server.endpoint)
    }

    /// A function that ends the store of the index servers, if there is one.
    pub(crate) fn end_store(&self) -> impl FnOnce() + Send + 'static {
        self.servers.end_store()
    }

    /// Fails if the store of the index servers has ended: they have no common index then.
    ///
    /// # Errors
    /// With the reason.
    pub(super) fn check_store(&self) -> Result<(), String> {
        self.servers.check_store()
    }

    /// The directory that is removed at the end.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The time since the beginning.
    pub(crate) fn time(&self) -> Duration {
        self.common.history.time()
    }

    /// What the laboratory does from now on.
    pub(crate) fn enter(&self, phase: Phase) {
        self.plan.enter(phase);
    }

    /// Begins with these steps.
    pub(super) fn begin_steps(&self, steps: impl Iterator<Item = PlannedStep>) {
        self.plan.begin(steps);
    }

    /// The first of the steps that are left is being taken.
    pub(super) fn take_step(&self) {
        self.plan.take_step();
    }

    /// Whether a download is running, or index servers do not agree yet.
    pub(crate) fn is_busy(&self) -> bool {
        let is_settled = self.checker.as_ref().is_none_or(Checker::is_settled);
        self.common.running.load(Ordering::Acquire) > 0 || !is_settled
    }

    /// What was counted until now.
    pub(crate) fn figures(&self) -> Figures {
        let groups: Vec<usize> = lock(&self.peers).iter().map(|peer| peer.group).collect();
        let Common { history, observer, .. } = &*self.common;
        let (time, steps) = (history.time(), history.steps());
        let figures = Figures::of(&self.scenario, &groups, time, &steps, observer.traffic());
        let availability = self.checker.as_ref().map(|checker| {
            let (samples, lookups) = checker.seen();
            Availability::of(self.scenario.servers, &steps, samples, &lookups)
        });
        Figures { availability, ..figures }
    }

    /// Starts a peer that is not there.
    pub(super) fn join(&self, number: usize) -> Result<(), String> {
        let failed = |error: io::Error| format!("peer {number} cannot join: {error}");
        let (group, place) = {
            let peers = lock(&self.peers);
            let peer = peers.get(number - 1).ok_or_else(|| format!("there is no peer {number}"))?;
            (peer.group, peer.place)
        };
        let group = self.scenario.groups.get(group).ok_or("there is no such group")?;
        let directory = self.root.path().join(format!("peer-{number}"));
        if !directory.exists() {
            fs::create_dir(&directory).map_err(failed)?;
            self.fill(number, place, group, &directory).map_err(failed)?;
        }
        let interface =
            Interface { recorder: Some(Arc::clone(&self.recorder)), ..Interface::default() };
        let (address, index) = (addresses::of_peer(number), &self.servers.of_peer(number).endpoint);
        let place = Place { number, address, directory: &directory, index, interface };
        let member = Member::join(place, group).map_err(failed)?;
        let Common { history, observer, .. } = &*self.common;
        observer.listens(number, member.address);
        let known: Vec<Document> =
            member.library.read().documents().map(|(d, _)| d.clone()).collect();
        let text = format!("peer {number} ({}) joins at {}", group.name, member.address);
        lock(&self.documents).extend(known);
        history.add(Step::Joined);
        self.common.note(&text);
        if let Some(checker) = &self.checker {
            checker.joined(&member);
        }
        if let Some(peer) = lock(&self.peers).get_mut(number - 1) {
            peer.member = Some(Arc::new(member));
            peer.has_joined = true;
        }
        Ok(())
    }

    /// Writes the documents that a peer has before it joins for the first time.
    fn fill(&self, number: usize, place: usize, group: &Group, directory: &Path) -> io::Result<()> {
        if self.shared_files.is_empty() {
            for document in numbers(group.documents, place) {
                documents::generate(directory, document, group.documents.size)?;
            }
            return Ok(());
        }
        documents::deal(&self.shared_files, number - 1, self.scenario.peers(), directory)
    }

    pub(super) fn leave(&self, number: usize) {
        let member = lock(&self.peers).get_mut(number - 1).and_then(|peer| peer.member.take());
        if let Some(member) = member {
            self.common.history.add(Step::Left);
            self.common.note(&format!("peer {number} leaves"));
            if let Some(checker) = &self.checker {
                checker.left(&member);
            }
            member.leave();
        }
    }

    /// Starts to download, in a thread of the peer.
    pub(super) fn get(&self, number: usize, wanted: &[Wanted]) -> Result<(), String> {
        let Some(member) = self.member(number) else { return Ok(()) };
        let mut documents = Vec::new();
        for wanted in wanted {
            match wanted {
                Wanted::One(document) => documents.push(document.clone()),
                Wanted::All => {
                    let mut all: Vec<Document> = lock(&self.documents).iter().cloned().collect();
                    // Each begins with another document, so that there are soon several holders of each.
                    let first = number % all.len().max(1);
                    all.rotate_left(first);
                    documents.extend(all);
                }
            }
        }
        let common = Arc::clone(&self.common);
        common.running.fetch_add(1, Ordering::AcqRel);
        let work = move || {
            for document in &documents {
                common.download(&member, document);
            }
            common.running.fetch_sub(1, Ordering::AcqRel);
        };
        let thread = thread::Builder::new().name(format!("get-{number}")).spawn(work);
        let thread = thread.map_err(|error| {
            self.common.running.fetch_sub(1, Ordering::AcqRel);
            format!("cannot start a thread: {error}")
        })?;
        let mut getting = lock(&self.getting);
        getting.retain(|thread| !thread.is_finished());
        getting.push(thread);
        Ok(())
    }

    /// Waits until the documents of all peers are registered.
    pub(crate) fn wait_until_registered(&self) {
        let members: Vec<_> =
            lock(&self.peers).iter().filter_map(|peer| peer.member.clone()).collect();
        for member in members {
            // Those that could not register are tried again.
            let _ = member.registration.wait(&member.cancel);
        }
    }

    fn member(&self, number: usize) -> Option<Arc<Member>> {
        lock(&self.peers).get(number - 1)?.member.clone()
    }
}

impl Drop for Laboratory {
    fn drop(&mut self) {
        self.checker = None;
        let members: Vec<_> =
            lock(&self.peers).iter_mut().filter_map(|peer| peer.member.take()).collect();
        thread::scope(|scope| {
            for member in &members {
                let thread = thread::Builder::new().name("leave".into());
                if thread.spawn_scoped(scope, || member.leave()).is_err() {
                    member.leave();
                }
            }
        });
        for thread in lock(&self.getting).drain(..) {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
        drop(members);
    }
}

/// The RFC numbers of the generated documents of a peer.
fn numbers(documents: Documents, place: usize) -> std::ops::Range<u32> {
    let place = if documents.own { u32::try_from(place).unwrap_or(u32::MAX) } else { 0 };
    let first = documents.first.saturating_add(place.saturating_mul(documents.count));
    first..first.saturating_add(documents.count)
}

fn generated(documents: Documents, place: usize) -> impl Iterator<Item = Document> {
    numbers(documents, place)
        .filter_map(|number| number.to_string().parse().ok().map(Document::Rfc))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
