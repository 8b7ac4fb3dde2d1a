//! What is sent, what is waited for, and the recorded replies.

use std::collections::BTreeSet;
use std::time::Duration;

use super::exchanges::{Exchange, Exchanges};
use super::recording::Recording;
use super::unrecorded::{self, NotSent};
use crate::transcript::{Event, Explainer, Side, What};

/// The client side of a recording, in its order.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) connections: Vec<Scripted>,
    pub(super) steps: Vec<Step>,
    pub(crate) not_sent: Vec<NotSent>,
    /// The ports of upload servers that the requests name.
    ports: BTreeSet<u16>,
}

/// A connection of the script.
#[derive(Debug)]
pub(crate) struct Scripted {
    pub(crate) name: String,
    /// The recorded address or port of the server; may be empty.
    pub(crate) server: String,
    pub(crate) exchanges: Vec<Exchange>,
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) connection: usize,
    pub(super) time: Option<Duration>,
    pub(super) what: Action,
}

#[derive(Debug)]
pub(super) enum Action {
    Connect,
    Send(Vec<u8>),
    /// Wait until this number of requests has been answered.
    Await(usize),
    /// The client has sent everything. The recorded server may have sent more afterwards.
    Finish {
        server_sends_more: bool,
    },
    Reset,
    /// Another step has replaced it.
    None,
}

/// A connection while its events are read.
struct Reading {
    explainer: Explainer,
    exchanges: Exchanges,
    has_connected: bool,
    awaiting: Option<Awaiting>,
    finished: Option<usize>,
}

/// The last reply that is awaited.
#[derive(Clone, Copy)]
struct Awaiting {
    step: usize,
    number: usize,
    /// Whether it had not ended there.
    is_open: bool,
}

impl Script {
    pub(crate) fn new(recording: Recording) -> Self {
        let Recording { connections, mut happened, .. } = recording;
        let name = |at: usize| connections.get(at).map_or(String::new(), |one| one.name.clone());
        let not_sent = unrecorded::remove(&mut happened, name);
        let mut reading: Vec<Reading> = connections.iter().map(|_| Reading::new()).collect();
        let (mut steps, mut ports) = (Vec::new(), BTreeSet::new());
        for one in happened {
            let Some(reading) = reading.get_mut(one.connection) else { continue };
            if let What::Bytes(Side::Client, bytes) = &one.what {
                ports.extend(ports_in(bytes));
            }
            let event = Event { stream: String::new(), time: one.time, what: one.what };
            let (_, parts) = reading.explainer.follow(&event);
            reading.exchanges.add(parts);
            reading.add_steps(event, one.connection, &mut steps);
        }
        let scripted = connections.into_iter().zip(reading).map(|(recorded, mut reading)| {
            let (_, parts) = reading.explainer.finish_following();
            reading.exchanges.add(parts);
            let exchanges = reading.exchanges.finish();
            Scripted { name: recorded.name, server: recorded.server, exchanges }
        });
        Self { connections: scripted.collect(), steps, not_sent, ports }
    }
}

impl Script {
    /// The ports of upload servers that the requests name.
    pub(crate) fn ports(&self) -> &BTreeSet<u16> {
        &self.ports
    }
}

impl Reading {
    fn new() -> Self {
        Self {
            explainer: Explainer::new(),
            exchanges: Exchanges::default(),
            has_connected: false,
            awaiting: None,
            finished: None,
        }
    }

    fn add_steps(&mut self, event: Event, connection: usize, steps: &mut Vec<Step>) {
        let Event { time, what, .. } = event;
        let step = |what| Step { connection, time, what };
        if let (What::Bytes(Side::Client, _), Some(awaiting)) = (&what, &mut self.awaiting) {
            awaiting.is_open &= self.exchanges.begun().1;
        }
        if !std::mem::replace(&mut self.has_connected, true) {
            steps.push(step(Action::Connect));
        }
        match what {
            What::Bytes(Side::Client, mut bytes) => match steps.last_mut() {
                // Text without times has a line for each line of a request.
                Some(Step { connection: last, time: None, what: Action::Send(sent) })
                    if *last == connection && time.is_none() =>
                {
                    sent.append(&mut bytes);
                }
                _ => steps.push(step(Action::Send(bytes))),
            },
            What::Bytes(Side::Server, _) | What::Missing(Side::Server, _) => {
                let (begun, is_open) = self.exchanges.begun();
                let before = self.awaiting.filter(|before| before.number == begun);
                if begun > 0 && before.is_none_or(|before| before.is_open) {
                    // A reply is awaited where its last bytes were recorded.
                    if let Some(replaced) = before.and_then(|before| steps.get_mut(before.step)) {
                        replaced.what = Action::None;
                    }
                    self.awaiting = Some(Awaiting { step: steps.len(), number: begun, is_open });
                    steps.push(step(Action::Await(begun)));
                }
                let finished = self.finished.and_then(|step| steps.get_mut(step));
                if let Some(Step { what: Action::Finish { server_sends_more }, .. }) = finished {
                    *server_sends_more = true;
                }
            }
            What::End(Side::Client) => {
                self.finished = Some(steps.len());
                steps.push(step(Action::Finish { server_sends_more: false }));
            }
            What::Reset(Side::Client) => steps.push(step(Action::Reset)),
            What::Missing(Side::Client, _)
            | What::End(Side::Server)
            | What::Reset(Side::Server)
            | What::Connect { .. }
            | What::Note(_) => {}
        }
    }
}

/// The values of `Port`, and of `Post`, which some programs write.
fn ports_in(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.split(|byte| b"\r\n".contains(byte)).filter_map(|line| {
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        let name = name.trim();
        let is_port = name.eq_ignore_ascii_case("port") || name.eq_ignore_ascii_case("post");
        if is_port { value.trim().parse().ok() } else { None }
    })
}
