//! The order in which the targets of a service are tried: by priority, and within a priority at random, by weight
//! (RFC 2782).

use crate::protocol::Endpoint;

/// A record of a service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Service {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) target: Endpoint,
}

/// The targets in the order in which they are tried. `random` returns a number up to its argument, inclusive.
pub(super) fn ordered(
    mut services: Vec<Service>,
    most: usize,
    mut random: impl FnMut(u32) -> u32,
) -> Vec<Endpoint> {
    // Within a priority, those without a weight come first, so that a random 0 chooses them.
    services.sort_by_key(|service| (service.priority, service.weight));
    let mut targets = Vec::new();
    while let Some(first) = services.first()
        && targets.len() < most
    {
        let equal = services.iter().take_while(|service| service.priority == first.priority);
        let weights: Vec<u32> = equal.map(|service| u32::from(service.weight)).collect();
        let chosen = random(weights.iter().sum());
        let mut sum = 0;
        let position = weights.iter().position(|weight| {
            sum += weight;
            sum >= chosen
        });
        let target = services.remove(position.unwrap_or(0)).target;
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(all: &[(u16, u16, &str)]) -> Vec<Service> {
        let service = |&(priority, weight, target): &(u16, u16, &str)| Service {
            priority,
            weight,
            target: target.parse().unwrap(),
        };
        all.iter().map(service).collect()
    }

    fn names(targets: &[Endpoint]) -> Vec<String> {
        targets.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lower_priorities_come_first_and_weights_decide_within_one() {
        let all = [(20, 0, "d:1"), (10, 30, "b:1"), (10, 0, "a:1"), (10, 10, "c:1")];
        // The least number chooses the weight 0, and then the smaller sums.
        let least = ordered(services(&all), 16, |_| 0);
        assert_eq!(names(&least), ["a:1", "c:1", "b:1", "d:1"]);
        let most = ordered(services(&all), 16, |sum| sum);
        assert_eq!(names(&most), ["b:1", "c:1", "a:1", "d:1"]);
    }

    #[test]
    fn each_number_up_to_the_sum_is_used_in_proportion_to_the_weights() {
        let all = [(1, 3, "a:1"), (1, 1, "b:1"), (1, 0, "c:1")];
        let mut firsts = [0, 0, 0];
        for number in 0..=4 {
            let first = ordered(services(&all), 1, |_| number);
            let at = ["a:1", "b:1", "c:1"].iter().position(|name| *name == first[0].to_string());
            firsts[at.unwrap()] += 1;
        }
        assert_eq!(firsts, [3, 1, 1]);
    }

    #[test]
    fn targets_are_distinct_and_bounded() {
        let all: Vec<_> = (0..1000).map(|number| (number, u16::MAX, "a:1")).collect();
        assert_eq!(names(&ordered(services(&all), 16, |sum| sum)), ["a:1"]);
        let names: Vec<String> = (0..1000).map(|number| format!("h{number}:1")).collect();
        let all: Vec<_> = names.iter().map(|name| (0, u16::MAX, name.as_str())).collect();
        let found = ordered(services(&all), 16, |sum| sum);
        assert_eq!(found.len(), 16);
        assert_eq!(found[0].to_string(), "h999:1");
    }
}
