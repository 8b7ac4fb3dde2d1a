//! The reply to each request, and the changes that it makes (protocol.md section 4).
//!
//! It appends to the session's output; only the pieces of a long list are written here.

use std::io;
use std::time::Instant;

use super::Session;
use crate::index::{Index, Position, Query, Search, Shown};
use crate::limits;
use crate::protocol::{
    BorrowedRecord, END_OF_RECORDS, IndexRequest, Record, RecordEncoder, Refusal, Status,
    encode_attribute, encode_found, encode_record, encode_refusal, encode_refused_lookup,
};
use crate::server::{LOG_REQUESTS, counted, indexer};

/// As many records are looked at while one is added or removed.
const CHANGE: usize = 64;
/// As many records are looked at while one title is entered.
const TITLE: usize = 64;

/// As many records are looked at while the words of a query are found.
const QUERY: usize = limits::SMALL_REQUEST;

/// What was done for a request.
pub(super) enum Done {
    /// A record was added or removed.
    Changed,
    /// A record is added with the next ones.
    Waits,
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
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) reason: String,
}

impl Session<'_> {
    pub(super) fn answer(&mut self, request: IndexRequest) -> io::Result<()> {
        if self.requests == 0 {
            // Before the request is handled: a long list, or a name to resolve, takes time.
            self.shared.permits.has_asked(self.owner.0);
        }
        let logged = log::log_enabled!(target: LOG_REQUESTS, log::Level::Info);
        let line = if logged { request.to_string() } else { String::new() };
        if !matches!(request, IndexRequest::Add { .. }) {
            self.add_waiting();
        }
        let wants_attributes =
            matches!(request, IndexRequest::Lookup { want_attributes: true, .. });
        let outcome = match request {
            IndexRequest::Add { document, title, content, from } => {
                self.add(Record { document, title, holder: from }, content, &line)
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
        match outcome {
            Ok(done) => {
                self.consecutive_faults = 0;
                if matches!(done, Done::Changed | Done::Waits) {
                    self.looked_at += CHANGE;
                }
                if logged {
                    self.log_done(&line, &done);
                }
            }
            Err(Refused { refusal, reason }) => {
                self.log_refused(&line, refusal, &reason);
                let encode = if wants_attributes { encode_refused_lookup } else { encode_refusal };
                self.refuse_with(encode, refusal, &reason);
            }
        }
        Ok(())
    }

    #[cold]
    pub(super) fn log_refused(&self, line: &str, refusal: Refusal, reason: &str) {
        let (address, status) = (self.address, Status::from(refusal));
        log::info!(target: LOG_REQUESTS, "{address} {line}: {status}, {reason}");
    }

    #[cold]
    pub(super) fn log_done(&self, line: &str, done: &Done) {
        let (address, status) = (self.address, Status::Ok);
        match done {
            Done::Changed => {
                let population = self.shared.population();
                log::info!(target: LOG_REQUESTS, "{address} {line}: {status} ({population})");
            }
            // Logged when it is added.
            Done::Waits => {}
            Done::Sent(count) => {
                let records = counted(*count, "record");
                log::info!(target: LOG_REQUESTS, "{address} {line}: {status}, {records}");
            }
        }
    }

    pub(super) fn reply_with(&mut self, record: BorrowedRecord<'_>) {
        encode_found(&mut self.output);
        encode_record(record, &mut self.output);
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
