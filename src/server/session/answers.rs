//! What each request is answered with, and what it changes (protocol.md section 4).
//!
//! It appends to the session's output; only the pieces of a long list are written here.

use std::io;
use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use super::Session;
use crate::escape::escaped;
use crate::index::{Attributes, Charge, Index, Position, Query, Search, Shown};
use crate::limits;
use crate::protocol::{
    BorrowedRecord, Content, Date, Document, END_OF_RECORDS, Endpoint, IndexRequest, Record,
    RecordEncoder, Refusal, Status, encode_attribute, encode_found, encode_record, encode_refusal,
    encode_refused_lookup,
};
use crate::server::{LOG_FAULTS, LOG_REQUESTS, counted, indexer};

/// As many records are looked at while one is added or removed.
const CHANGE: usize = 64;
/// As many records are looked at while one title is entered.
const TITLE: usize = 64;

/// As many records are looked at while the words of a query are found.
const QUERY: usize = limits::SMALL_REQUEST;

/// What was done for a request.
enum Done {
    /// A record was added or removed.
    Changed,
    /// So many records were sent.
    Sent(usize),
}

/// Where the records of a reply come from, and how far they were sent.
enum Source {
    Listed(Query, Position),
    Search(Search),
}

impl Source {
    fn listed(query: Query) -> Self {
        Self::Listed(query, Position::default())
    }

    /// What is done before the first record is looked at.
    const fn first_cost(&self) -> usize {
        match self {
            Self::Listed(..) => 0,
            Self::Search(_) => QUERY,
        }
    }

    /// Hands some records to `take`. Returns whether there are no more, and adds what was done to
    /// `cost`.
    fn visit<'a>(
        &mut self,
        index: &'a Index,
        cost: &mut usize,
        mut take: impl FnMut(Shown<'a>) -> bool,
    ) -> bool {
        match self {
            Self::Listed(query, position) => {
                let end = *cost + limits::VISITS;
                index.visit(query, position, |shown| {
                    *cost += 1;
                    take(shown) && *cost < end
                })
            }
            Self::Search(search) => {
                let is_whole = index.search(search, take);
                *cost += search.take_cost();
                is_whole
            }
        }
    }
}

/// Why a request that follows the grammar is refused.
struct Refused {
    refusal: Refusal,
    reason: String,
}

