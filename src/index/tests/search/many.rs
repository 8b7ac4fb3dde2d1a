//! Searches that very many titles match (protocol.md section 4.10).

use super::super::super::Owner;
use super::super::super::records::Records;
use super::super::{A, attributes, plain, record};
use super::model::Model;
use super::{scattered, search, search_cost};
use crate::limits;

/// Enough matches that the best are selected in several batches, after a sample.
#[test]
fn the_best_of_very_many_matches_are_found_in_order() {
    for (factor, titles) in [(1, 257), (7, 3000), (2999, 3000)] {
        let mut index = Records::default();
        let mut model = Model::default();
        let mut add = |owner, number: u64, end: &str| {
            let words = ["common", if number.is_multiple_of(3) { "third" } else { "other" }];
            let title = format!("{} {end}", words.join(" "));
            let record = record(&format!("RFC {} {title} h{} 1", number + 1, owner));
            index.add(Owner(owner), record.clone(), plain()).unwrap();
            model.add(Owner(owner), &record);
        };
        for at in 0..titles {
            let number = at * factor % titles;
            add(1, number, "first");
            (2..2 + scattered(number) % 4).for_each(|owner| add(owner, number, "first"));
            if number.is_multiple_of(5) {
                add(9, number, "second");
            }
        }
        for words in ["common", "third", "other sec", "first common third"] {
            let all = model.search(words);
            // Those that are not ranked have another order.
            let ranked = all.len().min(limits::RANKED);
            for most in [1, 63, 64, 65, 99, 100, 255, 256, 257, 258, 1000] {
                let found = search(&mut index, words, most);
                assert_eq!(found, all[..most.min(ranked)], "{words}, at most {most}");
            }
        }
    }
}

/// Many files whose names begin alike, with one record each, in an order that looks random.
#[test]
fn files_are_found_in_the_order_of_their_names() {
    const FILES: u64 = 3000;
    let line =
        |number: u64| format!("FILE a-name-that-begins-alike-{number:05} Title of a file h 1");
    let mut index = Records::default();
    for at in 0..FILES {
        index.add(A, record(&line(at * 1009 % FILES)), plain()).unwrap();
    }
    let expected: Vec<String> = (0..limits::RANKED as u64).map(line).collect();
    assert_eq!(search(&mut index, "title file", limits::RANKED), expected);
    // Files before and between them, and fewer of them.
    for number in 0..400 {
        index
            .add(A, record(&format!("FILE a-name-that-begins {number} h {}", number + 2)), plain())
            .unwrap();
    }
    for number in (0..FILES).filter(|number| number % 3 != 1) {
        let line = record(&line(number));
        index.remove(A, &line.document, &line.holder).unwrap();
    }
    let expected: Vec<String> = (0..100).map(|at| line(at * 3 + 1)).collect();
    assert_eq!(search(&mut index, "title file", 100), expected);
}

/// A document has very many titles, and each is found, the oldest and the newest too.
#[test]
fn each_of_very_many_titles_of_one_document_is_found() {
    const TITLES: usize = 5000;
    let line = |at: usize| format!("RFC 7 t{at} h {}", at + 1);
    let mut index = Records::default();
    for at in 0..TITLES {
        index.add(A, record(&line(at)), plain()).unwrap();
    }
    for at in [0, 1, 63, 64, 65, 2500, TITLES - 1] {
        // `t1` begins other words, too.
        let found = search(&mut index, &format!("t{at}"), TITLES);
        assert_eq!(found.last(), Some(&line(at)));
    }
    assert_eq!(search(&mut index, "t4999", 9), [line(4999)]);
    for at in (0..TITLES).filter(|at| at % 64 != 5) {
        let record = record(&line(at));
        index.remove(A, &record.document, &record.holder).unwrap();
    }
    let left: Vec<String> = (0..TITLES).rev().filter(|at| at % 64 == 5).map(line).collect();
    assert_eq!(search(&mut index, "t", TITLES), left);
}

/// A search skips lines with other titles, also if they are many.
#[test]
fn an_old_title_of_a_document_with_very_many_lines_costs_little() {
    const LINES: usize = 20_000;
    for other in ["other", "other t{at}"] {
        let mut index = Records::default();
        for at in 0..LINES {
            let title = if at < 3 { "old" } else { &other.replace("{at}", &at.to_string()) };
            index.add(A, record(&format!("RFC 7 {title} h {}", at + 1)), plain()).unwrap();
        }
        let expected: Vec<String> =
            (1..=3).rev().map(|port| format!("RFC 7 old h {port}")).collect();
        assert_eq!(search(&mut index, "old", 9), expected);
        let cost = search_cost(&index, "old");
        assert!(cost < LINES / 32, "{other}: the cost of {cost} records");
    }
}

/// The titles of lines change when owners announce other content, and when owners of a line leave.
#[test]
fn titles_of_very_many_lines_are_found_while_they_change() {
    const PORTS: u64 = 700;
    let (mut index, mut model) = (Records::default(), Model::default());
    for step in 0..6000 {
        let random = scattered(step);
        let owner = Owner(random % 3);
        let port = random / 3 % PORTS + 1;
        let title = match random >> 20 & 63 {
            0 => format!("rare {port}"),
            1..8 => "second".into(),
            _ => "first".into(),
        };
        let record = record(&format!("RFC 7 {title} h {port}"));
        if random >> 30 & 3 == 0 {
            model.remove(owner, &record);
            index.remove(owner, &record.document, &record.holder);
        } else {
            model.add(owner, &record);
            index.add(owner, record, attributes(Some(random >> 40 & 3), 0)).unwrap();
        }
        if step % 500 == 499 {
            for words in ["rare", "second", "first", "rare 1"] {
                assert_eq!(search(&mut index, words, usize::MAX), model.search(words), "{words}");
            }
        }
    }
}

/// A title with a word that begins like a word of the query is no match.
#[test]
fn the_titles_of_a_query_have_its_whole_words() {
    let mut index = Records::default();
    index.add(A, record("RFC 1 congestion a 1"), plain()).unwrap();
    index.add(A, record("RFC 2 control a 1"), plain()).unwrap();
    index.update_search(2);
    for (words, found) in
        [("congest", true), ("cong", true), ("congregation", false), ("controls", false)]
    {
        assert_eq!(index.titles.find(&words.parse().unwrap()).is_some(), found, "{words}");
    }
}
