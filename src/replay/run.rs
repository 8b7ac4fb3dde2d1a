//! Follows the script: sends what the client has sent, not before the recorded replies have arrived.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::exchanges::Exchange;
use super::line::{Arrival, Line};
use super::script::{Action, Script, Step};

/// Silence after which a reply is no longer expected, in all and after one did not come.
const REPLY: Duration = Duration::from_secs(5);
const NEXT_REPLY: Duration = Duration::from_secs(1);
/// Time for one reply, however slowly it arrives.
const LONGEST_REPLY: Duration = Duration::from_secs(30);
/// Replies that may be missing before a connection is given up.
const MOST_LOST: usize = 5;
/// The longest pause between two requests. Recorded ones may last for days.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Time in which a server closes a connection that its client has ended.
const CLOSE: Duration = Duration::from_secs(1);
/// Without the recorded pauses, the time in which a server removes the records of a closed connection.
const SETTLE: Duration = Duration::from_millis(100);
/// Silence at the end that shows that nothing more comes, and the time in which it must begin.
const END_SILENCE: Duration = Duration::from_millis(600);
const END: Duration = Duration::from_secs(3);
/// The interval at which deadlines are checked.
const TICK: Duration = Duration::from_millis(50);
/// Connections that are open at the same time.
const MOST_OPEN: usize = 256;
/// Bytes that are received in all.
const MOST_RECEIVED: usize = 128 * MEBIBYTE;
const MEBIBYTE: usize = 1024 * 1024;

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// With the recorded pauses, divided by this number.
    Recorded(f64),
    /// When the recorded replies have arrived.
    NoWait,
}

/// What has been received.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// The exchanges of each connection of the script.
    pub(crate) connections: Vec<Vec<Exchange>>,
    /// What went otherwise than recorded, with the place of the connection.
    pub(crate) notes: Vec<(usize, String)>,
    /// Whether all requests could be sent.
    pub(crate) is_complete: bool,
}

/// A script cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("cannot connect; check that the server is running, and that this is its port")]
    Unreachable(#[source] io::Error),
    #[error(
        "expected at most {MOST_OPEN} connections at the same time, found more; choose one with --stream"
    )]
    TooManyConnections,
}

/// Follows the script.
pub(crate) fn run(
    script: &mut Script,
    addresses: &[SocketAddr],
    pace: Pace,
) -> Result<Replayed, RunError> {
    let (sender, arrivals) = sync_channel(64);
    let steps = std::mem::take(&mut script.steps);
    let mut run = Run {
        addresses,
        pace,
        sender,
        arrivals,
        open: BTreeMap::new(),
        done: Replayed {
            connections: vec![Vec::new(); script.connections.len()],
            notes: Vec::new(),
            is_complete: true,
        },
        previous: None,
        received: 0,
    };
    steps.into_iter().try_for_each(|step| run.follow(step))?;
    let begun = Instant::now();
    run.wait(Some(begun + END), |run| {
        run.open.values().all(|line| line.has_ended || line.last().elapsed() >= END_SILENCE)
    });
    let places: Vec<usize> = run.open.keys().copied().collect();
    places.into_iter().for_each(|place| run.close(place));
    Ok(run.done)
}

struct Run<'a> {
    addresses: &'a [SocketAddr],
    pace: Pace,
    sender: SyncSender<Arrival>,
    arrivals: Receiver<Arrival>,
    open: BTreeMap<usize, Line>,
    done: Replayed,
    /// When the step before was recorded, and when it was followed.
    previous: Option<(Option<Duration>, Instant)>,
    received: usize,
}

