//! Captures of other programs, restored as pcapng.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::common::captures::{self, Event, Line};
use crate::common::pcapng::{Capture, Connection, Side};

/// Restores a capture. Returns how many lines could not be restored.
pub(crate) fn restore(text: &Path, capture: &Path) -> usize {
    let mut capture = Capture::create(capture);
    let mut connections = HashMap::new();
    let text = fs::read_to_string(text).unwrap();
    let lines = captures::lines(&text);
    let lost = lines
        .filter_map(|line| write(&mut capture, &mut connections, line?).is_none().then_some(()))
        .count();
    let unread = captures::lines(&text).filter(Option::is_none).count();
    capture.close();
    lost + unread
}

/// Writes one line. Nothing if its stream is unknown.
fn write<'a>(
    capture: &mut Capture,
    connections: &mut HashMap<&'a str, Connection>,
    line: Line<'a>,
) -> Option<()> {
    let side = |from_client| if from_client { Side::Client } else { Side::Server };
    capture.at(line.milliseconds * 1_000);
    if let Event::Connect(from) = line.event {
        connections.insert(line.stream, capture.connect(from, line.port));
        return Some(());
    }
    let connection = connections.get_mut(line.stream)?;
    match line.event {
        Event::Connect(_) => {}
        Event::Finish { from_client } => capture.finish(connection, side(from_client)),
        Event::Reset { from_client } => capture.reset(connection, side(from_client)),
        Event::Bytes { from_client, bytes, is_divided } => {
            let length = if is_divided { 1 } else { bytes.len().max(1) };
            bytes.chunks(length).for_each(|part| capture.send(connection, side(from_client), part));
        }
    }
    Some(())
}
