//! Server-sent events: the state of the program when it has changed, requests as they are answered, samples.
//!
//! A stream has a thread of its own, and keeps nothing for a reader that is slow: such a reader misses requests,
//! which are counted, and its connection ends if it reads nothing for long.

use std::fmt::Write;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::access::Sight;
use super::program::{Series, StatusPage};
use super::samples::Samples;
use crate::counters::{LiveRequest, LiveWatch};
use crate::http::Stream;
use crate::limits;
use crate::system;

/// The streams that are open.
#[derive(Debug)]
pub(super) struct Streams {
    open: AtomicUsize,
    most: usize,
}

/// An open stream, until this is dropped.
#[derive(Debug)]
pub(super) struct OpenStream(Arc<Streams>);

impl Streams {
    /// At most this number of connections may be open.
    pub(super) fn of_connections(connections: usize) -> Self {
        let most = (connections / limits::EVENT_STREAMS_OF_CONNECTIONS).max(1);
        Self { open: AtomicUsize::new(0), most: most.min(limits::EVENT_STREAMS) }
    }

    /// The largest number of streams.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Opens another one; `None` if there are as many as there may be.
    pub(super) fn open(self: &Arc<Self>) -> Option<OpenStream> {
        let one_more = |open: usize| (open < self.most).then_some(open + 1);
        let opened = self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        opened.is_ok().then(|| OpenStream(Arc::clone(self)))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a stream has sent.
struct Events<'a, P> {
    program: &'a P,
    samples: &'a Samples,
    sight: Sight,
    live: LiveWatch<'a>,
    /// The last state.
    state: String,
    /// The number of samples.
    seen: u64,
}

/// Sends events until the client is gone, or the program ends.
pub(super) fn send_events(
    program: &impl StatusPage,
    samples: &Samples,
    sight: Sight,
    stream: &mut Stream<'_>,
) -> io::Result<()> {
    let (live, state) = (program.live().watch(), String::new());
    let mut events = Events { program, samples, sight, live, state, seen: 0 };
    let mut piece = events.hello();
    let mut sent = Instant::now();
    for look in 0_u64.. {
        if look.is_multiple_of(limits::EVENTS_OF_STATE) {
            events.add_state(&mut piece);
            events.add_sample(&mut piece);
        }
        events.add_requests(&mut piece);
        if piece.is_empty() && sent.elapsed() >= limits::EVENT_HEARTBEAT {
            piece.push_str(": heartbeat\n\n");
        }
        if !piece.is_empty() {
            stream.send(piece.as_bytes())?;
            piece.clear();
            sent = Instant::now();
        }
        if !stream.wait(limits::EVENT_INTERVAL) {
            break;
        }
    }
    Ok(())
}

/// Appends an event. The text of an object has no line end.
fn add_event(piece: &mut String, name: &str, data: &Value) {
    // Writing to a string does not fail.
    let _ = write!(piece, "event: {name}\ndata: {data}\n\n");
}

impl<P: StatusPage> Events<'_, P> {
    fn hello(&mut self) -> String {
        let Self { program, samples, sight, .. } = self;
        let (all, seen) = samples.all();
        let hello = json!({
            "v": 1,
            "program": program.name(),
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": samples.uptime().as_secs(),
            "may_change": sight.may_change,
            "shows_addresses": sight.addresses,
            "process": process(),
            "series": program.series().iter().map(Series::described).collect::<Vec<Value>>(),
            "interval_seconds": limits::SAMPLE_INTERVAL.as_secs(),
            "samples": all,
        });
        self.seen = seen;
        let mut piece = format!("retry: {}\n\n", limits::EVENT_RETRY.as_millis());
        add_event(&mut piece, "hello", &hello);
        piece
    }

    fn add_state(&mut self, piece: &mut String) {
        let Self { program, sight, .. } = self;
        let mut state = Map::new();
        state.insert("v".into(), 1.into());
        state.insert("not_ready_because".into(), program.check_ready().err().into());
        state.insert("draining".into(), program.stop().is_draining().into());
        program.show(*sight, &mut state);
        let state = Value::Object(state);
        let text = state.to_string();
        if text != self.state {
            add_event(piece, "state", &state);
            self.state = text;
        }
    }

    fn add_sample(&mut self, piece: &mut String) {
        if let Some((sample, count)) = self.samples.last(self.seen) {
            self.seen = count;
            add_event(piece, "sample", &json!({"v": 1, "sample": sample, "process": process()}));
        }
    }

    fn add_requests(&mut self, piece: &mut String) {
        let (requests, others) = self.live.take();
        if !requests.is_empty() || others > 0 {
            let shown = requests.iter().map(|request| described(request, self.sight));
            let shown: Vec<Value> = shown.collect();
            add_event(piece, "requests", &json!({"v": 1, "requests": shown, "dropped": others}));
        }
    }
}

fn described(request: &LiveRequest, sight: Sight) -> Value {
    let LiveRequest { time, client, method, subject, status, records } = request;
    let time = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    json!({
        "time": u64::try_from(time).unwrap_or(u64::MAX),
        "client": sight.addresses.then(|| client.to_string()),
        "method": method,
        "subject": subject,
        "status": status,
        "records": records,
    })
}

fn process() -> Value {
    system::process_usage().map_or(Value::Null, |usage| {
        json!({
            "resident_bytes": usage.resident_bytes,
            "threads": usage.threads,
            "open_files": usage.open_files,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_counted() {
        let streams = Arc::new(Streams::of_connections(1000));
        let mut open: Vec<_> = (0..limits::EVENT_STREAMS).map(|_| streams.open()).collect();
        assert!(open.iter().all(Option::is_some) && streams.open().is_none());
        open.pop();
        assert!(streams.open().is_some());
        for (connections, most) in [(0, 1), (16, 8), (48, 16)] {
            assert_eq!(Streams::of_connections(connections).most(), most);
        }
    }
}
