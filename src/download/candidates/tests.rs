//! In which order holders are asked (protocol.md section 7).

use std::time::Duration;

use super::*;
use crate::limits;
use crate::protocol::{Content, Document};

fn digest(byte: u8) -> Digest {
    Digest::new([byte; 32])
}

fn source(holder: &str, digest: Option<Digest>) -> Source {
    let holder: Endpoint = holder.parse().unwrap();
    Source { content: Content { digest, length: None }, ..holder.into() }
}

fn wanted(sources: Vec<Source>) -> Wanted {
    Wanted { document: Document::Rfc("1".parse().unwrap()), sources, digest: None }
}

/// Asks all, each trial ending immediately; returns their names.
fn order(fetcher: &Fetcher, wanted: &Wanted) -> Vec<String> {
    let mut candidates = Candidates::new(fetcher, wanted);
    let mut skipped = Vec::new();
    let mut order = Vec::new();
    while let Next::Ask(candidate, _) = candidates.next(fetcher, &mut skipped) {
        order.push(candidate.source.holder.to_string());
    }
    order
}

fn of(holders: &[&str]) -> Wanted {
    wanted(holders.iter().map(|holder| source(holder, None)).collect())
}

#[test]
fn proven_ones_are_first_and_each_network_has_its_turn() {
    let fetcher = Fetcher::default();
    let wanted = of(&["192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "192.0.2.2:1", "192.0.2.3:1"]);
    let expected = ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "192.0.2.1:2", "192.0.2.1:3"];
    assert_eq!(order(&fetcher, &wanted), expected);
    fetcher.neighbours().delivered(&"192.0.2.3:1".parse().unwrap());
    assert_eq!(order(&fetcher, &wanted)[0], "192.0.2.3:1");
}

#[test]
fn those_in_backoff_are_not_asked_and_silent_ones_are_last() {
    let fetcher = Fetcher::default();
    let wanted = of(&["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"]);
    fetcher.neighbours().failed(&"192.0.2.1:1".parse().unwrap());
    fetcher.neighbours().silent(&"192.0.2.2:1".parse().unwrap());
    assert_eq!(order(&fetcher, &wanted), ["192.0.2.3:1", "192.0.2.2:1"]);
}

#[test]
fn a_proven_holder_that_was_slow_is_asked_before_unproven_ones() {
    let fetcher = Fetcher::default();
    let wanted = of(&["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"]);
    fetcher.neighbours().delivered(&"192.0.2.2:1".parse().unwrap());
    fetcher.neighbours().silent(&"192.0.2.2:1".parse().unwrap());
    fetcher.neighbours().delivered(&"192.0.2.3:1".parse().unwrap());
    assert_eq!(order(&fetcher, &wanted), ["192.0.2.3:1", "192.0.2.2:1", "192.0.2.1:1"]);
}

#[test]
fn backoff_is_looked_at_before_each_attempt() {
    let fetcher = Fetcher::default();
    let wanted = of(&["192.0.2.1:1", "192.0.2.2:1"]);
    let mut candidates = Candidates::new(&fetcher, &wanted);
    let mut skipped = Vec::new();
    assert!(matches!(candidates.next(&fetcher, &mut skipped), Next::Ask(..)));
    fetcher.neighbours().failed(&"192.0.2.2:1".parse().unwrap());
    assert!(matches!(candidates.next(&fetcher, &mut skipped), Next::None));
    assert!(matches!(skipped.as_slice(), [(_, TransferError::GivenUp)]), "{skipped:?}");
}

#[test]
fn a_holder_that_another_download_tries_is_waited_for() {
    let fetcher = Fetcher::default();
    let wanted = of(&["192.0.2.1:1"]);
    let mut skipped = Vec::new();
    let trial = fetcher.begin_trial(&wanted.sources[0], false);
    let mut candidates = Candidates::new(&fetcher, &wanted);
    assert!(matches!(candidates.next(&fetcher, &mut skipped), Next::Blocked));
    drop(trial);
    assert!(matches!(candidates.next(&fetcher, &mut skipped), Next::Ask(_, Some(_))));
}

#[test]
fn networks_vote_and_endpoints_do_not() {
    let (right, wrong) = (Some(digest(1)), Some(digest(2)));
    let wanted = wanted(vec![
        source("192.0.2.9:1", wrong),
        source("192.0.2.9:2", wrong),
        source("192.0.2.9:3", wrong),
        source("192.0.2.1:1", right),
        source("192.0.2.2:1", right),
    ]);
    let fetcher = Fetcher::default();
    let expected = ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.9:1", "192.0.2.9:2", "192.0.2.9:3"];
    assert_eq!(order(&fetcher, &wanted), expected);
    assert_eq!(agreeing(&wanted.sources, &[], &digest(1)), 2);
    assert_eq!(agreeing(&wanted.sources, &[], &digest(2)), 1);
}

#[test]
fn what_the_user_wants_is_only_an_order() {
    let mut wanted =
        wanted(vec![source("192.0.2.1:1", Some(digest(2))), source("192.0.2.2:1", None)]);
    wanted.digest = Some(digest(1));
    let fetcher = Fetcher::default();
    assert_eq!(order(&fetcher, &wanted), ["192.0.2.2:1", "192.0.2.1:1"]);
}

#[test]
fn a_busy_proven_holder_leaves_room_for_faster_ones() {
    let fetcher = Fetcher::default();
    let wanted = of(&["192.0.2.1:1", "192.0.2.2:1"]);
    let proven = &wanted.sources[0].holder;
    fetcher.neighbours().transferred(proven, 100_000, Duration::from_secs(1));
    fetcher.neighbours().delivered(proven);
    let _one = fetcher.neighbours().busy(proven);
    assert_eq!(order(&fetcher, &wanted)[0], "192.0.2.1:1");
    let _other = fetcher.neighbours().busy(proven);
    assert_eq!(order(&fetcher, &wanted)[0], "192.0.2.2:1");
}

/// All are ranked again only now and then.
#[test]
fn many_are_asked_in_the_same_order_as_few() {
    let fetcher = Fetcher::default();
    let holder = |network: usize, port: usize| format!("192.0.2.{network}:{}", port + 1);
    let all: Vec<String> =
        (0..100).flat_map(|network| (0..3).map(move |port| holder(network, port))).collect();
    let wanted = of(&all.iter().map(String::as_str).collect::<Vec<_>>());
    let expected: Vec<String> =
        (0..3).flat_map(|port| (0..100).map(move |network| holder(network, port))).collect();
    assert_eq!(order(&fetcher, &wanted), expected);

    let mut candidates = Candidates::new(&fetcher, &wanted);
    let mut skipped = Vec::new();
    let mut next = || match candidates.next(&fetcher, &mut skipped) {
        Next::Ask(candidate, _) => candidate,
        next => panic!("{next:?}"),
    };
    assert_eq!(next().source.holder.to_string(), expected[0]);
    // A holder that fails after the ranking is not asked.
    fetcher.neighbours().failed(&expected[1].parse().unwrap());
    assert_eq!(next().source.holder.to_string(), expected[2]);
    let mut again = next();
    assert_eq!(again.source.holder.to_string(), expected[3]);
    again.is_first = true;
    candidates.give_back(again);
    let Next::Ask(again, _) = candidates.next(&fetcher, &mut skipped) else { panic!() };
    assert_eq!(again.source.holder.to_string(), expected[3]);
    assert_eq!(skipped.len(), 1);
}

/// One party may own any number of names.
#[test]
fn names_whose_addresses_are_not_known_count_as_one_network() {
    let fetcher = Fetcher::default();
    let (right, wrong) = (Some(digest(1)), Some(digest(2)));
    let mut names: Vec<Source> =
        (0..3).map(|number| source(&format!("n{number}.example:1"), wrong)).collect();
    names.push(source("192.0.2.1:1", None));
    let all = wanted(names.clone());
    let expected = ["n0.example:1", "192.0.2.1:1", "n1.example:1", "n2.example:1"];
    assert_eq!(order(&fetcher, &all), expected);
    assert_eq!(agreeing(&all.sources, &[], &digest(2)), 1);
    assert_eq!(majority(&all.sources), None);
    names[0].address = Some([192, 0, 2, 2].into());
    names[0].content.digest = right;
    names[1].address = Some([192, 0, 2, 3].into());
    names[1].content.digest = right;
    assert_eq!(majority(&names), right);
}

#[test]
fn names_are_skipped_while_the_name_service_does_not_answer() {
    let fetcher = Fetcher::default();
    let mut wanted = of(&["n0.example:1", "n1.example:1", "192.0.2.1:1"]);
    wanted.sources[0].told_by = Some("192.0.2.9:1".parse().unwrap());
    for _ in 0..limits::LOOKUPS_UNANSWERED {
        fetcher.name_lookups().not_found(limits::LOOKUP_SLOW);
    }
    // A person has named the second one.
    assert_eq!(order(&fetcher, &wanted), ["n1.example:1", "192.0.2.1:1"]);
    fetcher.neighbours().delivered(&wanted.sources[0].holder);
    assert_eq!(order(&fetcher, &wanted)[0], "n0.example:1");
}
