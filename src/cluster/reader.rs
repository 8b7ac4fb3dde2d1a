//! The thread that reads changes, and sees which servers live.

use std::collections::HashSet;
use std::time::Instant;

use redis::{Value, cmd};

use super::change::decode;
use super::connection::Store;
use super::error::StoreError;
use super::keys::{CHANGES, Epoch, ID, LEASE, Origin, SERVERS, lease};
use super::own::apply;
use super::remote::Remote;
use super::reply::{StreamId, array, number, pair, text};
use super::script::{CLEAN, WATCH};
use super::shared::Shared;
use super::state::read_all;
use super::status::{LiveServer, Side, count};
use crate::index::Index;
use crate::limits;

/// Reads changes and applies them.
pub(super) struct Reader<'a> {
    shared: &'a Shared,
    index: &'a Index,
    remote: Remote,
    /// The last entry of the stream that was applied; `None` if all records must be read first.
    position: Option<StreamId>,
    /// When the leases are looked at next.
    watch: Instant,
}

impl<'a> Reader<'a> {
    pub(super) fn new(shared: &'a Shared, index: &'a Index) -> Self {
        Self { shared, index, remote: Remote::default(), position: None, watch: Instant::now() }
    }

    /// Reads until the cluster ends.
    pub(super) fn run(mut self) {
        while !self.shared.queue.is_ending() || self.shared.queue.oldest().is_some() {
            let done = Store::connect(&self.shared.settings).and_then(|mut store| {
                self.shared.works(Side::Reader);
                self.watch = Instant::now();
                self.read(&mut store)
            });
            if let Err(error) = done {
                self.shared.failed(Side::Reader, &error);
                self.shared.first_read.end();
            }
            if self.shared.status.contact().elapsed() >= limits::LEASE {
                // Their leases may have expired.
                self.remote.retain(self.shared, self.index, &HashSet::new());
                self.shared.status.set_servers(Vec::new());
                self.position = None;
            }
            self.shared.queue.pause(limits::STORE_RETRY);
        }
    }

    fn read(&mut self, store: &mut Store) -> Result<(), StoreError> {
        while !self.shared.queue.is_ending() || self.shared.queue.oldest().is_some() {
            if Instant::now() >= self.watch || self.position.is_none() {
                self.watch(store)?;
                self.watch = Instant::now() + limits::LEASE_WATCH;
            }
            let Some(position) = self.position else { continue };
            let mut command = cmd("XREAD");
            command.arg("COUNT").arg(limits::STORE_READ).arg("BLOCK").arg(limits::STORE_BLOCK);
            command.arg("STREAMS").arg(CHANGES).arg(position.to_string());
            let streams = array(store.call(&command)?)?;
            self.shared.status.set_contact();
            for stream in streams {
                let (_, entries) = pair(stream)?;
                for entry in array(entries)? {
                    self.apply(entry)?;
                }
            }
        }
        Ok(())
    }

    /// Applies an entry of the stream. A gap makes all records be read.
    fn apply(&mut self, entry: Value) -> Result<(), StoreError> {
        let (id, fields) = pair(entry)?;
        let id = StreamId::read(text(&id)?).ok_or(StoreError::Reply("an identifier"))?;
        if self.position.is_none() {
            // All records are read next.
            return Ok(());
        }
        self.position = Some(id);
        let fields = array(fields)?;
        let Some((origin, batch, changes)) = read_entry(&fields) else {
            count(&self.shared.status.illegal, 1);
            return Ok(());
        };
        if origin.name == self.shared.settings.name {
            self.read_back(&origin.epoch, batch);
            return Ok(());
        }
        if !self.remote.follows(&origin, batch) {
            log::info!(target: super::LOG, "cluster: changes of {} are missing: reading all records", origin.name);
            self.position = None;
            return Ok(());
        }
        let (changes, illegal) = decode(changes);
        self.shared.status.illegal.fetch_add(illegal, std::sync::atomic::Ordering::Relaxed);
        self.remote.apply(self.shared, self.index, &origin, changes);
        Ok(())
    }

    /// Applies a batch of this server.
    fn read_back(&self, epoch: &Epoch, batch: u64) {
        for submission in self.shared.queue.read_back(epoch, batch) {
            apply(self.shared, self.index, submission);
        }
        self.shared.queue.applied(epoch, batch);
    }

