//! `read`: the text of a document that is here, with control characters escaped.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::downloads::on_disk::shared_entry;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::format::Format;
use crate::cli::output::objects::{document_json, with_fields};
use crate::cli::output::outcome::shown;
use crate::cli::output::pager::Output;
use crate::cli::output::print::print_json;
use crate::escape::escaped;
use crate::library::Entry;
use crate::limits;
use crate::protocol::Document;

/// The columns between two tab stops.
const TAB: usize = 8;

pub(in crate::cli) fn read(context: &Context, typed: &Document) -> Result<(), CommandError> {
    let (document, entry) = shared_entry(context, typed)?;
    let failed = |source| cannot_read(&entry, source);
    let mut text = BufReader::new(entry.open().map_err(failed)?.file);
    if text.fill_buf().map_err(failed)?.contains(&0) {
        let reason = "expected text, found a zero byte; `open` shows PDF and image files";
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, reason)));
    }
    if let Format::Json = context.format {
        return print_as_json(&document, &entry, text);
    }
    let mut output = BufWriter::new(Output);
    loop {
        context.check_interrupt()?;
        let mut line = Vec::new();
        let mut bounded = text.by_ref().take(limits::READ_LINE);
        if bounded.read_until(b'\n', &mut line).map_err(failed)? == 0 {
            break;
        }
        writeln!(output, "{}", visible(&line)).map_err(CommandError::Output)?;
    }
    output.flush().map_err(CommandError::Output)
}

fn cannot_read(entry: &Entry, source: io::Error) -> CommandError {
    CommandError::File { what: format!("cannot read `{}`", shown(&entry.path())), source }
}

fn print_as_json(document: &Document, entry: &Entry, text: impl Read) -> Result<(), CommandError> {
    let mut bytes = Vec::new();
    let read = text.take(limits::READ_JSON + 1).read_to_end(&mut bytes);
    let read = read.map_err(|source| cannot_read(entry, source))?;
    if u64::try_from(read).is_ok_and(|read| read > limits::READ_JSON) {
        let most = limits::READ_JSON >> 20;
        let reason = format!("expected at most {most} MiB for JSON, found more");
        return Err(cannot_read(entry, io::Error::new(io::ErrorKind::FileTooLarge, reason)));
    }
    let fields = [
        ("path", json!(entry.path().to_string_lossy())),
        ("text", json!(String::from_utf8_lossy(&bytes))),
    ];
    print_json(&with_fields(document_json(document), fields)).map_err(CommandError::Output)
}

/// A line for the terminal. Tabs become blanks, and the ends of pages are left out.
fn visible(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\x0c").unwrap_or(line);
    let line = line.strip_suffix(b"\x0c").unwrap_or(line);
    let mut text = String::new();
    for part in line.split_inclusive(|&byte| byte == b'\t') {
        let (before, is_tab) = match part.strip_suffix(b"\t") {
            Some(before) => (before, true),
            None => (part, false),
        };
        text += &escaped(before).to_string();
        if is_tab {
            let missing = TAB - text.chars().count() % TAB;
            text += &" ".repeat(missing);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_control_the_terminal() {
        for (line, text) in [
            (&b"plain text\r\n"[..], "plain text"),
            (b"\x1b[31mred\n", "\\x1b[31mred"),
            (b"a\tb\n", "a       b"),
            (b"12345678\tb", "12345678        b"),
            (b"\x0c\n", ""),
            (b"caf\xe9 \xc3\xa9\n", "caf\\xe9 \u{e9}"),
            (b"a\rb\n", "a\\x0db"),
        ] {
            assert_eq!(visible(line), text);
        }
    }
}
