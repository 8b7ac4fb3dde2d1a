//! Other sources of holders next to index servers (protocol.md section 4.12).

use std::net::TcpListener;
use std::ops::ControlFlow;

use super::*;
use crate::discovery::{each_listed, lookup};
use crate::protocol::{Listing, Record, Refusal, encode_record};

fn rfc(number: &str) -> Document {
    Document::Rfc(number.parse().unwrap())
}

/// A source with one record.
#[derive(Debug)]
struct Fixed {
    record: Record,
    server: Endpoint,
    dialect: IndexDialect,
    list: ListCache,
}

impl Fixed {
    fn new(number: &str) -> Self {
        Self {
            record: Record {
                document: rfc(number),
                title: "A title".parse().unwrap(),
                holder: "192.0.2.7:5678".parse().unwrap(),
            },
            server: "source:1".parse().unwrap(),
            dialect: IndexDialect::default(),
            list: ListCache::default(),
        }
    }
}

impl AskIndex for Fixed {
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        self.dialect.show_extensions();
        let is_asked_for = match query {
            Query::Lookup { document, .. } => *document == self.record.document,
            Query::List(listing) => listing == Listing::Rfcs,
            _ => false,
        };
        let mut take = |part, bytes: &[u8]| take(part, bytes).map_err(IndexError::Taker);
        if let (Query::Lookup { .. }, false) = (query, is_asked_for) {
            take(ReplyPart::Refused(Refusal::NotFound), b"")?;
            return Ok(Completeness::Complete);
        }
        take(ReplyPart::Found, b"")?;
        if is_asked_for {
            let mut bytes = Vec::new();
            encode_record(self.record.borrowed(), &mut bytes);
            take(ReplyPart::Record(self.record.clone()), &bytes)?;
        }
        take(ReplyPart::End, b"\r\n")?;
        Ok(Completeness::Complete)
    }

    fn look_up_all(&self, _: &[&Document], _: &mut dyn FnMut(ReplyPart)) -> Result<(), IndexError> {
        Ok(())
    }

    fn server(&self) -> &Endpoint {
        &self.server
    }

    fn provenance(&self) -> Result<Provenance, IndexError> {
        Ok(Provenance::User)
    }

    fn dialect(&self) -> &IndexDialect {
        &self.dialect
    }

    fn list_cache(&self) -> &ListCache {
        &self.list
    }
}

/// A port of loopback at which nothing listens.
fn unreachable() -> IndexConnection {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = format!("127.0.0.1:{port}").parse().unwrap();
    IndexConnection::new(server, None, None, Arc::default())
}

#[test]
fn a_source_is_asked_without_a_reachable_index() {
    let document = rfc("7");
    let alone = IndexGroup::new(unreachable(), Vec::new());
    assert!(lookup(&alone, &document, None).is_err_and(|error| error.is_absence()));
    let source = Arc::new(Fixed::new("7"));
    let group = IndexGroup::new(unreachable(), Vec::new()).with_sources(vec![source]);
    let found = lookup(&group, &document, None).unwrap().found;
    let found: Vec<_> =
        found.iter().map(|one| (one.record.to_string(), one.learned_from)).collect();
    let expected = ("RFC 7 A title 192.0.2.7 5678".to_string(), Provenance::User);
    let expected = [expected];
    assert_eq!(found, expected);
    let mut listed = Vec::new();
    let _ = each_listed(&group, &mut |record, learned_from| {
        listed.push((record.to_string(), learned_from));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(listed, expected);
    assert!(lookup(&group, &rfc("8"), None).unwrap().found.is_empty());
}
