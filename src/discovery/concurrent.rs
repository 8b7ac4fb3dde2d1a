//! Requests to several sources of holders at the same time. Their replies are used in the order of the sources.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::index_error::IndexError;
use super::listed::Completeness;
use super::query::AskIndex;
use crate::error_chain::error_chain;
use crate::limits;

/// Takes a part of a reply.
pub(crate) type Take<'a, P> = &'a mut dyn FnMut(P) -> io::Result<()>;

/// Sends a request to a source. The reply is what it passes on, and what it returns.
type Ask<'a, P, T> = &'a (dyn Fn(&dyn AskIndex, Take<'_, P>) -> Result<T, IndexError> + Sync);

/// The reply of a source, which has arrived, or is requested when it is read.
pub(crate) struct Reply<'a, P, T> {
    member: &'a dyn AskIndex,
    ask: Ask<'a, P, T>,
    arrived: Option<Arrived<P, T>>,
}

/// The parts of a reply that have arrived, and how it has ended.
type Arrived<P, T> = (Vec<P>, Result<T, IndexError>);

impl<P, T> Reply<'_, P, T> {
    /// Passes the parts of the reply on.
    ///
    /// # Errors
    /// When there is no complete reply, or `take` fails.
    pub(crate) fn read(self, take: Take<'_, P>) -> Result<T, IndexError> {
        let Some((parts, outcome)) = self.arrived else { return (self.ask)(self.member, take) };
        parts.into_iter().try_for_each(take).map_err(IndexError::Taker)?;
        outcome
    }
}

/// Asks all of these sources with `ask`, which runs in a thread for each, and reads their replies in their order
/// with `read`. A source that fails is left out, unless all fail.
///
/// When a source has replied and nothing more arrives for [`limits::INDEX_GRACE`], the others are given up if they
/// permit it ([`AskIndex::give_up`]). Then the result is incomplete. A reply with more than
/// [`limits::PARTS_KEPT`] parts is not kept: it is requested again when it is read.
///
/// # Errors
/// When no source has replied, or a request was cancelled, or an output has failed.
pub(crate) fn of_each<P: Send, T: Send, U>(
    members: &[&dyn AskIndex],
    ask: Ask<'_, P, T>,
    mut read: impl FnMut(&dyn AskIndex, Reply<'_, P, T>) -> Result<U, IndexError>,
) -> Result<(Vec<U>, Completeness), IndexError> {
    let (mut outcomes, mut failures, mut given_up) = (Vec::new(), Vec::new(), Vec::new());
    for (member, (arrived, waited)) in members.iter().zip(arrived(members, ask)) {
        match read(*member, Reply { member: *member, ask, arrived }) {
            Ok(outcome) => outcomes.push(outcome),
            Err(error @ IndexError::Taker(_)) => return Err(error),
            Err(_) if waited.is_some() => {}
            Err(error @ IndexError::Cancelled { .. }) => return Err(error),
            Err(error) => failures.push(error),
        }
        let index = || (*member).server().clone();
        given_up.extend(waited.map(|waited| IndexError::Silent { index: index(), waited }));
    }
    if outcomes.is_empty() && !failures.is_empty() {
        failures.extend(given_up);
        return Err(IndexError::of_all(failures));
    }
    failures.iter().for_each(warn_of);
    Ok((outcomes, Completeness::without_replies(given_up)))
}

/// Servers that cannot be reached or do not reply are reported where that is noticed. The commands that list say
/// themselves that a source cannot be listed.
fn warn_of(error: &IndexError) {
    if !error.is_absence() && !matches!(error, IndexError::NotListed) {
        log::warn!("{}; continuing without it", error_chain(error));
    }
}

/// A reply, if it was kept, and how long its source was waited for, if it was given up.
type Awaited<P, T> = (Option<Arrived<P, T>>, Option<Duration>);

/// Asks all sources, and waits for their replies.
fn arrived<P: Send, T: Send>(members: &[&dyn AskIndex], ask: Ask<'_, P, T>) -> Vec<Awaited<P, T>> {
    if members.len() < 2 {
        return members.iter().map(|_| (None, None)).collect();
    }
    let begun = Instant::now();
    let last_parts: Vec<Mutex<Instant>> = members.iter().map(|_| Mutex::new(begun)).collect();
    let (sender, replies) = channel();
    thread::scope(|scope| {
        let mut waiting = Waiting::new(members, &last_parts, begun);
        for (at, (member, last_part)) in members.iter().zip(&last_parts).enumerate() {
            let sender = sender.clone();
            let run = move || keep(*member, ask, last_part, at, &sender);
            let thread = thread::Builder::new().name("index-query".into());
            if thread.spawn_scoped(scope, run).is_err() {
                // Without a thread it is asked when its reply is read.
                waiting.has_ended.get_mut(at).into_iter().for_each(|has_ended| *has_ended = true);
            }
        }
        drop(sender);
        waiting.run(&replies)
    })
}

/// Asks one source, and sends its reply, or `None` if it is too large.
fn keep<P, T>(
    member: &dyn AskIndex,
    ask: Ask<'_, P, T>,
    last_part: &Mutex<Instant>,
    at: usize,
    replies: &Sender<(usize, Option<Arrived<P, T>>)>,
) {
    let (mut parts, mut is_large) = (Vec::new(), false);
    let outcome = ask(member, &mut |part| {
        *lock(last_part) = Instant::now();
        is_large = parts.len() >= limits::PARTS_KEPT;
        if is_large {
            return Err(io::ErrorKind::Interrupted.into());
        }
        parts.push(part);
        Ok(())
    });
    // The receiver waits for this thread.
    let _ = replies.send((at, (!is_large).then_some((parts, outcome))));
}

/// The sources whose replies are waited for.
struct Waiting<'a, P, T> {
    members: &'a [&'a dyn AskIndex],
    begun: Instant,
    /// When the last part of each reply has arrived.
    last_parts: &'a [Mutex<Instant>],
    awaited: Vec<Awaited<P, T>>,
    has_ended: Vec<bool>,
    /// When a source has replied last.
    replied: Option<Instant>,
}

