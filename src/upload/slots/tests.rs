//! Slots and their order.

use std::collections::HashMap;

use super::*;

fn address(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

fn take(slots: &Slots, last: u8, patience: Duration) -> Option<Slot> {
    slots.take(address(last), Needs::Slot, &Arc::new(SendMeter::start()), patience, || false)
}

fn with_slots(count: usize) -> Slots {
    Slots::new(NonZeroUsize::new(count).unwrap())
}

/// The networks in the order in which one slot after the other is given to them.
fn order(waiting: &[u8]) -> Vec<u8> {
    let slots = with_slots(1);
    let mut state = slots.lock();
    let meter = Arc::new(SendMeter::start());
    let enter = |last: &u8| (state.enter(Network::of(address(*last)), Needs::Slot, &meter), *last);
    let mut left: HashMap<u64, u8> = waiting.iter().map(enter).collect();
    let mut served = Vec::new();
    while state.assign(None) {
        let holds = |number: &&u64| state.place(**number) == Place::HolderInfo;
        let number = *left.keys().find(holds).unwrap();
        served.push(left.remove(&number).unwrap());
        state.uploads.remove(&number);
    }
    served
}

#[test]
fn networks_take_turns() {
    assert_eq!(order(&[1, 1, 1, 1, 2, 2, 3]), [1, 2, 3, 1, 2, 1, 1]);
    assert_eq!(order(&[1, 1]), [1, 1]);
}

#[test]
fn an_upload_that_waits_too_long_leaves_nothing() {
    let slots = with_slots(1);
    let slot = take(&slots, 1, Duration::ZERO).unwrap();
    assert!(take(&slots, 2, Duration::from_millis(1)).is_none());
    assert_eq!(slots.lock().uploads.len(), 1);
    drop(slot);
    assert!(take(&slots, 2, Duration::ZERO).is_some());
    assert!(slots.lock().uploads.is_empty());
}

#[test]
fn a_slot_that_becomes_free_is_taken_immediately() {
    let slots = with_slots(1);
    let slot = take(&slots, 1, Duration::ZERO).unwrap();
    std::thread::scope(|scope| {
        let taken = scope.spawn(|| take(&slots, 2, Duration::from_secs(20)).is_some());
        while slots.lock().uploads.len() < 2 {
            std::thread::yield_now();
        }
        drop(slot);
        assert!(taken.join().unwrap());
    });
}

#[test]
fn one_network_gives_up_slots_until_it_has_half_of_them() {
    let slots = with_slots(4);
    let ours: Vec<Slot> = (0..4).map(|_| take(&slots, 1, Duration::ZERO).unwrap()).collect();
    ours.iter().take(3).for_each(|slot| slots.lock().uploads[&slot.number].meter.add(1000));
    let first = take(&slots, 2, Duration::ZERO).unwrap();
    let outside = |ours: &[Slot]| ours.iter().map(Slot::is_outside).collect::<Vec<_>>();
    assert_eq!(outside(&ours), [false, false, false, true], "the slowest");
    let second = take(&slots, 2, Duration::ZERO).unwrap();
    assert_eq!(outside(&ours).iter().filter(|is_outside| **is_outside).count(), 2);
    assert!(take(&slots, 2, Duration::ZERO).is_none(), "they have as many");
    assert!(!first.is_outside() && !second.is_outside());
    // A third network takes from one of the two, and none is left with less than one.
    let third = take(&slots, 3, Duration::ZERO).unwrap();
    let held = |last| slots.lock().held_by(Network::of(address(last)));
    assert_eq!((held(1) + held(2), held(3)), (3, 1));
    assert!(held(1) >= 1 && held(2) >= 1);
    drop((first, second, third));
    assert_eq!(outside(&ours), [false; 4], "the slots are free again");
}

#[test]
fn two_networks_that_hold_all_slots_give_one_to_a_third() {
    let slots = with_slots(4);
    let all = [1, 1, 2, 2].map(|last| take(&slots, last, Duration::ZERO).unwrap());
    assert!(take(&slots, 3, Duration::ZERO).is_some());
    drop(all);
    assert!(slots.lock().uploads.is_empty());
}

#[test]
fn one_ipv6_site_holds_half_of_the_slots_while_others_wait() {
    let slots = with_slots(4);
    let take_v6 = |site: u16, network: u16| {
        let address = IpAddr::from([0x2001, 0xdb8, site, network, 0, 0, 0, 1]);
        slots.take_now(address, Needs::Slot, &Arc::new(SendMeter::start()))
    };
    let ours: Vec<Slot> = (0..4).map(|network| take_v6(1, network).unwrap()).collect();
    assert!(take_v6(1, 4).is_none(), "each of its networks has as many");
    let outside = || ours.iter().filter(|slot| slot.is_outside()).count();
    let first = take(&slots, 1, Duration::ZERO).unwrap();
    assert_eq!(outside(), 1);
    let second = take_v6(2, 1).unwrap();
    assert_eq!(outside(), 2);
    assert!(take(&slots, 2, Duration::ZERO).is_none(), "the site has no more than half");
    assert!(take_v6(1, 5).is_none(), "and takes none from others");
    // A slot that becomes free is given to another waiting upload.
    let waiting = Arc::new(SendMeter::start());
    let other = slots.lock().enter(Network::of(address(2)), Needs::Slot, &waiting);
    drop(first);
    assert_eq!(slots.lock().place(other), Place::HolderInfo);
    assert_eq!(outside(), 2);
    slots.lock().uploads.remove(&other);
    drop(second);
    assert_eq!(outside(), 0, "no other upload waits");
}

#[test]
fn single_uploads_keep_their_slots() {
    let slots = with_slots(2);
    let both = [1, 2].map(|last| take(&slots, last, Duration::ZERO).unwrap());
    assert!(take(&slots, 3, Duration::from_millis(1)).is_none());
    assert!(both.iter().all(|slot| !slot.is_outside()));
}

#[test]
fn an_upload_outside_is_woken_by_a_free_slot() {
    let slots = with_slots(2);
    let ours = [0, 1].map(|_| take(&slots, 1, Duration::ZERO).unwrap());
    let other = take(&slots, 2, Duration::ZERO).unwrap();
    let outside = ours.iter().find(|slot| slot.is_outside()).unwrap();
    std::thread::scope(|scope| {
        let waited = scope.spawn(|| outside.wait_outside(Duration::from_secs(20)));
        drop(other);
        waited.join().unwrap();
    });
    assert!(!outside.is_outside());
}

/// Slow readers of one slot each kept all others waiting.
#[test]
fn an_upload_whose_reader_is_slow_gives_its_slot_to_a_network_without_uploads() {
    let slots = with_slots(2);
    let both = [1, 2].map(|last| take(&slots, last, Duration::ZERO).unwrap());
    let slow = slots.lock().uploads[&both[1].number].meter.clone();
    slow.set_slow(true);
    assert!(take(&slots, 2, Duration::ZERO).is_none(), "its network has one");
    let third = take(&slots, 3, Duration::ZERO).unwrap();
    assert_eq!(both.each_ref().map(Slot::is_outside), [false, true]);
    // It waits for a free slot, and takes none from others.
    slots.lock().uploads[&third.number].meter.set_slow(true);
    assert!(take(&slots, 1, Duration::ZERO).is_none());
    assert!(both[1].is_outside());
    drop(both);
    drop(third);
    assert!(slots.lock().uploads.is_empty());
}

#[test]
fn the_number_of_uploads_outside_is_limited_for_networks_with_uploads() {
    let slots = with_slots(1);
    slots.set_places(1000);
    let mut taken = Vec::new();
    let mut take_slow = |last: u8| {
        let slot = take(&slots, last, Duration::ZERO)?;
        slots.lock().uploads[&slot.number].meter.set_slow(true);
        taken.push(slot);
        Some(())
    };
    // Once, after 33 networks all others got only free slots.
    assert_eq!((1..=100).map_while(&mut take_slow).count(), 100, "networks without an upload");

    let slots = with_slots(4 * limits::OUTSIDE);
    slots.set_places(1000);
    let mut take_some = |last: u8| {
        taken.push(take(&slots, last, Duration::ZERO)?);
        Some(())
    };
    assert!((0..4 * limits::OUTSIDE).all(|_| take_some(1).is_some()));
    let of_other = (0..4 * limits::OUTSIDE).map_while(|_| take_some(2)).count();
    assert_eq!(of_other, limits::OUTSIDE, "a network that has some");
}

#[test]
fn the_last_quarter_of_the_places_is_for_networks_without_uploads() {
    let slots = with_slots(16);
    slots.set_places(8);
    let small = |last| slots.take_now(address(last), Needs::NoSlot, &Arc::new(SendMeter::start()));
    let mut taken: Vec<Slot> = (0..3).flat_map(|_| [small(1), small(2)]).flatten().collect();
    assert_eq!(taken.len(), 6);
    assert!(small(1).is_none() && take(&slots, 2, Duration::ZERO).is_none());
    taken.push(take(&slots, 3, Duration::ZERO).unwrap());
    taken.push(small(4).unwrap());
    assert!(small(3).is_none());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let meter = Arc::new(SendMeter::start());
            let patience = Duration::from_secs(20);
            slots.take(address(1), Needs::NoSlot, &meter, patience, || false).is_some()
        });
        taken.drain(..4);
        assert!(waiting.join().unwrap());
    });
}

