//! Compares records as sets (protocol.md section 4.5).

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use crate::protocol::{Attribute, Record};
use crate::replay::difference::{AllIgnored, Difference, Ignored};
use crate::replay::reply::Reply;

/// A record and its attributes.
type Described = (Record, Vec<Attribute>);

/// What two equal records have in common.
type Key = (String, String, Option<u16>, Vec<String>);

/// Adds the records that only one of two replies has.
///
/// The host of a record depends on the machine of the peer and on the index server, and the port of a
/// record of another peer on that peer.
pub(super) fn compare(
    expected: &Reply,
    received: &Reply,
    ports: &BTreeSet<u16>,
    ignored: &mut AllIgnored,
    differences: &mut Vec<Difference>,
) {
    let keys =
        |reply: &Reply| -> Vec<Key> { reply.records.iter().map(|one| key(one, ports)).collect() };
    let (expected_keys, received_keys) = (keys(expected), keys(received));
    // The places of received records that no expected record has taken.
    let mut left: BTreeMap<&Key, Vec<usize>> = BTreeMap::new();
    for (at, key) in received_keys.iter().enumerate().rev() {
        left.entry(key).or_default().push(at);
    }
    let (mut missing, mut last) = (Vec::new(), None);
    for (key, one) in expected_keys.iter().zip(&expected.records) {
        let Some(at) = left.get_mut(key).and_then(Vec::pop) else {
            missing.push(one);
            continue;
        };
        if last.is_some_and(|last| at < last) {
            ignored.insert(Ignored::Order);
        }
        last = Some(at);
        if let Some(other) = received.records.get(at) {
            note_ignored(one, other, ignored);
        }
    }
    let mut extra: Vec<usize> = left.into_values().flatten().collect();
    extra.sort_unstable();
    let extra = extra.into_iter().filter_map(|at| received.records.get(at));
    let mut extra: Vec<&Described> = extra.collect();
    missing.retain(|one| {
        let is_same = |other: &&Described| bare(one, ports) == bare(other, ports);
        let Some(at) = extra.iter().position(is_same) else { return true };
        let other = extra.remove(at);
        differences.push(Difference {
            part: "attributes",
            section: "4.11",
            expected: attributes(one, other),
            received: attributes(other, one),
        });
        false
    });
    let text = |(record, _): &Described| text(record);
    let (mut missing, mut extra) = (missing.into_iter().map(text), extra.into_iter().map(text));
    loop {
        let (one, other) = (missing.next(), extra.next());
        if one.is_none() && other.is_none() {
            break;
        }
        let text = |record: Option<String>| record.unwrap_or_else(|| "no record".into());
        differences.push(Difference {
            part: "record",
            section: "4.5",
            expected: text(one),
            received: text(other),
        });
    }
    lines_that_are_none(expected, received, differences);
}

/// Compares lines in place of records that are no records.
fn lines_that_are_none(expected: &Reply, received: &Reply, differences: &mut Vec<Difference>) {
    let text = |reply: &Reply| {
        let lines: Vec<String> = reply
            .other
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes).trim().to_string())
            .collect();
        if lines.is_empty() { "no such line".into() } else { lines.join("; ") }
    };
    if expected.status.is_some() && text(expected) != text(received) {
        let (expected, received) = (text(expected), text(received));
        differences.push(Difference {
            part: "line of another form",
            section: "4.9",
            expected,
            received,
        });
    }
}

fn key((record, attributes): &Described, ports: &BTreeSet<u16>) -> Key {
    let port = record.holder.port.value();
    let attributes = attributes.iter().filter(|one| is_compared(one)).map(ToString::to_string);
    (
        record.document.wire().to_string(),
        record.title.as_str().to_string(),
        Some(port).filter(|port| ports.contains(port)),
        attributes.collect(),
    )
}

/// What two records have in common that differ in their attributes alone.
fn bare((record, _): &Described, ports: &BTreeSet<u16>) -> Key {
    key(&(record.clone(), Vec::new()), ports)
}

/// A record with those of its attributes that another one does not have, and the names of those that only the
/// other one has.
fn attributes((record, own): &Described, (_, others): &Described) -> String {
    let differing = own.iter().filter(|one| is_compared(one) && !others.contains(one));
    let mut texts: Vec<String> = differing.map(ToString::to_string).collect();
    for other in others.iter().filter(|one| is_compared(one)) {
        let is_same_kind = |one: &Attribute| mem::discriminant(one) == mem::discriminant(other);
        if !own.iter().any(is_same_kind) {
            let text = other.to_string();
            texts.push(format!("no {}", text.split(':').next().unwrap_or_default()));
        }
    }
    format!("{}: {}", text(record), texts.join(", "))
}

fn is_compared(attribute: &Attribute) -> bool {
    matches!(attribute, Attribute::Digest(_) | Attribute::Length(_))
}

fn note_ignored(
    (one, attributes): &Described,
    (other, other_attributes): &Described,
    ignored: &mut AllIgnored,
) {
    if one.holder.host != other.holder.host {
        ignored.insert(Ignored::Hosts);
    }
    if one.holder.port != other.holder.port {
        ignored.insert(Ignored::Ports);
    }
    if attributes != other_attributes {
        ignored.insert(Ignored::Attributes);
    }
}

fn text(record: &Record) -> String {
    let (document, holder) = (record.document.wire(), &record.holder);
    let (host, port) = (&holder.host, holder.port);
    format!("{document} {} {host} {port}", record.title.as_str())
}
