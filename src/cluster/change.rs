//! Changes of records as they are written to the store.
//!
//! A change is a few lines. What the store returns is checked like a request: a change that is
//! illegal is skipped and counted.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use super::reply::StreamId;
use crate::index::Attributes;
use crate::protocol::{BorrowedRecord, Content, Date, Document, Endpoint, Record};

/// A change of the records of a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Change {
    /// A record is added, or published again and thereby the newest of its document.
    Add { connection: u64, is_renewed: bool, record: Record, attributes: Attributes },
    /// A record is removed.
    Remove { connection: u64, document: Document, holder: Endpoint },
    /// A connection has ended.
    Gone { connection: u64 },
}

/// Changes as lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Encoded {
    pub(super) lines: String,
    pub(super) changes: usize,
}

impl Encoded {
    /// `equal` are connections that have an equal record: the line keeps its place.
    pub(super) fn add(
        &mut self,
        connection: u64,
        is_renewed: bool,
        record: BorrowedRecord<'_>,
        attributes: &Attributes,
        equal: &[String],
    ) {
        let kind = if is_renewed { '~' } else { '+' };
        self.begin(kind, connection);
        for other in equal {
            self.lines.push(' ');
            self.lines.push_str(other);
        }
        self.field(record.document, record.holder);
        let Attributes { content: Content { digest, length }, added, address } = attributes;
        let added = added.time().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let to = &mut self.lines;
        // Writing to a string does not fail.
        let _ = write!(to, "\n{added}\n");
        write_optional(to, *digest);
        to.push(',');
        write_optional(to, *length);
        to.push(',');
        write_optional(to, *address);
        let _ = write!(to, "\n{}", record.title);
    }

    pub(super) fn remove(&mut self, connection: u64, document: &Document, holder: &Endpoint) {
        self.begin('-', connection);
        self.field(document, holder);
    }

    pub(super) fn gone(&mut self, connection: u64) {
        self.begin('x', connection);
    }

    fn begin(&mut self, kind: char, connection: u64) {
        if self.changes > 0 {
            self.lines.push('\n');
        }
        self.changes += 1;
        let _ = write!(self.lines, "{kind}{connection}");
    }

    fn field(&mut self, document: &Document, holder: &Endpoint) {
        let Endpoint { host, port } = holder;
        let _ = write!(self.lines, "\n{}\t{host}\t{port}", document.wire());
    }
}

fn write_optional(to: &mut String, value: Option<impl std::fmt::Display>) {
    match value {
        Some(value) => {
            let _ = write!(to, "{value}");
        }
        None => to.push('-'),
    }
}

/// Reads changes. Also returns how many were illegal.
pub(super) fn decode(lines: &str) -> (Vec<Change>, u64) {
    let (mut changes, mut illegal) = (Vec::new(), 0);
    let mut lines = lines.split('\n');
    while let Some(head) = lines.next() {
        if head.is_empty() {
            continue;
        }
        let kind = head.chars().next();
        let number = head.get(1..).and_then(|rest| rest.split(' ').next());
        let connection = number.and_then(digits);
        let change = match kind {
            Some('+' | '~') => {
                let [field, added, content, title] = [(); 4].map(|()| lines.next());
                connection.zip(field).and_then(|(connection, field)| {
                    let (record, attributes) = read(field, added?, content?, title?)?;
                    Some(Change::Add {
                        connection,
                        is_renewed: kind == Some('~'),
                        record,
                        attributes,
                    })
                })
            }
            Some('-') => {
                let found = lines.next().and_then(read_field);
                connection.zip(found).map(|(connection, (document, holder))| Change::Remove {
                    connection,
                    document,
                    holder,
                })
            }
            Some('x') => connection.map(|connection| Change::Gone { connection }),
            _ => {
                // It is not known how many lines the change has.
                return (changes, illegal + 1);
            }
        };
        match change {
            Some(change) => changes.push(change),
            None => illegal += 1,
        }
    }
    (changes, illegal)
}

/// A place in the order of all changes: that of the batch, and within it.
type Place = (StreamId, u64);

/// The place of the line of a record, which it may have got from an equal record that was older, and that of
/// its own ADD.
pub(super) type Order = (Place, Place);

/// Reads a record from the hash of a connection.
pub(super) fn read_stored(field: &str, value: &str) -> Option<(Order, Record, Attributes)> {
    let mut parts = value.splitn(4, ' ');
    let [order, added, content, title] = [(); 4].map(|()| parts.next());
    let order = order?;
    let (line, own) = order.split_once('/').unwrap_or((order, order));
    let order = (read_place(line)?, read_place(own)?);
    let (record, attributes) = read(field, added?, content?, title?)?;
    Some((order, record, attributes))
}

fn read_place(text: &str) -> Option<Place> {
    let (id, position) = text.rsplit_once('-')?;
    Some((StreamId::read(id)?, position.parse().ok()?))
}

fn read(field: &str, added: &str, content: &str, title: &str) -> Option<(Record, Attributes)> {
    let (document, holder) = read_field(field)?;
    let added = Date::clamped(UNIX_EPOCH.checked_add(Duration::from_secs(digits(added)?))?);
    let mut parts = content.split(',');
    let [digest, length, address] = [parts.next()?, parts.next()?, parts.next()?];
    if parts.next().is_some() {
        return None;
    }
    let content = Content {
        digest: optional(digest, |text| text.parse().ok())?,
        length: optional(length, digits)?,
    };
    let address = optional(address, |text| text.parse().ok())?;
    let record = Record { document, title: title.parse().ok()?, holder };
    Some((record, Attributes { content, added, address }))
}

