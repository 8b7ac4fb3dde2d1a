//! Compares a whole reply of an index server with what is accepted (protocol.md sections 3.2 to 4.11).

use super::case::{Expected, Form, Order};
use super::reply::Reply;
use super::symptom::Symptom;
use super::values::Values;

/// How the reply differs from what is accepted.
pub(super) fn difference(expected: &Expected, reply: &Reply, values: &Values) -> Option<Symptom> {
    let fill = |rows: &[&str]| rows.iter().map(|row| values.fill(row)).collect::<Vec<String>>();
    let must = |status: u16| (reply.status != Some(status)).then_some(Symptom::Status);
    match expected {
        Expected::Status(status) => must(*status),
        Expected::Records(order, rows) => {
            must(200).or_else(|| compare(*order, &fill(rows), &reply.records))
        }
        Expected::Listed(order, rows) => {
            let rows = fill(rows);
            let own: Vec<String> =
                reply.records.iter().filter(|row| rows.contains(row)).cloned().collect();
            must(200).or_else(|| compare(*order, &rows, &own))
        }
        Expected::NotListed(start) => {
            let start = values.fill(start);
            let is_listed = reply.records.iter().any(|row| row.starts_with(&start));
            let is_status = matches!(reply.status, Some(200 | 404));
            (!is_status).then_some(Symptom::Status).or(is_listed.then_some(Symptom::Surplus))
        }
        Expected::Attributes(lines) => {
            let is_there = |line: &&str| match line.ends_with(':') {
                true => reply.attributes.iter().any(|one| one.starts_with(line)),
                false => reply.attributes.iter().any(|one| one == line),
            };
            must(200).or_else(|| (!lines.iter().all(is_there)).then_some(Symptom::Missing))
        }
        Expected::NoAttributes => {
            must(200).or_else(|| (!reply.attributes.is_empty()).then_some(Symptom::Surplus))
        }
        Expected::RefusedWith(status, header) => {
            let text = String::from_utf8_lossy(&reply.raw);
            let is_there = text.lines().any(|line| line == *header);
            must(*status).or_else(|| (!is_there).then_some(Symptom::Missing))
        }
        Expected::Form(form) => (!form.fits(&reply.raw)).then(|| form.symptom(&reply.raw)),
        Expected::Reply | Expected::RefusedOrClosed | Expected::Nothing | Expected::Document(_) => {
            None
        }
    }
}

/// Compares records, each of which must occur once.
fn compare(order: Order, expected: &[String], received: &[String]) -> Option<Symptom> {
    if received == expected {
        return None;
    }
    let sorted = |mut rows: Vec<String>| {
        rows.sort();
        rows
    };
    let is_missing = expected.iter().any(|row| !received.contains(row));
    match sorted(received.to_vec()) == sorted(expected.to_vec()) {
        true => (order == Order::Given).then_some(Symptom::Order),
        false if is_missing => Some(Symptom::Missing),
        false => Some(Symptom::Surplus),
    }
}

impl Form {
    /// How bytes differ that do not fit.
    fn symptom(self, raw: &[u8]) -> Symptom {
        let last = raw.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
        match self {
            Self::EmptyLineAtEnd | Self::Refusal if last == Some(b"END") => Symptom::EndLine,
            _ => Symptom::Form,
        }
    }

    fn fits(self, raw: &[u8]) -> bool {
        let text = String::from_utf8_lossy(raw);
        let plain = text.replace('\r', "");
        match self {
            Self::LineEnds => {
                let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
                text.contains('\n') && lines.into_iter().all(|line| line.ends_with("\r\n"))
            }
            Self::EmptyLineAfterStatus => {
                plain.split_once('\n').is_some_and(|(_, rest)| rest.starts_with('\n'))
            }
            Self::EmptyLineAtEnd => plain.ends_with("\n\n"),
            Self::Refusal => {
                let head = plain.strip_suffix("\n\n").unwrap_or_default();
                let mut lines = head.lines();
                !head.ends_with('\n')
                    && lines.next().is_some_and(|line| line.starts_with("P2P-CI/1.0 "))
                    && lines.all(|line| line.starts_with("Reason:"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_compared_in_order_or_in_any() {
        let rows = |text: &str| text.split(' ').map(String::from).collect::<Vec<String>>();
        for (order, expected, received, symptom) in [
            (Order::Given, "a b", "a b", None),
            (Order::Given, "a b", "b a", Some(Symptom::Order)),
            (Order::Any, "a b", "b a", None),
            (Order::Any, "a b", "a", Some(Symptom::Missing)),
            (Order::Any, "a b", "a c", Some(Symptom::Missing)),
            (Order::Any, "a b", "a b b", Some(Symptom::Surplus)),
        ] {
            assert_eq!(compare(order, &rows(expected), &rows(received)), symptom, "{received}");
        }
    }

    #[test]
    fn forms_are_independent() {
        use Form::{EmptyLineAfterStatus, EmptyLineAtEnd, LineEnds, Refusal};
        for (text, forms) in [
            ("P2P-CI/1.0 200 OK\r\n\r\nRFC 1 a h 5\r\n\r\n", [true, true, true, false]),
            ("P2P-CI/1.0 200 OK\n\nRFC 1 a h 5\n\n", [false, true, true, false]),
            ("P2P-CI/1.0 200 OK\r\nRFC 1 a h 5\r\n\r\n", [true, false, true, false]),
            ("P2P-CI/1.0 200 OK\r\n\r\nRFC 1 a h 5\r\n", [true, true, false, false]),
            ("P2P-CI/1.0 200 OK\r\n\r\nRFC 1 a h 5", [true, true, false, false]),
            ("P2P-CI/1.0 404 Not Found\r\n\r\n", [true, true, true, true]),
            ("P2P-CI/1.0 404 Not Found\r\nReason: x\r\n\r\n", [true, false, true, true]),
            ("P2P-CI/1.0 404 Not Found\r\n\r\n\r\n", [true, true, true, false]),
            ("P2P-CI/1.0 404 Not Found\r\n", [true, false, false, false]),
        ] {
            let found = [LineEnds, EmptyLineAfterStatus, EmptyLineAtEnd, Refusal]
                .map(|form| form.fits(text.as_bytes()));
            assert_eq!(found, forms, "{text:?}");
        }
    }
}
