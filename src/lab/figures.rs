//! The results of a laboratory as numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::availability::Availability;
use super::history::{Counts, Step};
use super::observer::{INTERVAL, Traffic};
use super::scenario::{Published, Scenario};

/// The results.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) title: String,
    /// How long it has run.
    pub(crate) time: Duration,
    pub(crate) counts: Counts,
    /// From the first wish until half, 90 percent and all of the wanted documents were delivered.
    pub(crate) half: Option<Duration>,
    pub(crate) most: Option<Duration>,
    pub(crate) all: Option<Duration>,
    pub(crate) connections: u64,
    pub(crate) packets: u64,
    pub(crate) carried: u64,
    pub(crate) requests: BTreeMap<String, u64>,
    pub(crate) published: Option<Published>,
    /// Of several index servers.
    pub(crate) availability: Option<Availability>,
    /// The numbers of peers, and of delivered documents, after each change.
    pub(super) peers: Vec<(Duration, usize)>,
    pub(super) deliveries: Vec<(Duration, usize)>,
    /// For each group that has sent something, the bytes that its peers have sent in each interval.
    pub(super) sent: Vec<(String, Vec<u64>)>,
}

impl Figures {
    /// Computes the results from what has happened. `groups` has the group of each peer.
    pub(super) fn of(
        scenario: &Scenario,
        groups: &[usize],
        time: Duration,
        steps: &[(Duration, Step)],
        traffic: Traffic,
    ) -> Self {
        let mut figures = Self { title: scenario.title.clone(), time, ..Self::default() };
        let (mut first, mut online) = (None, 0_usize);
        for (at, step) in steps {
            figures.counts.add(*step);
            match step {
                Step::Joined | Step::Left => {
                    online = match step {
                        Step::Joined => online + 1,
                        _ => online.saturating_sub(1),
                    };
                    figures.peers.push((*at, online));
                }
                Step::Wanted => drop(first.get_or_insert(*at)),
                Step::Delivered(_) => figures.deliveries.push((*at, figures.counts.delivered)),
                Step::Failed
                | Step::Retried
                | Step::HolderFailed
                | Step::Disconnected(_)
                | Step::Reconnected(_) => {}
            }
        }
        let after = |percent: usize| {
            let count = (figures.counts.wanted * percent).div_ceil(100).checked_sub(1)?;
            let (at, _) = figures.deliveries.get(count)?;
            at.checked_sub(first?)
        };
        (figures.half, figures.most, figures.all) = (after(50), after(90), after(100));
        figures.sent = sent(scenario, groups, &traffic);
        let Traffic { connections, packets, bytes, requests, .. } = traffic;
        Self {
            connections,
            packets,
            carried: bytes,
            requests,
            published: scenario.published,
            ..figures
        }
    }

    /// The times of the intervals of [`Figures::sent`].
    pub(super) const fn interval() -> Duration {
        INTERVAL
    }
}

fn sent(scenario: &Scenario, groups: &[usize], traffic: &Traffic) -> Vec<(String, Vec<u64>)> {
    let mut sums: Vec<Vec<u64>> = vec![Vec::new(); scenario.groups.len()];
    for (number, sent) in &traffic.sent {
        let group = number.checked_sub(1).and_then(|at| groups.get(at));
        let Some(sum) = group.and_then(|group| sums.get_mut(*group)) else { continue };
        sum.resize(sum.len().max(sent.len()), 0);
        sum.iter_mut().zip(sent).for_each(|(sum, sent)| *sum += sent);
    }
    let named = scenario.groups.iter().map(|group| group.name.clone()).zip(sums);
    named.filter(|(_, sums)| sums.iter().any(|sum| *sum > 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_counted_from_the_first_wish() {
        let text =
            "title = \"T\"\nduration = \"1 s\"\n[[peers]]\nname = \"a\"\n[[peers]]\nname = \"b\"";
        let scenario = Scenario::parse(text).unwrap();
        let at = Duration::from_millis;
        let mut steps = vec![(at(0), Step::Joined), (at(10), Step::Joined)];
        steps.extend([(at(100), Step::Wanted); 4]);
        steps.extend([200, 300, 500].map(|time| (at(time), Step::Delivered(10))));
        steps.extend([(at(350), Step::Retried), (at(600), Step::Failed), (at(700), Step::Left)]);
        let sent = BTreeMap::from([(1, vec![1, 2]), (2, vec![5])]);
        let traffic = Traffic { sent, ..Traffic::default() };
        let figures = Figures::of(&scenario, &[0, 1], at(800), &steps, traffic);
        let Counts { wanted, delivered, failed, retried, bytes, joined, left, .. } = figures.counts;
        assert_eq!((wanted, delivered, failed, retried, bytes), (4, 3, 1, 1, 30));
        assert_eq!((joined, left, figures.peers.last()), (2, 1, Some(&(at(700), 1))));
        assert_eq!((figures.half, figures.most, figures.all), (Some(at(200)), None, None));
        assert_eq!(figures.sent, [("a".into(), vec![1, 2]), ("b".into(), vec![5])]);
    }
}
