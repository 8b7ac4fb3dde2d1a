//! Reading all records of the servers of a cluster from the store.

use std::collections::{HashMap, HashSet};

use redis::{Value, cmd};

use super::change::{Order, read_stored};
use super::connection::Store;
use super::error::StoreError;
use super::keys::Origin;
use super::remote::Remote;
use super::reply::{array, number, pair, text};
use super::shared::Shared;
use super::status::count;
use crate::index::{Attributes, Index, Owner, Renewal};
use crate::limits;
use crate::protocol::Record;

/// A record of the store, its place in the order, and its owners.
type Stored = (Order, Renewal, Record, Attributes);

/// Reads all records of these servers, in the order of their changes, and puts them into the index
/// in place of those that it has of other servers.
pub(super) fn read_all(
    shared: &Shared,
    index: &Index,
    store: &mut Store,
    remote: &mut Remote,
    live: &HashSet<Origin>,
) -> Result<(), StoreError> {
    let mut records: Vec<Stored> = Vec::new();
    let mut new = HashMap::new();
    let own = shared.epoch();
    for origin in live {
        let is_own = origin.name == shared.settings.name;
        if is_own && own.as_ref() != Some(&origin.epoch) {
            continue;
        }
        let last = number(&store.call(cmd("GET").arg(origin.batch()))?)?;
        let mut owners = HashMap::new();
        let connections = scan(store, "SSCAN", &origin.connections())?;
        for connection in connections {
            let connection = text(&connection)?.to_string();
            let Ok(connection) = connection.parse::<u64>() else {
                count(&shared.status.illegal, 1);
                continue;
            };
            let to = if is_own { Owner(connection) } else { remote.new_owner() };
            let from = if is_own { Some(to) } else { remote.owner_of(origin, connection) };
            owners.insert(connection, to);
            let key = format!("{}{connection}", origin.records());
            let mut fields = scan(store, "HSCAN", &key)?.into_iter();
            while let (Some(field), Some(value)) = (fields.next(), fields.next()) {
                match text(&field).ok().zip(text(&value).ok()).and_then(|(f, v)| read_stored(f, v))
                {
                    Some((order, record, attributes)) if records.len() < limits::RECORDS => {
                        records.push((
                            order,
                            Renewal { from: from.unwrap_or(to), to },
                            record,
                            attributes,
                        ));
                    }
                    _ => count(&shared.status.illegal, 1),
                }
            }
        }
        if !is_own {
            new.insert(origin.clone(), (last, owners));
        }
    }
    records.sort_by_key(|record| record.0);
    for (_, renewal, record, attributes) in records {
        if !super::names::is_remote(renewal.to) {
            // Own records only take their place in the order; the index has what is valid.
            if let Some((record, attributes)) =
                index.record_of(renewal.from, &record.document, &record.holder)
            {
                let _ = index.renew(renewal, record, attributes);
            }
            continue;
        }
        remote.renew(shared, index, renewal, record, attributes);
    }
    remote.replace(shared, index, new);
    count(&shared.status.resyncs, 1);
    Ok(())
}

/// All elements of a set or a hash, read in steps. An element that exists the whole time is returned,
/// perhaps more than once.
fn scan(store: &mut Store, command: &str, key: &str) -> Result<Vec<Value>, StoreError> {
    let mut found = Vec::new();
    let mut cursor = "0".to_string();
    loop {
        let mut scan = cmd(command);
        scan.arg(key).arg(&cursor).arg("COUNT").arg(limits::STORE_SCAN);
        let (next, elements) = pair(store.call(&scan)?)?;
        found.append(&mut array(elements)?);
        cursor = text(&next)?.to_string();
        if cursor == "0" || found.len() > 2 * limits::RECORDS {
            return Ok(found);
        }
    }
}