impl Session<'_> {
    pub(super) fn answer(&mut self, request: IndexRequest) -> io::Result<()> {
        if self.requests == 0 {
            // Before the request is handled: a long list, or a name to resolve, takes time.
            self.shared.permits.has_asked(self.owner.0);
        }
        let logged = log::log_enabled!(target: LOG_REQUESTS, log::Level::Info);
        let line = if logged { request.to_string() } else { String::new() };
        let wants_attributes =
            matches!(request, IndexRequest::Lookup { want_attributes: true, .. });
        let outcome = match request {
            IndexRequest::Add { document, title, content, from } => {
                self.add(Record { document, title, holder: from }, content)
            }
            IndexRequest::Remove { document, from } => self.remove(&document, &from),
            IndexRequest::Lookup { document, want_attributes, .. } => self.find(
                &mut Source::listed(Query::Document(document)),
                usize::MAX,
                want_attributes,
            )?,
            IndexRequest::List { listing, .. } => {
                self.find(&mut Source::listed(Query::Listing(listing)), usize::MAX, false)?
            }
            IndexRequest::Search { words, limit, .. } => {
                let most = limit.and_then(|limit| usize::try_from(limit.value()).ok());
                let most = most.unwrap_or(usize::MAX);
                self.catch_up();
                self.find(&mut Source::Search(Search::new(words, most)), most, false)?
            }
        };
        self.requests += 1;
        let address = self.address;
        match outcome {
            Ok(done) => {
                self.consecutive_faults = 0;
                if matches!(done, Done::Changed) {
                    self.looked_at += CHANGE;
                }
                if logged {
                    self.log_done(&line, &done);
                }
            }
            Err(Refused { refusal, reason }) => {
                log::info!(
                    target: LOG_REQUESTS, "{address} {line}: {}, {reason}", Status::from(refusal)
                );
                let encode = if wants_attributes { encode_refused_lookup } else { encode_refusal };
                self.refuse_with(encode, refusal, &reason);
            }
        }
        Ok(())
    }

    #[cold]
    fn log_done(&self, line: &str, done: &Done) {
        let (address, status) = (self.address, Status::Ok);
        match done {
            Done::Changed => {
                let population = self.shared.population();
                log::info!(target: LOG_REQUESTS, "{address} {line}: {status} ({population})");
            }
            Done::Sent(count) => {
                let records = counted(*count, "record");
                log::info!(target: LOG_REQUESTS, "{address} {line}: {status}, {records}");
            }
        }
    }

    /// The reply repeats what the peer said, whatever host the record is listed under.
    fn add(&mut self, said: Record, content: Content) -> Result<Done, Refused> {
        let (holder, verified) = self.listed(&said.holder)?;
        let attributes =
            Attributes { content, added: Date::clamped(SystemTime::now()), address: verified };
        // The reply is written first, because the record moves into the index.
        let before = self.output.len();
        self.reply_with(&said);
        let document = said.document.clone();
        let record = Record { holder, ..said };
        let added = self.add_charged(record, attributes);
        if let Err(reason) = added {
            self.output.truncate(before);
            log::warn!(target: LOG_FAULTS, "{}: {document} refused: {reason}", self.address);
            return Err(Refused { refusal: Refusal::ServiceUnavailable, reason });
        }
        Ok(Done::Changed)
    }

    /// Adds a record and charges it to this connection and its network. An error says which limit
    /// is reached.
    fn add_charged(&mut self, record: Record, attributes: Attributes) -> Result<(), String> {
        let index = &self.shared.index;
        let charge = Charge::of(&record);
        if self.account.reserve(charge.bytes, 0).is_err() {
            let replaced = index.read().charge_of(self.owner, &record.document, &record.holder);
            self.account.reserve(charge.bytes, replaced).map_err(|full| full.to_string())?;
        }
        let added = index.write().add_charged(self.owner, record, charge, attributes);
        let replaced = added.map_err(|full| full.to_string())?;
        self.shared.indexer.notify();
        self.account.add(charge.bytes, replaced);
        Ok(())
    }

    fn remove(&mut self, document: &Document, from: &Endpoint) -> Result<Done, Refused> {
        let (holder, _) = self.listed(from)?;
        let removed = self.shared.index.write().remove(self.owner, document, &holder);
        let removed = removed.ok_or_else(|| Refused {
            refusal: Refusal::NotFound,
            reason:
                "expected a record that this connection added, found none (protocol.md section 4.6)"
                    .into(),
        })?;
        self.shared.indexer.notify();
        self.account.remove(Charge::of(&removed).bytes);
        self.reply_with(&Record { holder: from.clone(), ..removed });
        Ok(Done::Changed)
    }

    fn listed(&mut self, said: &Endpoint) -> Result<(Endpoint, Option<IpAddr>), Refused> {
        let listed = self.hosts.listed(&said.host).ok_or_else(|| Refused {
            refusal: Refusal::BadRequest,
            reason: format!(
                "expected a host with the address {}, found `{}` (protocol.md section 4.7)",
                self.address.ip(),
                escaped(said.host.as_str())
            ),
        })?;
        Ok((Endpoint { host: listed.host, port: said.port }, listed.verified))
    }

    fn reply_with(&mut self, record: &Record) {
        encode_found(&mut self.output);
        encode_record(record.borrowed(), &mut self.output);
        self.output.extend_from_slice(END_OF_RECORDS);
    }

    /// Replies to LOOKUP, LIST and SEARCH with at most `most` records. The reply is made and written in
    /// pieces, so that a long one is never in memory as a whole, and the index is unlocked while it is
    /// written.
    fn find(
        &mut self,
        source: &mut Source,
        most: usize,
        with_attributes: bool,
    ) -> io::Result<Result<Done, Refused>> {
        let before = self.output.len();
        encode_found(&mut self.output);
        let mut count = 0;
        let mut cost = source.first_cost();
        self.looked_at += cost;
        let mut counted = 0;
        loop {
            self.share.begin();
            let shared = self.shared;
            let output = &mut self.output;
            let cost_before = cost;
            let index = shared.index.read();
            let mut records = RecordEncoder::default();
            let whole = source.visit(&index, &mut cost, |shown| {
                let BorrowedRecord { document, title, .. } = shown.record;
                records.encode(document, title, shown.end, output);
                if with_attributes {
                    shown.attributes().iter().for_each(|one| encode_attribute(one, output));
                }
                count += 1;
                output.len() < limits::LIST_PIECE && count < most
            });
            drop(index);
            self.looked_at += cost - cost_before;
            if cost >= limits::SMALL_REQUEST {
                self.share.add(cost - counted);
                counted = cost;
            }
            if whole || count >= most {
                break;
            }
            if self.output.len() >= limits::LIST_PIECE {
                self.flush()?;
            }
            if self.output.len() > limits::SMALL_OUTPUT {
                self.make_room();
            }
            self.give_way();
            shared.index.give_turn();
        }
        if count == 0 && matches!(source, Source::Listed(Query::Document(_), _)) {
            self.output.truncate(before);
            let refusal = Refusal::NotFound;
            return Ok(Err(Refused {
                refusal,
                reason: "no peer has added it (protocol.md section 4.3)".into(),
            }));
        }
        self.output.extend_from_slice(END_OF_RECORDS);
        Ok(Ok(Done::Sent(count)))
    }

    /// Enters titles that were added before now, unless there are very many or they take long.
    fn catch_up(&mut self) {
        let behind = self.shared.index.read().behind().min(limits::TITLES_FOR_SEARCH);
        let begun = Instant::now();
        let mut entered = 0;
        while entered < behind {
            self.share.begin();
            let done = indexer::step(&self.shared.index, behind - entered);
            entered += done;
            let is_long = entered >= limits::LEAST_TITLES_FOR_SEARCH
                && begun.elapsed() >= limits::TITLES_TIME;
            if done == 0 || is_long {
                break;
            }
            self.looked_at += done * TITLE;
            self.share.add(done * TITLE);
            self.give_way();
            self.shared.index.give_turn();
        }
    }
}
