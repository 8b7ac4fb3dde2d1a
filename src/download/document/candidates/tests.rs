//! In which order holders are asked (protocol.md section 7).

use std::time::Duration;

use super::*;
use crate::download::document::votes::{agreeing, vote_can_decide};
use crate::download::downloader::Downloader;
use crate::net::Provenance;
use crate::protocol::{Content, Document};

fn digest(byte: u8) -> Digest {
    Digest::new([byte; 32])
}

fn source(holder: &str, digest: Option<Digest>) -> Source {
    let holder: Endpoint = holder.parse().unwrap();
    Source { content: Content { digest, length: None }, ..holder.into() }
}

fn wanted(sources: Vec<Source>) -> DownloadRequest {
    DownloadRequest { document: Document::Rfc("1".parse().unwrap()), sources, digest: None }
}

/// Asks all holders; each trial ends immediately. Returns their names.
fn order(admission: &Admission, request: &DownloadRequest) -> Vec<String> {
    let mut candidates = Candidates::new(admission, request);
    let mut skipped = Vec::new();
    let mut order = Vec::new();
    while let Next::Ask(candidate, _) = candidates.next(false, &mut skipped) {
        order.push(candidate.source.holder.to_string());
    }
    order
}

fn of(holders: &[&str]) -> DownloadRequest {
    wanted(holders.iter().map(|holder| source(holder, None)).collect())
}

