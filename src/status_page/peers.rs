//! The peers of an index server, a few rows at a time.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::access::Sight;
use crate::admin::{Observed, ObservedServer};
use crate::http::Request;
use crate::index::Announced;
use crate::limits;
use crate::net::OpenConnection;

/// A peer, and what it has registered.
struct Row {
    connection: OpenConnection,
    announced: Option<Announced>,
}

impl Row {
    fn records(&self) -> usize {
        self.announced.as_ref().map_or(0, |announced| announced.records)
    }

    fn endpoint(&self) -> Option<String> {
        self.announced.as_ref().map(|announced| announced.endpoint.to_string())
    }

    /// Whether what is shown of it contains a text in lower case.
    fn contains(&self, text: &str, sight: Sight) -> bool {
        let has = |shown: &str| shown.to_lowercase().contains(text);
        let of_address = || {
            has(&self.connection.address.to_string())
                || self.endpoint().is_some_and(|one| has(&one))
        };
        has(&self.connection.number.to_string()) || (sight.addresses && of_address())
    }

    fn described(&self, sight: Sight) -> Value {
        let address = self.connection.address.to_string();
        json!({
            "number": self.connection.number,
            "address": sight.addresses.then_some(address),
            "endpoint": self.endpoint().filter(|_| sight.addresses),
            "endpoints": self.announced.as_ref().map_or(0, |announced| announced.endpoints),
            "records": self.records(),
            "connected_seconds": self.connection.since.elapsed().as_secs(),
        })
    }
}

/// Which rows are asked for.
#[derive(Debug, Default)]
struct Asked {
    /// In lower case.
    text: String,
    order: Order,
    page: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum Order {
    #[default]
    Newest,
    Oldest,
    Records,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let parameter = |name| request.parameter(name).unwrap_or_default();
        let order = match &*parameter("sort") {
            "records" => Order::Records,
            "oldest" => Order::Oldest,
            _ => Order::Newest,
        };
        let text = parameter("q").trim().to_lowercase();
        Self { text, order, page: parameter("page").parse().unwrap_or(0) }
    }
}

/// One page of the peers that match the parameter `q`, in the order `sort`: `newest`, `oldest`, or `records`.
pub(super) fn peers(server: &ObservedServer, request: &Request, sight: Sight) -> Value {
    let row = |connection: OpenConnection| {
        let announced = server.0.announced(connection.number);
        Row { connection, announced }
    };
    shown(server.stop().open().into_iter().map(row), &Asked::of(request), sight)
}

fn shown(rows: impl ExactSizeIterator<Item = Row>, asked: &Asked, sight: Sight) -> Value {
    let total = rows.len();
    let matches = |row: &Row| asked.text.is_empty() || row.contains(&asked.text, sight);
    let mut rows: Vec<Row> = rows.filter(matches).collect();
    match asked.order {
        Order::Newest => rows.sort_unstable_by_key(|row| Reverse(row.connection.number)),
        Order::Oldest => rows.sort_unstable_by_key(|row| row.connection.number),
        Order::Records => {
            rows.sort_unstable_by_key(|row| (Reverse(row.records()), row.connection.number));
        }
    }
    let pages = rows.len().div_ceil(limits::PAGE_ROWS).max(1);
    // Peers may have left since the page was shown.
    let page = asked.page.min(pages - 1);
    let first = page * limits::PAGE_ROWS;
    let shown = rows.iter().skip(first).take(limits::PAGE_ROWS);
    json!({
        "v": 1,
        "total": total,
        "matching": rows.len(),
        "page": page,
        "pages": pages,
        "first": first + 1,
        "peers": shown.map(|row| row.described(sight)).collect::<Vec<Value>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const ALL: Sight = Sight { addresses: true, may_change: false };
    const LITTLE: Sight = Sight { addresses: false, may_change: false };

    /// Ten thousand peers, of which each seventh has registered something.
    fn rows() -> impl ExactSizeIterator<Item = Row> {
        (0..10_000_u32).map(|number| {
            let [_, third, second, last] = number.to_be_bytes();
            let address = ([10, third, second, last], 4000).into();
            let connection =
                OpenConnection { number: number.into(), address, since: Instant::now() };
            let announced = (number % 7 == 3).then(|| Announced {
                endpoint: format!("lab-{number}.example:7000").parse().unwrap(),
                endpoints: 1,
                records: number as usize,
            });
            Row { connection, announced }
        })
    }

    fn asked(text: &str, order: Order, page: usize) -> Asked {
        Asked { text: text.into(), order, page }
    }

    fn numbers(found: &Value) -> Vec<u64> {
        let rows = found["peers"].as_array().unwrap();
        rows.iter().map(|row| row["number"].as_u64().unwrap()).collect()
    }

    #[test]
    fn ten_thousand_peers_are_shown_a_page_at_a_time() {
        let found = shown(rows(), &Asked::default(), ALL);
        assert_eq!((&found["total"], &found["pages"]), (&10_000.into(), &200.into()));
        assert_eq!(numbers(&found), (9950..10_000).rev().collect::<Vec<u64>>());
        let found = shown(rows(), &asked("", Order::Oldest, 3), ALL);
        assert_eq!(numbers(&found), (150..200).collect::<Vec<u64>>());
        assert_eq!(found["first"], 151);
        let found = shown(rows(), &asked("", Order::Records, 0), ALL);
        assert_eq!(numbers(&found)[..3], [9999, 9992, 9985]);
        // The last page instead of one that does not exist any more.
        let found = shown(rows(), &asked("", Order::Oldest, usize::MAX), ALL);
        assert_eq!((&found["page"], numbers(&found).len()), (&199.into(), 50));
        assert!(found.to_string().len() < 16_000);
    }

    #[test]
    fn rows_are_found_by_what_is_shown_of_them() {
        let found = shown(rows(), &asked("lab-9999.", Order::Newest, 0), ALL);
        assert_eq!((numbers(&found), &found["matching"]), (vec![9999], &1.into()));
        assert_eq!(found["peers"][0]["endpoint"], "lab-9999.example:7000");
        let found = shown(rows(), &asked("10.0.1.2:", Order::Newest, 0), ALL);
        assert_eq!(numbers(&found), [258]);
        // Without addresses they can neither be read nor guessed.
        for text in ["lab-9999.", "10.0.1.2:"] {
            assert_eq!(shown(rows(), &asked(text, Order::Newest, 0), LITTLE)["matching"], 0);
        }
        let found = shown(rows(), &asked("9999", Order::Newest, 0), LITTLE);
        let row = &found["peers"][0];
        assert_eq!((&row["address"], &row["endpoint"]), (&Value::Null, &Value::Null));
        assert_eq!((&row["records"], &found["matching"]), (&9999.into(), &1.into()));
        assert_eq!(shown(rows().take(0), &Asked::default(), ALL)["pages"], 1);
    }
}