    /// Looks at the leases: removes the records of servers without one, and reads all records if the
    /// stream does not continue.
    fn watch(&mut self, store: &mut Store) -> Result<(), StoreError> {
        let name = &self.shared.settings.name;
        let own = self.shared.epoch().map(|epoch| Origin { name: name.clone(), epoch });
        let batch = own.as_ref().map(Origin::batch);
        let keys: Vec<&str> = [SERVERS, CHANGES, ID].into_iter().chain(batch.as_deref()).collect();
        let seen = store.run(&WATCH, &keys, |command| {
            command.arg(LEASE);
        })?;
        self.shared.status.set_contact();
        let mut seen = array(seen)?.into_iter();
        let last = seen.next().ok_or(StoreError::Reply("the last change"))?;
        let last = StreamId::read(text(&last)?).ok_or(StoreError::Reply("an identifier"))?;
        seen.next();
        let own_batch = number(&seen.next().ok_or(StoreError::Reply("the last batch"))?)?;
        let (mut live, mut dead, mut servers) = (HashSet::new(), Vec::new(), Vec::new());
        while let (Some(member), Some(lease)) = (seen.next(), seen.next()) {
            let member = text(&member)?;
            let Some(origin) = Origin::of_member(member) else {
                count(&self.shared.status.illegal, 1);
                continue;
            };
            let lease = Lease::read(text(&lease)?);
            match lease {
                Some(lease) if lease.epochs.contains(&origin.epoch) => {
                    if lease.epochs.first() == Some(&origin.epoch) {
                        let name = origin.name.to_string();
                        servers.push(LiveServer { name, addresses: lease.addresses });
                    }
                    live.insert(origin);
                }
                _ => dead.push(origin),
            }
        }
        servers.sort_by(|one, other| one.name.cmp(&other.name));
        self.shared.status.set_servers(servers);
        self.remote.retain(self.shared, self.index, &live);
        for origin in dead {
            clean(store, &origin)?;
        }
        if self.position.is_none_or(|position| last < position) {
            if self.shared.epoch() != own.as_ref().map(|own| own.epoch.clone()) {
                // The number is that of another epoch: this is done again.
                return Ok(());
            }
            // The stream is not read up to here, also not the batches of this server.
            while let Some(Origin { epoch, .. }) = &own
                && let Some(oldest) = self.shared.queue.oldest_of(epoch)
                && oldest <= own_batch
            {
                self.read_back(epoch, oldest);
            }
            read_all(self.shared, self.index, store, &mut self.remote, &live)?;
            self.position = Some(last);
            self.shared.first_read.end();
        }
        Ok(())
    }
}

/// What a lease says.
struct Lease {
    /// The present epoch, and earlier ones whose records are still valid.
    epochs: Vec<Epoch>,
    addresses: Vec<String>,
}

impl Lease {
    fn read(text: &str) -> Option<Self> {
        let mut words = text.splitn(4, ' ');
        let [epoch, earlier, _, addresses] = [(); 4].map(|()| words.next());
        let earlier = earlier?.split(',').filter_map(Epoch::read);
        let epochs = std::iter::once(Epoch::read(epoch?)?).chain(earlier).collect();
        let is_address = |text: &&str| {
            (1..=300).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let addresses = addresses?.split(',').filter(is_address).map(String::from).collect();
        Some(Self { epochs, addresses })
    }
}

/// The server, the number of the batch, and the changes of an entry.
fn read_entry(fields: &[Value]) -> Option<(Origin, u64, &str)> {
    let [s, name, e, epoch, n, batch, c, changes] = fields else { return None };
    let names = [s, e, n, c].map(|field| text(field).ok());
    if names != [Some("s"), Some("e"), Some("n"), Some("c")] {
        return None;
    }
    let name = text(name).ok()?.parse().ok()?;
    let epoch = Epoch::read(text(epoch).ok()?)?;
    Some((Origin { name, epoch }, number(batch).ok()?, text(changes).ok()?))
}

/// Removes some records of a server without a lease from the store.
fn clean(store: &mut Store, origin: &Origin) -> Result<(), StoreError> {
    let lease = lease(&origin.name);
    let keys = [&lease, SERVERS, &origin.connections(), &origin.batch(), &origin.records()];
    store.run(&CLEAN, &keys, |command| {
        command.arg(origin.epoch.as_str()).arg(origin.member()).arg(limits::STORE_CLEANED);
    })?;
    Ok(())
}