#[test]
fn proven_ones_are_first_and_each_network_has_its_turn() {
    let admission = Admission::default();
    let request = of(&["192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "192.0.2.2:1", "192.0.2.3:1"]);
    let expected = ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "192.0.2.1:2", "192.0.2.1:3"];
    assert_eq!(order(&admission, &request), expected);
    admission.stats.delivered(&"192.0.2.3:1".parse().unwrap());
    assert_eq!(order(&admission, &request)[0], "192.0.2.3:1");
}

#[test]
fn those_in_backoff_are_not_asked_and_silent_ones_are_last() {
    let admission = Admission::default();
    let request = of(&["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"]);
    admission.stats.failed(&"192.0.2.1:1".parse().unwrap());
    admission.stats.silent(&"192.0.2.2:1".parse().unwrap());
    assert_eq!(order(&admission, &request), ["192.0.2.3:1", "192.0.2.2:1"]);
}

#[test]
fn a_proven_holder_that_was_slow_is_asked_before_unproven_ones() {
    let admission = Admission::default();
    let request = of(&["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"]);
    admission.stats.delivered(&"192.0.2.2:1".parse().unwrap());
    admission.stats.silent(&"192.0.2.2:1".parse().unwrap());
    admission.stats.delivered(&"192.0.2.3:1".parse().unwrap());
    assert_eq!(order(&admission, &request), ["192.0.2.3:1", "192.0.2.2:1", "192.0.2.1:1"]);
}

#[test]
fn backoff_is_looked_at_before_each_attempt() {
    let admission = Admission::default();
    let request = of(&["192.0.2.1:1", "192.0.2.2:1"]);
    let mut candidates = Candidates::new(&admission, &request);
    let mut skipped = Vec::new();
    assert!(matches!(candidates.next(false, &mut skipped), Next::Ask(..)));
    admission.stats.failed(&"192.0.2.2:1".parse().unwrap());
    assert!(matches!(candidates.next(false, &mut skipped), Next::None));
    assert!(matches!(skipped.as_slice(), [(_, TransferError::GivenUp)]), "{skipped:?}");
}

#[test]
fn a_holder_that_another_download_tries_is_waited_for() {
    let admission = Admission::default();
    let request = of(&["192.0.2.1:1"]);
    let mut skipped = Vec::new();
    let trial = admission.begin_trial(&request.sources[0], false);
    let mut candidates = Candidates::new(&admission, &request);
    assert!(matches!(candidates.next(false, &mut skipped), Next::Blocked));
    drop(trial);
    assert!(matches!(candidates.next(false, &mut skipped), Next::Ask(_, Some(_))));
}

#[test]
fn the_chosen_holder_is_waited_for_while_another_download_tries_it() {
    let admission = Admission::default();
    let mut request = of(&["192.0.2.1:1", "192.0.2.2:1"]);
    request.sources[0].is_chosen = true;
    let mut skipped = Vec::new();
    let trial = admission.begin_trial(&request.sources[0], false);
    let mut candidates = Candidates::new(&admission, &request);
    assert!(matches!(candidates.next(false, &mut skipped), Next::Blocked));
    drop(trial);
    let next = candidates.next(false, &mut skipped);
    assert!(matches!(next, Next::Ask(Candidate { source, .. }, Some(_)) if source.is_chosen));
    // When it was asked, the others follow.
    assert!(matches!(candidates.next(false, &mut skipped), Next::Ask(..)));
}

#[test]
fn networks_vote_and_endpoints_do_not() {
    let (right, wrong) = (Some(digest(1)), Some(digest(2)));
    let request = wanted(vec![
        source("192.0.2.9:1", wrong),
        source("192.0.2.9:2", wrong),
        source("192.0.2.9:3", wrong),
        source("192.0.2.1:1", right),
        source("192.0.2.2:1", right),
    ]);
    let admission = Admission::default();
    let expected = ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.9:1", "192.0.2.9:2", "192.0.2.9:3"];
    assert_eq!(order(&admission, &request), expected);
    assert_eq!(agreeing(&request.sources, &admission.names, &[], &digest(1)), 2);
    assert_eq!(agreeing(&request.sources, &admission.names, &[], &digest(2)), 1);
}

#[test]
fn the_required_digest_changes_only_the_order() {
    let mut request =
        wanted(vec![source("192.0.2.1:1", Some(digest(2))), source("192.0.2.2:1", None)]);
    request.digest = Some(digest(1));
    let admission = Admission::default();
    assert_eq!(order(&admission, &request), ["192.0.2.2:1", "192.0.2.1:1"]);
}

#[test]
fn a_busy_proven_holder_leaves_room_for_faster_ones() {
    let admission = Admission::default();
    let request = of(&["192.0.2.1:1", "192.0.2.2:1"]);
    let proven = &request.sources[0].holder;
    admission.stats.transferred(proven, 100_000, Duration::from_secs(1));
    admission.stats.delivered(proven);
    let _one = admission.stats.busy(proven);
    assert_eq!(order(&admission, &request)[0], "192.0.2.1:1");
    let _other = admission.stats.busy(proven);
    assert_eq!(order(&admission, &request)[0], "192.0.2.2:1");
}

/// Many holders are not ranked each time.
#[test]
fn many_are_asked_in_the_same_order_as_few() {
    let admission = Admission::default();
    let holder = |network: usize, port: usize| format!("192.0.2.{network}:{}", port + 1);
    let all: Vec<String> =
        (0..100).flat_map(|network| (0..3).map(move |port| holder(network, port))).collect();
    let request = of(&all.iter().map(String::as_str).collect::<Vec<_>>());
    let expected: Vec<String> =
        (0..3).flat_map(|port| (0..100).map(move |network| holder(network, port))).collect();
    assert_eq!(order(&admission, &request), expected);

    let mut candidates = Candidates::new(&admission, &request);
    let mut skipped = Vec::new();
    let mut next = || match candidates.next(false, &mut skipped) {
        Next::Ask(candidate, _) => candidate,
        next => panic!("{next:?}"),
    };
    assert_eq!(next().source.holder.to_string(), expected[0]);
    // A holder that fails after the ranking is not asked.
    admission.stats.failed(&expected[1].parse().unwrap());
    assert_eq!(next().source.holder.to_string(), expected[2]);
    let mut again = next();
    assert_eq!(again.source.holder.to_string(), expected[3]);
    again.is_first = true;
    candidates.give_back(again);
    let Next::Ask(again, _) = candidates.next(false, &mut skipped) else { panic!() };
    assert_eq!(again.source.holder.to_string(), expected[3]);
    assert_eq!(skipped.len(), 1);
}

/// One party may own any number of names.
#[test]
fn names_whose_addresses_are_not_known_count_as_one_network() {
    let admission = Admission::default();
    let (right, wrong) = (Some(digest(1)), Some(digest(2)));
    let mut names: Vec<Source> =
        (0..3).map(|number| source(&format!("n{number}.example:1"), wrong)).collect();
    names.push(source("192.0.2.1:1", None));
    let all = wanted(names.clone());
    let expected = ["n0.example:1", "192.0.2.1:1", "n1.example:1", "n2.example:1"];
    assert_eq!(order(&admission, &all), expected);
    assert_eq!(agreeing(&all.sources, &admission.names, &[], &digest(2)), 1);
    assert_eq!(majority(&all.sources, &admission), None);
    names[0].verified_address = Some([192, 0, 2, 2].into());
    names[0].content.digest = right;
    names[1].verified_address = Some([192, 0, 2, 3].into());
    names[1].content.digest = right;
    assert_eq!(majority(&names, &admission), right);
}

/// Before, five networks of one customer outvoted two other holders.
#[test]
fn an_ipv6_network_of_48_bits_votes_once() {
    let (right, wrong) = (Some(digest(1)), Some(digest(2)));
    let mut sources: Vec<Source> =
        (1..=5).map(|at| source(&format!("[2001:db8:1:{at}::1]:1"), wrong)).collect();
    sources.extend([source("192.0.2.1:1", right), source("[2001:db8:2::1]:1", right)]);
    let request = wanted(sources);
    let admission = Admission::default();
    assert_eq!(agreeing(&request.sources, &admission.names, &[], &digest(1)), 2);
    assert_eq!(agreeing(&request.sources, &admission.names, &[], &digest(2)), 1);
    assert_eq!(majority(&request.sources, &admission), right);
    // The first of it is asked before the second one, and after the others.
    let order = order(&admission, &request);
    assert_eq!(order[..3], ["192.0.2.1:1", "[2001:db8:2::1]:1", "[2001:db8:1:1::1]:1"]);
}

/// Before, each spelling of an address counted as a network.
#[test]
fn spellings_of_one_address_are_one_network() {
    let admission = Admission::default();
    let (right, wrong) = (Some(digest(1)), Some(digest(2)));
    let spellings = ["127.0.0.7", "127.7", "64:ff9b::7f00:7", "::127.0.0.7", "2002:7f00:7::"];
    let mut sources: Vec<Source> =
        spellings.iter().map(|host| source(&format!("{host}:1"), wrong)).collect();
    sources.push(source("liar.example:1", wrong));
    assert_eq!(agreeing(&sources, &admission.names, &[], &digest(2)), 1);
    sources.extend([source("127.0.0.1:1", right), source("127.0.0.3:1", right)]);
    assert_eq!(majority(&sources, &admission), right);
    // A name counts as the network of the address at which it was connected to.
    let (liar, address) = (&sources[5], "127.0.0.7".parse().unwrap());
    admission.names.note_connected(liar, address);
    assert_eq!(agreeing(&sources, &admission.names, &[], &digest(2)), 1);
    admission.names.note_connected(liar, "127.0.0.8".parse().unwrap());
    assert_eq!(agreeing(&sources, &admission.names, &[], &digest(2)), 2);
}

#[test]
fn a_tie_is_decided_for_a_proven_holder_or_the_first_record() {
    let admission = Admission::default();
    let (first, second) = (Some(digest(1)), Some(digest(2)));
    let sources = [
        source("192.0.2.1:1", first),
        source("192.0.2.2:1", second),
        source("192.0.2.3:1", second),
        source("192.0.2.4:1", first),
    ];
    assert_eq!(majority(&sources, &admission), first);
    admission.stats.delivered(&sources[2].holder);
    assert_eq!(majority(&sources, &admission), second);
    assert_eq!(majority(&sources[..2], &admission), None);
}

#[test]
fn no_outvoted_holder_is_asked_while_another_one_is_tried() {
    let admission = Admission::default();
    let (right, wrong) = (Some(digest(1)), Some(digest(2)));
    for other in [wrong, None] {
        let request = wanted(vec![
            source("192.0.2.3:1", other),
            source("192.0.2.1:1", right),
            source("192.0.2.2:1", right),
        ]);
        let order = ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"];
        assert_eq!(self::order(&admission, &request), order);
        let mut skipped = Vec::new();
        let mut candidates = Candidates::new(&admission, &request);
        let trials = [1, 2].map(|at| admission.begin_trial(&request.sources[at], false));
        assert!(matches!(candidates.next(false, &mut skipped), Next::Blocked));
        drop(trials);
        for holder in order {
            let Next::Ask(one, _) = candidates.next(false, &mut skipped) else { panic!() };
            assert_eq!(one.source.holder.to_string(), holder);
            // This download is asking it.
            let next = candidates.next(candidates.is_preferred(&one), &mut skipped);
            match holder {
                "192.0.2.1:1" => {
                    let Next::Ask(second, _) = next else { panic!() };
                    candidates.give_back(second);
                }
                "192.0.2.2:1" => assert!(matches!(next, Next::Blocked)),
                _ => assert!(matches!(next, Next::None)),
            }
        }
    }
}

#[test]
fn a_vote_can_decide_if_two_networks_may_agree_and_there_is_a_third_holder() {
    let downloader = Downloader::default();
    let can_decide = |holders: &[&str]| vote_can_decide(&downloader, &of(holders).sources);
    assert!(!can_decide(&[]));
    assert!(!can_decide(&["192.0.2.1:1", "192.0.2.2:1"]));
    assert!(!can_decide(&["192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3"]));
    assert!(!can_decide(&["192.0.2.1:1", "192.0.513:2", "::192.0.2.1:3"]));
    assert!(!can_decide(&["a.example:1", "b.example:1", "c.example:1"]));
    assert!(can_decide(&["192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1"]));
    assert!(can_decide(&["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"]));
}

#[test]
fn names_are_skipped_while_the_name_service_does_not_answer() {
    let admission = Admission::default();
    let mut request = of(&["n0.example:1", "n1.example:1", "192.0.2.1:1"]);
    request.sources[0].provenance = Provenance::Index("192.0.2.9:1".parse().unwrap());
    let limits = crate::limits::Downloads::DEFAULT;
    for _ in 0..limits.lookups_unanswered {
        admission.names.service.not_found(limits.lookup_slow);
    }
    // The user has named the second holder.
    assert_eq!(order(&admission, &request), ["n1.example:1", "192.0.2.1:1"]);
    admission.stats.delivered(&request.sources[0].holder);
    assert_eq!(order(&admission, &request)[0], "n0.example:1");
}
