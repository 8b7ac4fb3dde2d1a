//! The order of downloads that wait.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::download::model::{DownloadRequest, Source};
use crate::download::queue::events::DownloadJob;
use crate::library::SaveTarget;
use crate::net::Cancel;
use crate::protocol::Document;

const SECOND: Duration = Duration::from_secs(1);

/// Lines of downloads with these names and holders.
struct Setting {
    lines: Lines,
    usage: Usage,
    names: HostNames,
    now: Instant,
}

fn source(holder: &str) -> Source {
    holder.parse::<Endpoint>().unwrap().into()
}

impl Setting {
    fn new() -> Self {
        let (lines, names) = (Lines::default(), HostNames::default());
        Self { lines, usage: Usage::new(8), names, now: Instant::now() }
    }

    fn add(&mut self, name: &str, holders: &[&str]) {
        let request = DownloadRequest {
            document: Document::File(name.parse().unwrap()),
            sources: holders.iter().map(|holder| source(holder)).collect(),
            digest: None,
        };
        let target = SaveTarget::file(Path::new(name));
        let job = DownloadJob {
            request,
            target,
            overwrite: false,
            found_free: None,
            cancel: Cancel::new(),
        };
        self.lines.push(Task::new(job, true, &Arc::default()), &self.names);
    }

    /// A worker takes the next downloads, at most `most`.
    fn take(&mut self, worker: usize, most: usize) -> Vec<String> {
        let Some(next) = self.lines.next(&self.usage, &self.names, self.now) else {
            return Vec::new();
        };
        let taken = self.lines.take(&next.holder, most);
        self.usage.set_user(worker, Some(next), self.now);
        taken.iter().map(|task| task.job.request.document.to_string()).collect()
    }

    /// A worker has used this time for the last downloads that it has taken.
    fn end(&mut self, worker: usize, time: Duration) {
        self.now += time;
        self.usage.set_user(worker, None, self.now);
    }
}

/// Once, the queue searched the next 4,096 downloads for one of another host, and hosts were compared by
/// their spelling.
#[test]
fn any_number_of_documents_of_one_party_costs_others_one_turn() {
    let spelled =
        |at: usize| format!("{}:{}", ["127.7", "0x7f.7", "0177.0.0.07"][at % 3], at % 50_000 + 1);
    let same = |_| "127.0.0.7:1".to_string();
    let ways: [&dyn Fn(usize) -> String; 2] = [&spelled, &same];
    for holder in ways {
        let mut setting = Setting::new();
        (0..20_000).for_each(|at| setting.add(&format!("a{at:05}"), &[&holder(at)]));
        (0..100).for_each(|at| setting.add(&format!("z{at:02}"), &["127.0.0.9:1"]));
        assert_eq!(setting.take(0, 1), ["FILE a00000"]);
        setting.now += SECOND;
        let mut count = 0;
        while count < 96 {
            let taken = setting.take(1, 8);
            assert_eq!(taken.first(), Some(&format!("FILE z{count:02}")));
            assert_eq!(taken.len(), 8);
            count += taken.len();
            setting.end(1, SECOND / 100);
        }
        assert_eq!(setting.lines.len(), 20_000 + 100 - 1 - 96);
    }
}

#[test]
fn holders_at_one_address_take_turns() {
    let mut setting = Setting::new();
    (0..200).for_each(|at| setting.add(&format!("a{at:03}"), &["localhost:1"]));
    (0..3).for_each(|at| setting.add(&format!("z{at}"), &["localhost:2"]));
    assert_eq!(setting.take(0, 1), ["FILE a000"]);
    setting.now += SECOND;
    for name in ["FILE z0", "FILE z1"] {
        assert_eq!(setting.take(1, 1), [name]);
        setting.end(1, SECOND / 10);
    }
    setting.end(0, SECOND);
    assert_eq!(setting.take(0, 1), ["FILE z2"]);
    assert_eq!(setting.take(0, 1), ["FILE a001"]);
}

#[test]
fn names_are_one_party_until_they_are_connected_to() {
    let mut setting = Setting::new();
    let addresses = ["192.0.2.7", "192.0.2.7", "192.0.2.9"];
    let names = ["a.example:1", "b.example:1", "z.example:1"];
    (0..2)
        .for_each(|at| names.iter().for_each(|name| setting.add(&format!("{name}{at}"), &[name])));
    assert_eq!(setting.take(0, 1), ["FILE a.example:10"]);
    setting.end(0, SECOND);
    for (name, address) in names.iter().zip(addresses) {
        setting.names.note_connected(&source(name), address.parse().unwrap());
    }
    // The time of the first was used by a party whose address was not known.
    assert_eq!(setting.take(1, 1), ["FILE b.example:10"]);
    setting.now += SECOND;
    assert_eq!(setting.take(2, 1), ["FILE z.example:10"]);
    setting.end(2, SECOND / 2);
    assert_eq!(setting.take(2, 1), ["FILE z.example:11"]);
}

/// Anybody may register documents that do not exist for the holder of others.
#[test]
fn documents_wait_in_the_line_of_their_slowest_holder() {
    let mut setting = Setting::new();
    for at in 0..9 {
        setting.add(&format!("a{at}"), &["127.0.0.9:1", "127.0.0.7:1"]);
    }
    setting.add("z", &["127.0.0.9:1"]);
    assert_eq!(setting.take(0, 1), ["FILE a0"]);
    let liar = User::of(Some(&source("127.0.0.7:1")), &setting.names);
    setting.usage.set_user(0, Some(liar), setting.now);
    setting.end(0, SECOND * 4);
    assert_eq!(setting.take(0, 1), ["FILE a1"]);
    let liar = User::of(Some(&source("127.0.0.7:1")), &setting.names);
    setting.usage.set_user(0, Some(liar), setting.now);
    setting.end(0, SECOND * 4);
    let mut rest = Vec::new();
    while !setting.lines.is_empty() {
        rest.extend(setting.take(1, 1));
        setting.end(1, SECOND / 10);
    }
    assert_eq!(rest.first().map(String::as_str), Some("FILE z"));
    assert_eq!(rest.len(), 8);
}
