//! Titles, digests and lengths, for which the first holders of a document are asked (protocol.md section 5.9).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::discovery::{AskedHolder, Completeness, IndexError, LookupTitle, Query, Row, ask_all};
use crate::error_chain::error_chain;
use crate::limits;
use crate::net::{Cancel, Provenance};
use crate::protocol::{Attribute, Content, Document, Endpoint, ReplyPart, Title};

/// What a holder says of a document.
type Said = (Title, Content);

/// The number of holders that are asked, for all documents.
#[derive(Debug, Default)]
pub(super) struct Titles {
    asked: AtomicUsize,
}

impl Titles {
    /// Asks the first holders of a document, and adds what they say to their rows. A holder that does not reply in
    /// time or as it should keeps its row as it is.
    pub(super) fn add(
        &self,
        document: &Document,
        rows: &mut [Row],
        learned_from: Provenance,
        limits: limits::Dht,
    ) {
        let places = Places::take(&self.asked, limits.asked_holders.min(rows.len()));
        let first = rows.iter().take(places.count);
        let holders: Vec<AskedHolder> =
            first.filter_map(|(record, _)| asked(&record.holder, learned_from)).collect();
        let ask = |holder: &AskedHolder, cancel: &Cancel| ask(holder, document, cancel);
        let mut said = HashMap::new();
        for (holder, outcome) in ask_all(&holders, "dht-title", limits.ask, &ask) {
            match outcome {
                Ok(Some(of_holder)) => {
                    said.insert(&holder.endpoint, of_holder);
                }
                Ok(None) => log::debug!("{holder} gives no title of {document}"),
                Err(error) => {
                    log::debug!("{holder} gives no title of {document}: {}", error_chain(&error));
                }
            }
        }
        for (record, content) in rows {
            if let Some((title, of_holder)) = said.remove(&record.holder) {
                (record.title, *content) = (title, of_holder);
            }
        }
    }
}

/// Places of holders that are asked at the same time. They are free again when this is dropped.
struct Places<'a> {
    taken: &'a AtomicUsize,
    count: usize,
}

impl<'a> Places<'a> {
    /// Takes at most this number of the places that are free.
    fn take(taken: &'a AtomicUsize, most: usize) -> Self {
        let granted = |before: usize| most.min(limits::DHT_ASKED_HOLDERS.saturating_sub(before));
        let order = Ordering::Relaxed;
        let before = taken.fetch_update(order, order, |before| Some(before + granted(before)));
        let (Ok(before) | Err(before)) = before;
        Self { taken, count: granted(before) }
    }
}

impl Drop for Places<'_> {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.count, Ordering::Relaxed);
    }
}

fn asked(endpoint: &Endpoint, learned_from: Provenance) -> Option<AskedHolder> {
    let address = SocketAddr::new(endpoint.host.as_str().parse().ok()?, endpoint.port.value());
    Some(AskedHolder { endpoint: endpoint.clone(), address, learned_from })
}

/// What a holder says of a document; `None` if it replies with a record of another one, or with none.
fn ask(
    holder: &AskedHolder,
    document: &Document,
    cancel: &Cancel,
) -> Result<Option<Said>, IndexError> {
    let query = Query::Lookup { document, title: LookupTitle::Omitted, want_attributes: true };
    let mut reading = Reading::default();
    let mut take = |part| reading.take(document, part);
    match holder.ask(&[query], limits::DHT_TITLE_REPLY, cancel, &mut take)? {
        Completeness::Complete => Ok(reading.said),
        Completeness::Stopped | Completeness::Incomplete(_) => Ok(None),
    }
}

/// What was read of a reply. Nothing that a record says of its holder is used, and the first record counts.
#[derive(Debug, Default)]
struct Reading {
    said: Option<Said>,
    /// Whether attributes belong to the first record.
    is_at_first: bool,
}

