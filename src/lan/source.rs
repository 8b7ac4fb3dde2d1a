//! The peers of the local network as a source of holders, which replies like an index server that has the records
//! of all of them.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};

use super::lists::{Lists, PeerDocuments};
use super::service::LanError;
use crate::discovery::{
    AskIndex, Completeness, IndexDialect, IndexError, ListCache, Query, Row, attributes, pass_on,
};
use crate::net::Provenance;
use crate::protocol::{
    Content, Document, Endpoint, Host, ListSearch, Listing, Port, Record, ReplyPart, Title,
};

/// The group of multicast DNS, which stands for the network in messages.
const MULTICAST_DNS: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);

/// The peers of the local network.
#[derive(Debug)]
pub(crate) struct LanSource {
    lists: Mutex<Lists>,
    name: Endpoint,
    dialect: IndexDialect,
    cache: ListCache,
}

impl LanSource {
    /// Looks for peers from now on. `own_port` is the port of this peer's upload server, if it has one.
    pub(crate) fn start(own_port: Option<u16>) -> Result<Self, LanError> {
        let lists = Mutex::new(Lists::start(own_port)?);
        let dialect = IndexDialect::default();
        dialect.show_extensions();
        let host = Host::from(IpAddr::V4(MULTICAST_DNS.0));
        let port = Port::try_from(MULTICAST_DNS.1).unwrap_or(Port::INDEX);
        let name = Endpoint { host, port };
        Ok(Self { lists, name, dialect, cache: ListCache::default() })
    }

    /// The lists of all peers. Several threads that ask wait for one request.
    fn lists(&self) -> Vec<PeerDocuments> {
        // Each change is one insertion or removal.
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).current()
    }
}

fn row(document: &Document, title: &Title, content: Content, holder: &Endpoint) -> Row {
    let (document, title, holder) = (document.clone(), title.clone(), holder.clone());
    (Record { document, title, holder }, content)
}

/// The records of one document.
fn of_document<'a>(
    lists: &'a [PeerDocuments],
    document: &'a Document,
) -> impl Iterator<Item = Row> + 'a {
    lists.iter().filter_map(move |(holder, list)| {
        let (title, content) = list.get(document)?;
        Some(row(document, title, content, holder))
    })
}

/// All records of a kind, in the order of documents.
fn of_kind(lists: &[PeerDocuments], listing: Option<Listing>) -> Vec<Record> {
    let is_wanted = |document: &Document| match (listing, document) {
        (None, _) | (Some(Listing::Rfcs), Document::Rfc(_)) => true,
        (Some(Listing::Files), Document::File(_)) => true,
        (Some(_), _) => false,
    };
    let mut records: Vec<Record> = Vec::new();
    for (holder, list) in lists {
        let wanted = list.documents().filter(|(document, _)| is_wanted(document));
        records.extend(
            wanted.map(|(document, title)| row(document, title, Content::default(), holder).0),
        );
    }
    records.sort_by(|one, other| one.document.cmp(&other.document));
    records
}