impl<'a, P, T> Waiting<'a, P, T> {
    fn new(
        members: &'a [&'a dyn AskIndex],
        last_parts: &'a [Mutex<Instant>],
        begun: Instant,
    ) -> Self {
        let awaited = members.iter().map(|_| (None, None)).collect();
        let has_ended = vec![false; members.len()];
        Self { members, begun, last_parts, awaited, has_ended, replied: None }
    }

    fn end(&mut self, at: usize, reply: Option<Arrived<P, T>>) {
        if !matches!(reply, Some((_, Err(_)))) {
            self.replied = Some(Instant::now());
        }
        if let (Some(awaited), Some(has_ended)) =
            (self.awaited.get_mut(at), self.has_ended.get_mut(at))
        {
            (awaited.0, *has_ended) = (reply, true);
        }
    }

    fn run(mut self, replies: &Receiver<(usize, Option<Arrived<P, T>>)>) -> Vec<Awaited<P, T>> {
        loop {
            let next = match self.give_up() {
                Some(time) => replies.recv_timeout(time),
                None => replies.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok((at, reply)) => self.end(at, reply),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.awaited,
            }
        }
    }

    /// Gives up the sources that are silent for too long. Returns the time until the next one may be; `None` if no
    /// source has replied, or none is left that can be given up.
    fn give_up(&mut self) -> Option<Duration> {
        let replied = self.replied?;
        let mut next: Option<Duration> = None;
        let members = self.members.iter().zip(self.last_parts).zip(&self.has_ended);
        for (((member, last_part), has_ended), awaited) in members.zip(&mut self.awaited) {
            if *has_ended || awaited.1.is_some() {
                continue;
            }
            let silent = replied.max(*lock(last_part)).elapsed();
            let left = limits::INDEX_GRACE.saturating_sub(silent);
            if !left.is_zero() {
                next = Some(next.map_or(left, |next| next.min(left)));
            } else if member.give_up(self.begun) {
                awaited.1 = Some(self.begun.elapsed());
            }
        }
        next
    }
}

fn lock(mutex: &Mutex<Instant>) -> MutexGuard<'_, Instant> {
    // Each change is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