impl Reading {
    fn take(&mut self, document: &Document, part: ReplyPart) -> ControlFlow<()> {
        match part {
            ReplyPart::Record(record) if record.document != *document => {
                return ControlFlow::Break(());
            }
            ReplyPart::Record(record) => {
                self.is_at_first = self.said.is_none();
                self.said.get_or_insert((record.title, Content::default()));
            }
            ReplyPart::Attribute(attribute) if self.is_at_first => {
                let Some((_, content)) = &mut self.said else { return ControlFlow::Continue(()) };
                match attribute {
                    Attribute::Digest(digest) => content.digest = Some(digest),
                    Attribute::Length(length) => content.length = Some(length),
                    Attribute::Added(_) | Attribute::Address(_) => {}
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::protocol::Record;

    /// Holders of these replies, which are sent after a whole request. `None`: the holder is silent until the reader
    /// has closed the connection. Returns the rows, and the requests.
    fn ask_holders(replies: &[Option<String>], limits: limits::Dht) -> (Vec<Row>, Vec<String>) {
        let document = document();
        let (sender, requests) = mpsc::channel();
        let mut rows: Vec<Row> = Vec::new();
        for reply in replies.iter().cloned() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let holder = listener.local_addr().unwrap().to_string().parse().unwrap();
            let title = "".parse().unwrap();
            rows.push((Record { document: document.clone(), title, holder }, Content::default()));
            let sender = sender.clone();
            thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    request.push(byte[0]);
                }
                sender.send(String::from_utf8(request).unwrap()).unwrap();
                // The reader may close the connection before all was sent.
                let _ = reply.map(|reply| stream.write_all(reply.as_bytes()));
                let _ = stream.read(&mut [0]);
            });
        }
        drop(sender);
        let learned_from = Provenance::Dht(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        let titles = Titles::default();
        titles.add(&document, &mut rows, learned_from, limits);
        assert_eq!(titles.asked.load(Ordering::Relaxed), 0, "all places are free again");
        let asked = replies.len().min(limits.asked_holders);
        (rows, requests.iter().take(asked).collect())
    }

    fn document() -> Document {
        Document::Rfc("7".parse().unwrap())
    }

    /// Time for holders that reply, on a busy machine.
    fn patient() -> limits::Dht {
        limits::Dht { ask: Duration::from_secs(60), ..limits::Dht::DEFAULT }
    }

    #[test]
    fn what_a_holder_says_of_its_document_and_nothing_else_is_used() {
        let digest = format!("sha-256={}", "a".repeat(64));
        let found = "P2P-CI/1.0 200 OK\r\n\r\n";
        let full = format!(
            "{found}RFC 7 A Title 10.0.0.1 22\r\nDigest: {digest}\r\nLength: 3\r\nAddress: 10.0.0.2\r\n\r\n"
        );
        let again = format!("{found}RFC 7 A Title h 1\r\nRFC 7 B h 1\r\nLength: 4\r\n\r\n");
        let others = format!("{found}RFC 7 A Title h 1\r\nRFC 8 B h 1\r\n\r\n");
        let unknown = "X: y\r\n".repeat(100);
        let endless = "RFC 7 A Title h 1\r\n".repeat(1000);
        for (reply, title, has_digest, length) in [
            (full, "A Title", true, Some(3)),
            (format!("{found}RFC 7 A Title h 1\r\n\r\n"), "A Title", false, None),
            (again, "A Title", false, None),
            (others, "", false, None),
            (format!("{found}RFC 8 A Title h 1\r\nLength: 3\r\n\r\n"), "", false, None),
            (format!("{found}\r\n"), "", false, None),
            ("P2P-CI/1.0 400 Bad Request\r\n\r\n".into(), "", false, None),
            ("P2P-CI/1.0 404 Not Found\r\n\r\n".into(), "", false, None),
            ("HTTP/1.1 200 OK\r\n\r\n<html>".into(), "", false, None),
            (format!("{found}RFC 7 A Title h 1\r\n{unknown}\r\n"), "", false, None),
            (format!("{found}{endless}\r\n"), "", false, None),
            (format!("{found}RFC 7 {} h 1\r\n\r\n", "x".repeat(513)), "", false, None),
        ] {
            let (rows, requests) = ask_holders(&[Some(reply.clone())], patient());
            let (record, content) = &rows[0];
            assert_eq!(record.title.as_str(), title, "{reply}");
            assert_eq!((content.digest.is_some(), content.length), (has_digest, length), "{reply}");
            assert_eq!(record.holder.host.as_str(), "127.0.0.1", "{reply}");
            let rest =
                requests[0].strip_prefix("LOOKUP RFC 7 P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: ");
            assert!(rest.unwrap().ends_with("\r\nWant-Attributes: 1\r\n\r\n"), "{requests:?}");
        }
    }

    /// Attributes that nobody knows count as well.
    #[test]
    fn a_reply_is_read_to_a_limit() {
        let reply = |bytes: usize| {
            let head = "P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\n";
            let attribute = format!("X: {}\r\n", "y".repeat(1019));
            let rest = bytes - head.len() - 2;
            let last = format!("X: {}\r\n", "y".repeat(rest % 1024 + 1019));
            Some(format!("{head}{}{last}\r\n", attribute.repeat(rest / 1024 - 1)))
        };
        for (bytes, title) in [(limits::DHT_TITLE_REPLY, "T"), (limits::DHT_TITLE_REPLY + 1, "")] {
            let reply = reply(bytes);
            assert_eq!(reply.as_ref().unwrap().len(), bytes);
            let (rows, _) = ask_holders(&[reply], patient());
            assert_eq!(rows[0].0.title.as_str(), title, "{bytes}");
        }
    }

    #[test]
    fn silent_holders_and_those_after_the_first_ones_keep_their_records() {
        let reply = Some("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\n\r\n".to_string());
        let cut = Some("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\n".to_string());
        let ask = Duration::from_secs(5);
        let limits = limits::Dht { ask, asked_holders: 3, ..limits::Dht::DEFAULT };
        let begun = std::time::Instant::now();
        let (rows, requests) = ask_holders(&[None, reply.clone(), cut, reply], limits);
        assert!(begun.elapsed() < 4 * ask, "{:?}", begun.elapsed());
        let titles: Vec<&str> = rows.iter().map(|(record, _)| record.title.as_str()).collect();
        assert_eq!((titles, requests.len()), (vec!["", "T", "", ""], 3));
    }

    #[test]
    fn holders_without_a_place_are_not_asked() {
        let taken = AtomicUsize::new(0);
        let most = limits::DHT_ASKED_HOLDERS;
        let first = Places::take(&taken, most - 3);
        let second = Places::take(&taken, 8);
        let third = Places::take(&taken, 8);
        assert_eq!((first.count, second.count, third.count), (most - 3, 3, 0));
        drop(first);
        assert_eq!(Places::take(&taken, 8).count, 8);
    }
}
