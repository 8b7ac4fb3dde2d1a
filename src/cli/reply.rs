//! A reply of the index, printed: as it came, as a table, or as JSON.

use std::io::{self, BufWriter, Stdout, Write};

use comfy_table::Table;
use serde_json::{Value, json};

use super::command::Format;
use super::output::table;
use crate::escape::escaped;
use crate::protocol::{Document, Record, Refusal, ReplyPart, Status};

/// Prints the parts of a reply as they come.
pub(super) struct ReplyPrinter {
    output: BufWriter<Stdout>,
    form: Form,
    refused: Option<Refusal>,
}

enum Form {
    Raw,
    /// A table is drawn when its last row is known.
    Table(Box<Table>),
    Json,
}

impl ReplyPrinter {
    pub(super) fn new(format: Format) -> Self {
        let form = match format {
            Format::Raw => Form::Raw,
            Format::Table => Form::Table(Box::new(table(["document", "title", "host", "port"]))),
            Format::Json => Form::Json,
        };
        Self { output: BufWriter::new(io::stdout()), form, refused: None }
    }

    /// Takes the next part, with the bytes that it was read from.
    pub(super) fn take(&mut self, part: &ReplyPart, bytes: &[u8]) -> io::Result<()> {
        if let ReplyPart::Refused(refusal) = part {
            self.refused = Some(*refusal);
        }
        match (&mut self.form, part) {
            (Form::Raw, _) => {
                for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                    let line = line.trim_ascii_end();
                    writeln!(self.output, "{}", escaped(line))?;
                }
            }
            (Form::Table(table), ReplyPart::Record(record)) => {
                let Record { document, title, holder } = record;
                let cells = [document.to_string(), title.to_string(), holder.host.to_string()];
                let cells = cells.iter().map(|cell| escaped(cell).to_string());
                table.add_row(cells.chain([holder.port.to_string()]));
            }
            (Form::Json, ReplyPart::Record(record)) => {
                writeln!(self.output, "{}", record_json(record))?;
            }
            (Form::Table(_), ReplyPart::Refused(refusal)) => {
                writeln!(self.output, "{}", Status::from(*refusal))?;
            }
            (Form::Json, ReplyPart::Refused(refusal)) => {
                let status = Status::from(*refusal);
                let object = json!({"v": 1, "status": status.code(), "phrase": status.phrase()});
                writeln!(self.output, "{object}")?;
            }
            (Form::Table(_) | Form::Json, _) => {}
        }
        match part {
            ReplyPart::End => self.end(),
            ReplyPart::Found
            | ReplyPart::Refused(_)
            | ReplyPart::Reason(_)
            | ReplyPart::Record(_)
            | ReplyPart::Attribute(_) => Ok(()),
        }
    }

    /// Why the reply is a refusal, if it is one.
    pub(super) fn refused(&self) -> Option<Refusal> {
        self.refused
    }

    fn end(&mut self) -> io::Result<()> {
        if let Form::Table(table) = &self.form
            && self.refused.is_none()
        {
            writeln!(self.output, "{}", table.trim_fmt())?;
        }
        self.output.flush()
    }
}

/// A record as JSON.
fn record_json(record: &Record) -> Value {
    let mut object = document_json(&record.document);
    object["title"] = json!(record.title.as_str());
    object["host"] = json!(record.holder.host.as_str());
    object["port"] = json!(record.holder.port.value());
    object
}

/// A document as the beginning of a JSON object: `rfc` is a number, `file` a decoded name.
pub(super) fn document_json(document: &Document) -> Value {
    match document {
        Document::Rfc(number) => json!({"v": 1, "rfc": number.value()}),
        Document::File(name) => json!({"v": 1, "file": name.as_str()}),
    }
}
