//! Upload servers that are asked for records of what they share (protocol.md sections 5.8 and 5.9).

use std::fmt::{self, Display, Formatter};
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::index_dialect::IndexDialect;
use super::index_error::IndexError;
use super::index_link::Link;
use super::index_replies::{Between, Replies, Step};
use super::listed::Completeness;
use super::query::Query;
use crate::limits;
use crate::net::{AddressPolicy, Cancel, Dialer, Provenance, Target};
use crate::protocol::{Endpoint, Host, Port, ReplyForm, ReplyPart};

/// An upload server that is asked for records.
#[derive(Clone, Debug)]
pub(crate) struct AskedHolder {
    /// Its endpoint, for messages and records.
    pub(crate) endpoint: Endpoint,
    /// Where it is connected to.
    pub(crate) address: SocketAddr,
    /// Where it was learned from.
    pub(crate) learned_from: Provenance,
}

impl Display for AskedHolder {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}

impl AskedHolder {
    /// Sends queries, and passes the parts of the replies to `take`, which may stop. At most this number of bytes
    /// of the replies is taken.
    ///
    /// # Errors
    /// When it cannot be reached, refuses, or does not reply as it should; or when that is cancelled.
    pub(crate) fn ask(
        &self,
        queries: &[Query<'_>],
        most_bytes: usize,
        cancel: &Cancel,
        take: &mut dyn FnMut(ReplyPart) -> ControlFlow<()>,
    ) -> Result<Completeness, IndexError> {
        let link = self.connect(cancel)?;
        let _watched = cancel.watch(Arc::clone(&link.stream));
        let mut requests = Vec::new();
        queries.iter().for_each(|query| query.encode(&link.own, &mut requests));
        link.send_requests(requests)?;
        self.read(&link, queries.len(), most_bytes, take)
    }

    fn connect(&self, cancel: &Cancel) -> Result<Link, IndexError> {
        let peer = &self.endpoint;
        let unreachable = |source| IndexError::Unreachable { index: peer.clone(), source };
        let dialer = Dialer::new(AddressPolicy::default(), limits::Connecting::DEFAULT);
        let target = Target {
            provenance: self.learned_from,
            address: Some(self.address),
            ..Target::of_user(peer.host.as_str(), peer.port.value())
        };
        let stream = dialer.connect(target, cancel).map_err(unreachable)?;
        let local = stream.local_addr().map_err(unreachable)?;
        let port = Port::try_from(local.port()).map_err(io::Error::other).map_err(unreachable)?;
        let own = Endpoint { host: Host::from(local.ip().to_canonical()), port };
        Link::over(stream, peer, own).map_err(unreachable)
    }

    fn read(
        &self,
        link: &Link,
        replies_due: usize,
        most_bytes: usize,
        take: &mut dyn FnMut(ReplyPart) -> ControlFlow<()>,
    ) -> Result<Completeness, IndexError> {
        let dialect = IndexDialect::default();
        // Its replies follow the grammar.
        dialect.show_extensions();
        let between = Between::of_new(&dialect, link.form);
        let mut replies = Replies::new(&self.endpoint, &dialect, &link.stream, between);
        replies.take_at_most(most_bytes);
        replies.expect(ReplyForm::Records);
        for _ in 0..replies_due {
            let (mut refused, mut next) = (None, ControlFlow::Continue(()));
            loop {
                let step = replies.read_part(&mut |part, _| match part {
                    ReplyPart::Refused(refusal) => refused = Some(refusal),
                    part => next = take(part),
                })?;
                match (step, refused) {
                    (_, Some(refusal)) => {
                        let index = self.endpoint.clone();
                        return Err(IndexError::Refused { index, refusal, reason: None });
                    }
                    (Step::Closed, None) => {
                        return Err(link.lost(io::ErrorKind::UnexpectedEof.into()));
                    }
                    (_, None) if next.is_break() => return Ok(Completeness::Stopped),
                    (Step::Part, None) => {}
                    (Step::End(Completeness::Complete), None) => break,
                    (Step::End(incomplete), None) => return Ok(incomplete),
                }
            }
        }
        Ok(Completeness::Complete)
    }
}

/// Asks all of these at the same time, in threads of this name. What has not ended in time is cancelled.
pub(crate) fn ask_all<'a, P: Display + Sync, R: Send>(
    peers: &'a [P],
    name: &str,
    time: Duration,
    ask: &(dyn Fn(&P, &Cancel) -> R + Sync),
) -> Vec<(&'a P, R)> {
    let until = limits::ends_after(time);
    let (cancel, (sender, received)) = (Cancel::new(), mpsc::channel());
    thread::scope(|scope| {
        for peer in peers {
            let (sender, cancel) = (sender.clone(), &cancel);
            let work = move || {
                // Both ends are in this function.
                let _ = sender.send((peer, ask(peer, cancel)));
            };
            let started = thread::Builder::new().name(name.into()).spawn_scoped(scope, work);
            if let Err(error) = started {
                log::warn!("{peer} is not asked for its documents: {error}");
            }
        }
        drop(sender);
        let mut outcomes = Vec::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let next = match left {
                // The connections of the others are closed, so that they end soon.
                Duration::ZERO => {
                    cancel.cancel();
                    received.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected)
                }
                left => received.recv_timeout(left),
            };
            match next {
                Ok(outcome) => outcomes.push(outcome),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return outcomes,
            }
        }
    })
}