impl Run<'_> {
    fn follow(&mut self, step: Step) -> Result<(), RunError> {
        let Step { connection, time, what } = step;
        match what {
            Action::None => return Ok(()),
            Action::Await(number) => {
                self.await_reply(connection, number);
                return Ok(());
            }
            _ => self.pause(connection, time),
        }
        match what {
            Action::Connect => {
                if self.open.len() >= MOST_OPEN {
                    return Err(RunError::TooManyConnections);
                }
                let line = Line::connect(self.addresses, connection, self.sender.clone());
                self.open.insert(connection, line.map_err(RunError::Unreachable)?);
            }
            Action::Send(bytes) => {
                let result = self.open.get_mut(&connection).map(|line| line.send(bytes));
                if let Some(Err(error)) = result {
                    self.give_up(connection, format!("a request could not be sent: {error}"));
                }
            }
            Action::Finish { server_sends_more } => {
                if let Some(line) = self.open.get(&connection) {
                    line.finish_sending();
                }
                if !server_sends_more {
                    self.wait_for_end(connection);
                }
            }
            Action::Reset => {
                if let Some(line) = self.open.remove(&connection) {
                    self.keep(connection, line.reset());
                }
            }
            Action::Await(_) | Action::None => {}
        }
        self.previous = Some((time, Instant::now()));
        Ok(())
    }

    /// Waits for as long as the client did after the step before.
    fn pause(&mut self, connection: usize, time: Option<Duration>) {
        let (Pace::Recorded(speed), Some((Some(before), followed)), Some(time)) =
            (self.pace, self.previous, time)
        else {
            return;
        };
        let pause = time.saturating_sub(before).as_secs_f64() / speed;
        let pause = Duration::try_from_secs_f64(pause).unwrap_or(Duration::MAX);
        if pause > LONGEST_PAUSE {
            let (pause, longest) = (pause.as_secs(), LONGEST_PAUSE.as_secs());
            let text = format!("a pause of {pause} s was shortened to {longest} s");
            self.note(connection, text);
        }
        let until = followed.checked_add(pause.min(LONGEST_PAUSE));
        self.wait(until, |_| false);
    }

    /// Waits until this number of requests has been answered on a connection.
    fn await_reply(&mut self, connection: usize, number: usize) {
        let lost = self.open.get(&connection).map_or(0, |line| line.lost);
        let patience = if lost == 0 { REPLY } else { NEXT_REPLY };
        let begun = Instant::now();
        self.wait(begun.checked_add(LONGEST_REPLY), |run| {
            run.open.get(&connection).is_none_or(|line| {
                line.answered() + line.lost >= number
                    || line.has_ended
                    || line.last().elapsed() >= patience
            })
        });
        let Some(line) = self.open.get_mut(&connection) else { return };
        let missing = number.saturating_sub(line.answered() + line.lost);
        line.lost += missing;
        if line.lost > MOST_LOST && missing > 0 {
            let text = format!("given up: more than {MOST_LOST} replies did not come");
            self.give_up(connection, text);
        }
    }

    /// Waits until the server ends a connection that the client has ended.
    fn wait_for_end(&mut self, connection: usize) {
        let begun = Instant::now();
        self.wait(begun.checked_add(CLOSE), |run| {
            run.open.get(&connection).is_none_or(|line| line.has_ended)
        });
        self.close(connection);
        if matches!(self.pace, Pace::NoWait) {
            self.wait(Instant::now().checked_add(SETTLE), |_| false);
        }
    }

    /// Receives until this time, or until it is enough.
    fn wait(&mut self, until: Option<Instant>, is_enough: impl Fn(&Self) -> bool) {
        loop {
            self.open.values_mut().for_each(Line::notice_silence);
            let left = until.map_or(TICK, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() || is_enough(self) {
                return;
            }
            match self.arrivals.recv_timeout(left.min(TICK)) {
                Ok((place, bytes)) => self.arrived(place, bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    fn arrived(&mut self, place: usize, bytes: Option<Vec<u8>>) {
        let Some(line) = self.open.get_mut(&place) else { return };
        self.received += bytes.as_ref().map_or(0, Vec::len);
        line.arrived(bytes);
        if self.received > MOST_RECEIVED {
            let most = MOST_RECEIVED / MEBIBYTE;
            self.give_up(place, format!("given up: more than {most} MiB were received"));
        }
    }

    fn close(&mut self, place: usize) {
        if let Some(line) = self.open.remove(&place) {
            self.keep(place, line.close());
        }
    }

    fn keep(&mut self, place: usize, exchanges: Vec<Exchange>) {
        if let Some(kept) = self.done.connections.get_mut(place) {
            *kept = exchanges;
        }
    }

    /// The rest of the connection is not replayed.
    fn give_up(&mut self, place: usize, text: String) {
        self.note(place, text);
        self.done.is_complete = false;
        self.close(place);
    }

    fn note(&mut self, place: usize, text: String) {
        self.done.notes.push((place, text));
    }
}
