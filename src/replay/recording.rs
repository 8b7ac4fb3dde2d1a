//! The recorded connections, and which of them are replayed.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::time::Duration;

use crate::transcript::{Event, Side, TranscriptError, What, begins_request, is_get, read};

/// Bytes of the chosen connections that are kept, in both directions.
const MOST_BYTES: usize = 64 * MEBIBYTE;
const MEBIBYTE: usize = 1024 * 1024;
/// Events that are kept.
const MOST_EVENTS: usize = 500_000;
/// Connections in a file of which the kind is remembered.
const MOST_CONNECTIONS: usize = 100_000;

/// Which connections are replayed.
#[derive(Debug)]
pub(crate) enum Choice {
    /// All to the index server.
    Index,
    /// This one, by its name or number.
    One(String),
}

/// A recorded conversation.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(super) connections: Vec<Recorded>,
    /// What happens on the chosen connections, in its order.
    pub(super) happened: Vec<Happened>,
    /// The latest connection of each name in the file, and the number of those connections.
    latest: HashMap<String, (usize, usize)>,
    /// Where the file was cut off, if it was.
    pub(crate) cut: Option<TranscriptError>,
}

/// One connection of a recording.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Its name, as `explain` prints it.
    pub(super) name: String,
    /// The address or the port of the server, if it is known.
    pub(super) server: String,
    /// Whether requests are to an upload server; `None` before the first one.
    is_upload: Option<bool>,
    /// Whether its beginning was recorded.
    is_whole: bool,
    is_chosen: bool,
}

#[derive(Debug)]
pub(crate) struct Happened {
    pub(super) connection: usize,
    pub(super) time: Option<Duration>,
    pub(super) what: What,
}

/// A recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordingError {
    #[error(transparent)]
    Transcript(TranscriptError),
    #[error(
        "expected at most {} MiB and {MOST_EVENTS} events on the connections to replay, found more; choose one \
         connection with --stream",
        MOST_BYTES / MEBIBYTE
    )]
    TooLong,
    #[error("expected a connection {expected}, found {found}; choose one with --stream N")]
    NoConnection { expected: String, found: String },
}

impl Recording {
    /// Reads the connections that are chosen.
    pub(crate) fn read(input: impl BufRead, choice: &Choice) -> Result<Self, RecordingError> {
        let mut recording = Self::default();
        let (mut bytes, mut is_too_long) = (0, false);
        let result = read(input, |event| {
            bytes += recording.add(event, choice);
            is_too_long = bytes > MOST_BYTES
                || recording.happened.len() > MOST_EVENTS
                || recording.connections.len() > MOST_CONNECTIONS;
            if is_too_long { Err(io::Error::other("too long")) } else { Ok(()) }
        });
        match result {
            Err(_) if is_too_long => return Err(RecordingError::TooLong),
            // What is complete before the cut is replayed.
            Err(cut @ TranscriptError::Cut { .. }) => recording.cut = Some(cut),
            Err(error) => return Err(RecordingError::Transcript(error)),
            Ok(()) => {}
        }
        recording.order();
        recording.keep_chosen(choice)
    }

    /// Orders what has happened by its time. A recorder writes what it has sent after it was sent, so in the file the
    /// next request on another connection may come first.
    fn order(&mut self) {
        let mut last = None;
        // What has no time stays after what is before it.
        self.happened.sort_by_cached_key(|one| {
            last = one.time.or(last);
            last
        });
    }

    /// Adds an event; returns the number of bytes that are kept.
    fn add(&mut self, event: Event, choice: &Choice) -> usize {
        let Event { stream, time, what } = event;
        let request = match &what {
            What::Note(_) => return 0,
            What::Connect { server, .. } => {
                self.begin(&stream, server.clone(), true, choice);
                None
            }
            What::Bytes(Side::Client, bytes) => Some(bytes.as_slice()),
            _ => None,
        };
        let connection = self.connection(&stream, request, choice);
        let Some(recorded) = self.connections.get_mut(connection) else { return 0 };
        if let (None, Some(request)) = (recorded.is_upload, request) {
            let is_upload = is_get(request);
            recorded.is_upload = Some(is_upload);
            recorded.is_chosen &= choice.is(&recorded.name, is_upload);
        }
        if !recorded.is_chosen {
            return 0;
        }
        let count = if let What::Bytes(_, bytes) = &what { bytes.len() } else { 0 };
        self.happened.push(Happened { connection, time, what });
        count
    }

