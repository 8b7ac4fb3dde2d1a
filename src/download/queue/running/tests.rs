//! Which downloads yield.

use super::*;

const LIMITS: limits::Downloads = limits::Downloads::DEFAULT;
const RATE: u64 = LIMITS.slow_rate;
const SLOW: Slow<'_> = Slow { limits: &LIMITS, rate: RATE, names: false };
const UNTRIED: Waiting = Waiting { untried: true, newcomers: false, any: true };

fn running(rates: &[u64], length: u64, time: u64, now: Instant) -> Vec<Option<Running>> {
    let one = |rate: &u64| {
        let (bytes, length) = ((rate * time).into(), length.into());
        let progress = Progress { bytes, length, prospect: OnceLock::new() };
        let mut one =
            Running::new(Cancel::new(), Cancel::new(), Duration::ZERO, Arc::new(progress));
        one.begun = now.checked_sub(Duration::from_secs(time))?;
        Some(one)
    };
    rates.iter().map(one).collect()
}

fn ended(running: &[Option<Running>]) -> Vec<usize> {
    let is_ended = |at: &usize| running[*at].as_ref().is_some_and(|one| one.must_yield);
    (0..running.len()).filter(is_ended).collect()
}

#[test]
fn reserved_workers_are_taken_from_the_slowest() {
    let now = Instant::now() + Duration::from_secs(1000);
    let rates = [1200, 1100, 1300, 1000, 1200, 1200, 1200, 1200];
    for (waiting, time, expected) in [
        (UNTRIED, 20, vec![1, 3]),
        (UNTRIED, 9, vec![]),
        (Waiting { untried: false, newcomers: false, any: true }, 20, vec![]),
    ] {
        let mut all = running(&rates, 1 << 40, time, now);
        make_yield(&mut all, waiting, SLOW, now);
        assert_eq!(ended(&all), expected, "{waiting:?} {time}");
    }
    // One whose worker is free is enough of them.
    let mut some_free = running(&rates, 1 << 40, 20, now);
    some_free[4..6].fill_with(|| None);
    make_yield(&mut some_free, UNTRIED, SLOW, now);
    assert_eq!(ended(&some_free), [] as [usize; 0]);
    let mut alone = running(&[1200], 1 << 40, 20, now);
    make_yield(&mut alone, UNTRIED, SLOW, now);
    assert_eq!(ended(&alone), [0]);
}

/// Before, eight endless documents at more than 16 KiB a second kept all workers.
#[test]
fn reserved_workers_are_taken_at_any_rate() {
    let now = Instant::now() + Duration::from_secs(1000);
    let all_at = |times: [u64; 8], prospect| {
        let of = |time: u64| running(&[RATE * 100], 1 << 40, time, now).remove(0);
        let all: Vec<Option<Running>> = times.into_iter().map(of).collect();
        all.iter().flatten().for_each(|one| one.progress.prospect.set(prospect).unwrap());
        all
    };
    for (times, prospect, expected) in [
        ([11, 13, 12, 13, 11, 11, 14, 11], Prospect::Usual, vec![1, 6]),
        ([11, 13, 12, 13, 11, 11, 14, 9], Prospect::Usual, vec![6]),
        ([9, 13, 12, 13, 11, 11, 14, 9], Prospect::Usual, vec![]),
        ([11, 13, 12, 13, 11, 11, 14, 59], Prospect::Proven, vec![]),
        // The others are completed.
        ([70, 80, 90, 64, 75, 75, 62, 75], Prospect::Proven, vec![3, 6]),
    ] {
        let mut all = all_at(times, prospect);
        make_yield(&mut all, UNTRIED, SLOW, now);
        assert_eq!(ended(&all), expected, "{times:?}");
        // Those that are ending count as free.
        make_yield(&mut all, UNTRIED, SLOW, now);
        assert_eq!(ended(&all), expected, "{times:?}");
        let mut all = all_at(times, prospect);
        make_yield(&mut all, Waiting { untried: false, newcomers: false, any: true }, SLOW, now);
        assert_eq!(ended(&all), [] as [usize; 0], "{times:?}");
    }
}

/// Before, as many parties as there were baits came one after another, two in ten seconds.
#[test]
fn more_workers_are_reserved_for_parties_that_were_never_tried() {
    let now = Instant::now() + Duration::from_secs(1000);
    for (newcomers, time, expected) in [(true, 2, 0), (true, 3, 4), (false, 3, 0), (false, 10, 2)] {
        let mut all = running(&[RATE * 100; 8], 1 << 40, time, now);
        make_yield(&mut all, Waiting { newcomers, ..UNTRIED }, SLOW, now);
        assert_eq!(ended(&all).len(), expected, "{newcomers} {time}");
    }
}

#[test]
fn a_budget_is_proportional_to_the_length_and_never_below_two_minutes() {
    let now = Instant::now() + Duration::from_secs(1_000_000);
    let none = Waiting { untried: false, newcomers: false, any: false };
    for (rate, length, time, waiting, is_over) in [
        (1200, 1000, 121, UNTRIED, true),
        (1200, 1000, 119, UNTRIED, false),
        (1200, 1000, 121, none, false),
        // An enormous length counts as 16 MiB, whatever was received.
        (1200, 1 << 40, 1023, UNTRIED, false),
        (1200, 1 << 40, 1025, UNTRIED, true),
        (RATE * 100, 1 << 40, 1025, UNTRIED, true),
        (RATE / 2, RATE * 1000, 900, UNTRIED, false),
        (RATE / 2, RATE * 1000, 1100, UNTRIED, true),
    ] {
        let mut all = running(&[rate, RATE * 10], length, time, now);
        make_yield(&mut all, Waiting { untried: false, ..waiting }, SLOW, now);
        assert_eq!(ended(&all).contains(&0), is_over, "{rate} {length} {time}");
    }
}

#[test]
fn fruitless_downloads_yield_to_untried_ones() {
    let now = Instant::now() + Duration::from_secs(1000);
    for (prospect, time, rate, names, waiting, is_ended) in [
        (Prospect::Usual, 9, 0, true, UNTRIED, false),
        (Prospect::Doubtful, 2, 0, true, UNTRIED, false),
        (Prospect::Doubtful, 3, 0, false, UNTRIED, true),
        (Prospect::Doubtful, 3, 1, false, UNTRIED, false),
        (Prospect::NeedsLookup, 1, 0, false, UNTRIED, false),
        (Prospect::NeedsLookup, 1, 0, true, UNTRIED, true),
        (
            Prospect::NeedsLookup,
            9,
            0,
            true,
            Waiting { untried: false, newcomers: false, any: true },
            false,
        ),
    ] {
        let mut all = running(&[rate], 1 << 20, time, now);
        all.iter().flatten().for_each(|one| one.progress.prospect.set(prospect).unwrap());
        make_yield(&mut all, waiting, Slow { names, ..SLOW }, now);
        assert_eq!(!ended(&all).is_empty(), is_ended, "{prospect:?} {time}");
    }
}