impl AskIndex for LanSource {
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        let lists = self.lists();
        let without_content = |record| (record, Content::default());
        let rows: Vec<Row> = match query {
            Query::Lookup { document, want_attributes, .. } => {
                let rows = of_document(&lists, document);
                rows.map(|(record, content)| {
                    (record, if want_attributes { content } else { Content::default() })
                })
                .collect()
            }
            Query::List(listing) => {
                of_kind(&lists, Some(listing)).into_iter().map(without_content).collect()
            }
            Query::Search { words, limit } => {
                let mut search = ListSearch::new(words);
                of_kind(&lists, None).into_iter().for_each(|record| search.take(record));
                let most = limit.map_or(usize::MAX, |limit| limit.value() as usize);
                search.finish().into_iter().take(most).map(without_content).collect()
            }
            // Documents are registered with no peer.
            Query::Add { .. } | Query::Remove(_) => Vec::new(),
        };
        let is_refused = rows.is_empty() && matches!(query, Query::Lookup { .. });
        pass_on(rows, is_refused, take).map_err(IndexError::Taker)?;
        Ok(completeness(&lists))
    }

    fn look_up_all(
        &self,
        documents: &[&Document],
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<(), IndexError> {
        let lists = self.lists();
        for document in documents {
            for (record, content) in of_document(&lists, document) {
                take(ReplyPart::Record(record));
                attributes(content).map(ReplyPart::Attribute).for_each(&mut *take);
            }
        }
        Ok(())
    }

    fn server(&self) -> &Endpoint {
        &self.name
    }

    fn provenance(&self) -> Result<Provenance, IndexError> {
        Ok(Provenance::Lan)
    }

    fn dialect(&self) -> &IndexDialect {
        &self.dialect
    }

    fn list_cache(&self) -> &ListCache {
        &self.cache
    }
}

/// Whether a peer has more documents than were read.
fn completeness(lists: &[PeerDocuments]) -> Completeness {
    match lists.iter().find(|(_, list)| list.is_cut()) {
        None => Completeness::Complete,
        Some((peer, list)) => Completeness::incomplete(format!(
            "only the first {} documents of {peer} on the local network were read",
            list.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::lan::document_list::DocumentList;
    use crate::protocol::{Attribute, IndexReply};

    fn list(lines: &[&str]) -> Arc<DocumentList> {
        let mut list = DocumentList::default();
        for line in lines {
            list.take(ReplyPart::Record(Record::parse(line).unwrap()));
            list.take(ReplyPart::Attribute(Attribute::Length(3)));
        }
        Arc::new(list)
    }

    fn lists() -> Vec<PeerDocuments> {
        vec![
            ("10.0.0.2:5".parse().unwrap(), list(&["RFC 7 B h 1", "FILE a A h 1", "RFC 1 C h 1"])),
            ("10.0.0.3:6".parse().unwrap(), list(&["RFC 7 B other 22"])),
        ]
    }

    #[test]
    fn holders_are_the_peers_that_list_a_document() {
        let (lists, document) = (lists(), Document::Rfc("7".parse().unwrap()));
        let rows: Vec<Row> = of_document(&lists, &document).collect();
        let holders: Vec<String> = rows.iter().map(|(row, _)| row.holder.to_string()).collect();
        assert_eq!(holders, ["10.0.0.2:5", "10.0.0.3:6"]);
        assert_eq!(rows[0].1.length, Some(3));
    }

    #[test]
    fn replies_have_the_form_of_an_index_server() {
        let lists = lists();
        let of_kind = |listing| of_kind(&lists, listing);
        for (records, lines) in [
            (
                of_kind(Some(Listing::Rfcs)),
                vec!["RFC 1 C 10.0.0.2 5", "RFC 7 B 10.0.0.2 5", "RFC 7 B 10.0.0.3 6"],
            ),
            (of_kind(Some(Listing::Files)), vec!["FILE a A 10.0.0.2 5"]),
            (Vec::new(), vec![]),
        ] {
            let shown: Vec<String> = records.iter().map(ToString::to_string).collect();
            assert_eq!(shown, lines);
            let mut bytes = Vec::new();
            let rows = records.iter().cloned().map(|record| (record, Content::default()));
            pass_on(rows.collect(), false, &mut |_, part| {
                bytes.extend_from_slice(part);
                Ok(())
            })
            .unwrap();
            let mut expected = Vec::new();
            IndexReply::Found(records).encode(&mut expected);
            assert_eq!(bytes, expected);
        }
        let mut refused = Vec::new();
        pass_on(Vec::new(), true, &mut |_, part| {
            refused.extend_from_slice(part);
            Ok(())
        })
        .unwrap();
        assert_eq!(refused, b"P2P-CI/1.0 404 Not Found\r\n\r\n");
    }
}
