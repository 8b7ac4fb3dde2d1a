//! Reading a conversation in any of its forms: pcapng, and three forms of text.

use std::io::{self, BufRead, Read};

use super::segments::SegmentLine;
use super::streams::Streams;
use super::{Event, What, text};
use crate::capture::{MAGIC, ReadError, Reader};

/// Bytes of text that are read. A conversation that people read is shorter.
const LONGEST_TEXT: u64 = 64 * MEBIBYTE;
const MEBIBYTE: u64 = 1024 * 1024;
/// Bytes of an event.
const PIECE: usize = 16 * 1024;
/// The first bytes of the older format pcap, in both byte orders and both units of time.
const PCAP: [[u8; 4]; 4] = [
    [0xD4, 0xC3, 0xB2, 0xA1],
    [0xA1, 0xB2, 0xC3, 0xD4],
    [0x4D, 0x3C, 0xB2, 0xA1],
    [0xA1, 0xB2, 0x3C, 0x4D],
];

/// A conversation cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// The file cannot be read.
    #[error("cannot read it")]
    Io(#[source] io::Error),
    /// What was explained cannot be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// A pcapng file is damaged.
    #[error("cannot read it as pcapng: {0}")]
    Pcapng(ReadError),
    /// The file ends within a block or a line. What is before it was passed on.
    #[error(
        "the file is cut off: it ends within the {part} at byte {at}; what was recorded after that is missing"
    )]
    Cut {
        /// In what it ends.
        part: &'static str,
        /// The place of that in the file.
        at: u64,
    },
    /// It has the older format.
    #[error(
        "expected text or pcapng, found pcap; convert it with `editcap -F pcapng OLD NEW`, which comes \
         with Wireshark"
    )]
    Pcap,
    /// The text is longer than is read.
    #[error("expected at most {} MiB of text, found more; cut it", LONGEST_TEXT / MEBIBYTE)]
    TooLong,
    /// It has no conversation.
    #[error("expected {expected}, found {found}")]
    NoConversation {
        /// What would have been read.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
}

const A_CONVERSATION: &str = "pcapng, or text with requests and replies such as \
                              `C: LIST ALL P2P-CI/1.0` and `S: P2P-CI/1.0 200 OK`";

/// Reads a conversation, and passes its events on in their order.
///
/// # Errors
/// When it cannot be read, is no conversation, is cut off, or an event cannot be passed on. The events before the
/// fault were passed on.
pub fn read(
    mut input: impl BufRead,
    mut pass_on: impl FnMut(Event) -> io::Result<()>,
) -> Result<(), TranscriptError> {
    // A pipe may deliver the first bytes one by one.
    let mut first = Vec::new();
    input.by_ref().take(4).read_to_end(&mut first).map_err(TranscriptError::Io)?;
    if PCAP.iter().any(|magic| first == magic) {
        return Err(TranscriptError::Pcap);
    }
    let is_pcapng = first == MAGIC;
    let whole = io::Cursor::new(first).chain(input);
    let pass_on = |event| {
        let mut pieces = in_pieces(event).into_iter();
        pieces.try_for_each(&mut pass_on).map_err(TranscriptError::Output)
    };
    if is_pcapng {
        return of_pcapng(whole, pass_on);
    }
    let mut bytes = Vec::new();
    let read = whole.take(LONGEST_TEXT + 1).read_to_end(&mut bytes).map_err(TranscriptError::Io)?;
    if read as u64 > LONGEST_TEXT {
        return Err(TranscriptError::TooLong);
    }
    of_text(&bytes, pass_on)
}

/// A segment in text may have megabytes, and what one event means is kept in memory.
fn in_pieces(event: Event) -> Vec<Event> {
    match &event.what {
        What::Bytes(side, bytes) if bytes.len() > PIECE => {
            let piece = |piece: &[u8]| Event {
                stream: event.stream.clone(),
                time: event.time,
                what: What::Bytes(*side, piece.to_vec()),
            };
            bytes.chunks(PIECE).map(piece).collect()
        }
        _ => vec![event],
    }
}

fn of_pcapng(
    input: impl Read,
    mut pass_on: impl FnMut(Event) -> Result<(), TranscriptError>,
) -> Result<(), TranscriptError> {
    let mut packets = Reader::new(input);
    let mut streams = Streams::default();
    let mut has_any = false;
    let end = loop {
        match packets.next_packet() {
            Ok(Some(packet)) => {
                for event in streams.events(&packet) {
                    has_any = true;
                    pass_on(event)?;
                }
            }
            Ok(None) => {
                break packets.cut_at().map(|at| TranscriptError::Cut { part: "block", at });
            }
            Err(error) => break Some(TranscriptError::Pcapng(error)),
        }
    };
    for event in streams.finish() {
        pass_on(event)?;
    }
    if let Some(error) = end {
        return Err(error);
    }
    let found = "a capture without TCP connections";
    let expected = "packets of TCP over IPv4 or IPv6";
    has_any.then_some(()).ok_or(TranscriptError::NoConversation { expected, found })
}

fn of_text(
    bytes: &[u8],
    mut pass_on: impl FnMut(Event) -> Result<(), TranscriptError>,
) -> Result<(), TranscriptError> {
    let none = |found| TranscriptError::NoConversation { expected: A_CONVERSATION, found };
    // Editors of Windows begin a file with a byte order mark.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(none("nothing"));
    }
    let lines = || bytes.split(|byte| *byte == b'\n').map(String::from_utf8_lossy);
    let is_any = |is_one: fn(&str) -> bool| lines().any(|line| is_one(line.trim_end()));
    if is_any(|line| SegmentLine::parse(line).is_some()) {
        // A segment that is cut off has no end of its line, and no end of its bytes.
        let begins = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut is_whole = true;
        for line in lines().filter(|line| !line.trim().is_empty()) {
            let line = line.trim_end();
            let segment = SegmentLine::parse(line);
            is_whole = segment.is_some();
            match segment {
                Some(segment) => segment.into_events().try_for_each(&mut pass_on)?,
                None => pass_on(text::note(line))?,
            }
        }
        return match is_whole || begins == bytes.len() {
            true => Ok(()),
            false => Err(TranscriptError::Cut { part: "line", at: begins as u64 }),
        };
    }
    if is_any(text::is_labelled) {
        let mut lines = lines().filter(|line| !line.trim().is_empty());
        return lines.try_for_each(|line| pass_on(text::of_labelled(line.trim_end_matches('\r'))));
    }
    if !bytes.split(|byte| *byte == b'\n').any(|line| text::sender(line).is_some()) {
        return Err(none("no line that begins a request or a reply"));
    }
    text::of_unlabelled(bytes).try_for_each(pass_on)
}