#[test]
fn a_connection_that_is_gone_does_not_wait() {
    let slots = with_slots(1);
    let slot = take(&slots, 1, Duration::ZERO).unwrap();
    let meter = Arc::new(SendMeter::start());
    let patience = Duration::from_hours(1);
    assert!(slots.take(address(2), Needs::Slot, &meter, patience, || true).is_none());
    drop(slot);
    assert!(slots.lock().uploads.is_empty());
}

/// Where the number of slots was odd, two sites took one slot from each other without end.
#[test]
fn slots_are_assigned_in_a_few_steps() {
    for count in 1..10 {
        let slots = with_slots(count);
        let mut state = slots.lock();
        let (mut numbers, mut chance) = (Vec::new(), count);
        for step in 0..200 {
            // Uploads come and go, of IPv4 and of three sites.
            chance = chance.wrapping_mul(1_103_515_245).wrapping_add(12_345) % (1 << 31);
            let (site, network) = (chance >> 16 & 3, (chance >> 18) % 3);
            let address: IpAddr = match site {
                0 => address(u8::try_from(network).unwrap()),
                _ => format!("2001:db8:{site}:{network}::1").parse().unwrap(),
            };
            let meter = Arc::new(SendMeter::start());
            meter.set_slow((chance >> 20) % 5 == 0);
            numbers.push(state.enter(Network::of(address), Needs::Slot, &meter));
            if numbers.len() > 2 * count + 2 {
                state.remove(numbers.swap_remove((chance >> 8) % numbers.len()));
            }
            let moves = (0..100).take_while(|_| state.assign_next().is_some()).count();
            assert!(moves < 100, "{count} slots, step {step}");
            assert_eq!(state.count_of(Place::HolderInfo), count.min(numbers.len()));
        }
    }
}