    /// The connection of an event. In text without the beginnings of connections, a request to a server of
    /// the other kind begins the next one.
    fn connection(&mut self, stream: &str, request: Option<&[u8]>, choice: &Choice) -> usize {
        let last = self.latest.get(stream).map(|(connection, _)| *connection);
        let is_other = |recorded: &Recorded| match (recorded.is_upload, request) {
            (Some(is_upload), Some(request)) => {
                !recorded.is_whole && begins_request(request) && is_upload != is_get(request)
            }
            _ => false,
        };
        match last {
            Some(last) if !self.connections.get(last).is_some_and(is_other) => last,
            _ => self.begin(stream, String::new(), false, choice),
        }
    }

    /// A connection begins; returns its place.
    fn begin(&mut self, stream: &str, server: String, is_whole: bool, choice: &Choice) -> usize {
        let place = self.connections.len();
        let (latest, count) = self.latest.entry(stream.into()).or_default();
        (*latest, *count) = (place, *count + 1);
        let name = if stream.is_empty() { "1" } else { stream };
        let name = if *count > 1 { format!("{name}.{count}") } else { name.into() };
        let is_chosen = choice.may_be(&name);
        self.connections.push(Recorded { name, server, is_upload: None, is_whole, is_chosen });
        place
    }

    fn keep_chosen(mut self, choice: &Choice) -> Result<Self, RecordingError> {
        let is_chosen = |recorded: &Recorded| {
            recorded.is_chosen
                && recorded.is_upload.is_some_and(|is_upload| choice.is(&recorded.name, is_upload))
        };
        if !self.connections.iter().any(is_chosen) {
            let expected = match choice {
                Choice::Index => "with requests to an index server".into(),
                Choice::One(name) => format!("`{name}` with requests"),
            };
            return Err(RecordingError::NoConnection { expected, found: self.found() });
        }
        let chosen: Vec<bool> = self.connections.iter().map(is_chosen).collect();
        self.happened.retain(|one| chosen.get(one.connection) == Some(&true));
        Ok(self)
    }

    /// The connections in a few words.
    fn found(&self) -> String {
        const SHOWN: usize = 8;
        let shown = self.connections.iter().take(SHOWN).map(|recorded| {
            let kind = match recorded.is_upload {
                Some(true) => "an upload server",
                Some(false) => "an index server",
                None => "no request",
            };
            format!("{} ({kind})", recorded.name)
        });
        let text: Vec<String> = shown.collect();
        let more = self.connections.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        if text.is_empty() { "none".into() } else { text.join(", ") + &more }
    }
}

impl Choice {
    /// Whether a connection of this name may be chosen, before its kind is known.
    fn may_be(&self, name: &str) -> bool {
        match self {
            Self::Index => true,
            Self::One(chosen) => {
                chosen == name || name.strip_prefix('s') == Some(chosen) && !chosen.is_empty()
            }
        }
    }

    fn is(&self, name: &str, is_upload: bool) -> bool {
        match self {
            Self::Index => !is_upload,
            Self::One(_) => self.may_be(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_happened_is_in_the_order_of_its_times() {
        let order = |times: &[Option<u64>]| {
            let happened = times.iter().enumerate().map(|(connection, time)| Happened {
                connection,
                time: time.map(Duration::from_secs),
                what: What::End(Side::Client),
            });
            let mut recording = Recording { happened: happened.collect(), ..Recording::default() };
            recording.order();
            recording.happened.iter().map(|one| one.connection).collect::<Vec<_>>()
        };
        assert_eq!(order(&[Some(3), Some(1), Some(2), Some(2)]), [1, 2, 3, 0]);
        assert_eq!(order(&[Some(3), None, Some(1), None]), [2, 3, 0, 1]);
        assert_eq!(order(&[None, None, None]), [0, 1, 2]);
    }
}
