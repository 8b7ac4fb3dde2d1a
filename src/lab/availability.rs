//! What several index servers have replied while one of them was disconnected, as figures.

use std::time::Duration;

use super::history::Step;

/// What was seen at one time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Sample {
    pub(super) at: Duration,
    /// Peers whose documents are registered with a server that is connected.
    pub(super) registered: usize,
    /// The records that each server lists.
    pub(super) records: Vec<usize>,
}

/// A lookup at a server, whose numbers begin with 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Lookup {
    pub(super) at: Duration,
    pub(super) server: usize,
    pub(super) outcome: Outcome,
}

/// The reply to a lookup of a document that a peer has registered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    Found,
    /// The server lists no holder.
    Missing,
    /// It lists a holder that does not have the document, or that left long ago.
    Wrong,
    /// There was no reply.
    Unanswered,
}

/// Numbers of lookups.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Lookups {
    pub(crate) found: usize,
    pub(crate) missing: usize,
    pub(crate) wrong: usize,
    pub(crate) unanswered: usize,
}

/// A time for which a server was disconnected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Outage {
    pub(crate) server: usize,
    pub(crate) begun: Duration,
    /// `None` if it was not connected again.
    pub(crate) ended: Option<Duration>,
    /// Peers that were registered with it.
    pub(crate) peers: usize,
    /// From its beginning until all peers are registered with other servers.
    pub(crate) registered_again: Option<Duration>,
    /// From its beginning until the last document that a server did not find; `None` if all were found.
    pub(crate) last_missing: Option<Duration>,
    /// From its end until the server lists as many records as the others.
    pub(crate) listed_again: Option<Duration>,
    /// Lookups at the other servers meanwhile.
    pub(crate) lookups: Lookups,
}

/// The results of several index servers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Availability {
    pub(crate) servers: usize,
    pub(crate) lookups: Lookups,
    pub(crate) outages: Vec<Outage>,
    pub(super) samples: Vec<Sample>,
}

impl Lookups {
    fn of<'a>(lookups: impl Iterator<Item = &'a Lookup>) -> Self {
        let mut sums = Self::default();
        for lookup in lookups {
            match lookup.outcome {
                Outcome::Found => sums.found += 1,
                Outcome::Missing => sums.missing += 1,
                Outcome::Wrong => sums.wrong += 1,
                Outcome::Unanswered => sums.unanswered += 1,
            }
        }
        sums
    }
}

impl Availability {
    /// Computes the results.
    pub(super) fn of(
        servers: usize,
        steps: &[(Duration, Step)],
        samples: Vec<Sample>,
        lookups: &[Lookup],
    ) -> Self {
        let outages = steps.iter().enumerate().filter_map(|(place, (at, step))| {
            let Step::Disconnected(server) = *step else { return None };
            let end = steps.iter().skip(place).find(|(_, step)| *step == Step::Reconnected(server));
            Some(Outage::of(server, *at, end.map(|(at, _)| *at), &samples, lookups))
        });
        let outages = outages.collect();
        Self { servers, lookups: Lookups::of(lookups.iter()), outages, samples }
    }
}

impl Outage {
    fn of(
        server: usize,
        begun: Duration,
        ended: Option<Duration>,
        samples: &[Sample],
        lookups: &[Lookup],
    ) -> Self {
        let is_over = |at: Duration| ended.is_some_and(|ended| at >= ended);
        let before = samples.iter().rfind(|sample| sample.at < begun);
        let all = before.map_or(0, |sample| sample.registered);
        let mut during = samples.iter().filter(|sample| sample.at > begun && !is_over(sample.at));
        // A sample takes a moment, in which the server may have been disconnected.
        during.next();
        let first = during.next();
        let again = first.into_iter().chain(during).find(|sample| sample.registered >= all);
        let place = server.saturating_sub(1);
        let lists_all = |sample: &&Sample| {
            let own = sample.records.get(place);
            let others = sample.records.iter().enumerate().filter(|(at, _)| *at != place);
            own >= others.map(|(_, records)| records).max()
        };
        let after = |at: Duration| ended.is_some_and(|ended| at > ended);
        let listed = samples.iter().filter(|sample| after(sample.at)).find(lists_all);
        let of_others = lookups
            .iter()
            .filter(|lookup| lookup.server != server && lookup.at > begun && !is_over(lookup.at));
        let missing = of_others.clone().filter(|lookup| lookup.outcome == Outcome::Missing);
        Self {
            server,
            begun,
            ended,
            peers: first.map_or(0, |sample| all.saturating_sub(sample.registered)),
            registered_again: again.map(|sample| sample.at.saturating_sub(begun)),
            last_missing: missing.map(|lookup| lookup.at).max().map(|at| at.saturating_sub(begun)),
            listed_again: listed.zip(ended).map(|(sample, ended)| sample.at.saturating_sub(ended)),
            lookups: Lookups::of(of_others),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_figures_of_an_outage_are_computed() {
        let samples = [
            (50, 6, [12, 12, 12]),
            (150, 6, [12, 12, 12]),
            (200, 4, [12, 12, 12]),
            (250, 4, [8, 12, 8]),
            (300, 5, [10, 4, 10]),
            (350, 6, [12, 4, 12]),
            (450, 6, [12, 4, 12]),
            (500, 6, [12, 12, 12]),
        ];
        let samples: Vec<Sample> = samples
            .iter()
            .map(|(time, registered, records)| Sample {
                at: at(*time),
                registered: *registered,
                records: records.to_vec(),
            })
            .collect();
        let lookups: Vec<Lookup> = [
            (90, 1, Outcome::Missing),
            (110, 1, Outcome::Found),
            (120, 2, Outcome::Unanswered),
            (260, 3, Outcome::Missing),
            (270, 1, Outcome::Missing),
            (300, 3, Outcome::Found),
            (310, 1, Outcome::Wrong),
            (410, 1, Outcome::Found),
        ]
        .iter()
        .map(|(time, server, outcome)| Lookup { at: at(*time), server: *server, outcome: *outcome })
        .collect();
        let steps = [
            (at(0), Step::Joined),
            (at(100), Step::Disconnected(2)),
            (at(400), Step::Reconnected(2)),
        ];
        let found = Availability::of(3, &steps, samples, &lookups);
        let expected = Outage {
            server: 2,
            begun: at(100),
            ended: Some(at(400)),
            peers: 2,
            registered_again: Some(at(250)),
            last_missing: Some(at(170)),
            listed_again: Some(at(100)),
            lookups: Lookups { found: 2, missing: 2, wrong: 1, unanswered: 0 },
        };
        assert_eq!(found.outages, [expected]);
        assert_eq!(found.lookups, Lookups { found: 3, missing: 3, wrong: 1, unanswered: 1 });
    }
}