fn optional<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text == "-" { Some(None) } else { read(text).map(Some) }
}

fn read_field(field: &str) -> Option<(Document, Endpoint)> {
    let mut parts = field.split('\t');
    let (kind, name) = parts.next()?.split_once(' ')?;
    let document = Document::from_words(kind, name).ok()?;
    let holder = Endpoint { host: parts.next()?.parse().ok()?, port: parts.next()?.parse().ok()? };
    parts.next().is_none().then_some((document, holder))
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(line: &str, length: Option<u64>) -> (Record, Attributes) {
        let digest = length.map(|_| format!("sha-256={}", "0a".repeat(32)).parse().unwrap());
        let added = Date::clamped(UNIX_EPOCH + Duration::from_secs(77));
        let address = length.map(|_| "2001:db8::1".parse().unwrap());
        (
            Record::parse(line).unwrap(),
            Attributes { content: Content { digest, length }, added, address },
        )
    }

    #[test]
    fn changes_are_read_as_they_were_written() {
        let mut encoded = Encoded::default();
        let mut expected = Vec::new();
        for (connection, is_renewed, line, length) in [
            (0, false, "RFC 1 A title h 1", None),
            (u64::MAX, true, "FILE a%20b  ::1 65535", Some(u64::MAX)),
            (7, false, "RFC 999999999 Größe, - x 1.2.3.4 80", Some(0)),
        ] {
            let (record, attributes) = record(line, length);
            let equal = vec!["b:0:1".to_string(); expected.len()];
            encoded.add(connection, is_renewed, record.borrowed(), &attributes, &equal);
            expected.push(Change::Add { connection, is_renewed, record, attributes });
        }
        let Record { document, holder, .. } = record("RFC 2  h 2", None).0;
        encoded.remove(3, &document, &holder);
        expected.push(Change::Remove { connection: 3, document, holder });
        encoded.gone(4);
        expected.push(Change::Gone { connection: 4 });
        assert_eq!(encoded.changes, expected.len());
        assert_eq!(decode(&encoded.lines), (expected, 0));
        assert_eq!(decode(""), (vec![], 0));
    }

    #[test]
    fn illegal_changes_are_skipped_and_counted() {
        let good = "+1\nRFC 1\th\t1\n5\n-,-,-\nT";
        for bad in [
            "+1\nRFC 0\th\t1\n5\n-,-,-\nT",
            "+1\nRFC 1\th\t0\n5\n-,-,-\nT",
            "+1\nRFC 1\th\t1\tx\n5\n-,-,-\nT",
            "+1\nRFC 1\th h\t1\n5\n-,-,-\nT",
            "+-1\nRFC 1\th\t1\n5\n-,-,-\nT",
            "+\nRFC 1\th\t1\n5\n-,-,-\nT",
            "+1\nRFC 1\th\t1\n\n-,-,-\nT",
            "+1\nRFC 1\th\t1\n5\n-,-\nT",
            "+1\nRFC 1\th\t1\n5\n-,-,-,-\nT",
            "+1\nRFC 1\th\t1\n5\n-,x,-\nT",
            "+1\nRFC 1\th\t1\n5\nmd5=0,-,-\nT",
            "+1\nRFC 1\th\t1\n99999999999999999999\n-,-,-\nT",
            "+1\nRFC 1\th\t1\n5\n-,-,-\nT\u{7}",
            "-1\nRFC x\th\t1",
            "-1\nRFC",
            "x",
            "xy",
        ] {
            let (changes, illegal) = decode(&format!("{good}\n{bad}\n{good}"));
            assert_eq!((changes.len(), illegal), (2, 1), "{bad:?}");
        }
        for (rest, count) in [("?\nx1", 1), ("+1\nRFC 1\th\t1", 1), ("é", 1)] {
            let (changes, illegal) = decode(&format!("{good}\n{rest}"));
            assert_eq!((changes.len(), illegal), (1, count), "{rest:?}");
        }
    }

    #[test]
    fn stored_records_are_read() {
        let found = read_stored("RFC 1\th\t1", "12-3-4 77 -,-,- A b  c").unwrap();
        let (record, attributes) = record("RFC 1 A b  c h 1", None);
        let place = (StreamId(12, 3), 4);
        assert_eq!(found, ((place, place), record, attributes));
        let (order, ..) = read_stored("RFC 1\th\t1", "12-3-4/13-0-1 77 -,-,- T").unwrap();
        assert_eq!(order, (place, (StreamId(13, 0), 1)));
        for (field, value) in [
            ("RFC 1\th\t1", "12-3-4 77 -,-,-"),
            ("RFC 1\th\t1", "12 77 -,-,- T"),
            ("RFC 1\th\t1", "12-3 77 -,-,- T"),
            ("RFC 1\th\t1", "12-3-4/ 77 -,-,- T"),
            ("RFC 1\th\t1", "12-3-4/5-6-7/8 77 -,-,- T"),
            ("RFC 1", "12-3-4 77 -,-,- T"),
            ("", ""),
        ] {
            assert_eq!(read_stored(field, value), None, "{field:?} {value:?}");
        }
    }
}
