//! A reply of the index, printed: as it came, as a table, or as JSON.

use std::io::{self, BufWriter, Stdout, Write};

use comfy_table::Table;
use serde_json::{Value, json};

use super::command::Format;
use super::output::table;
use crate::escape::escaped;
use crate::protocol::{Document, Record, ReplyPart, Status};

/// Prints the parts of a reply as they come.
pub(super) struct ReplyPrinter {
    output: BufWriter<Stdout>,
    form: Form,
    status: Status,
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
        Self { output: BufWriter::new(io::stdout()), form, status: Status::Ok }
    }

    /// Takes the next part, with the bytes that it was read from.
    pub(super) fn take(&mut self, part: &ReplyPart, bytes: &[u8]) -> io::Result<()> {
        if let ReplyPart::Status(status) = part {
            self.status = *status;
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
            (Form::Table(_), ReplyPart::Status(status @ Status::Refused(_))) => {
                writeln!(self.output, "{status}")?;
            }
            (Form::Json, ReplyPart::Status(status @ Status::Refused(_))) => {
                let object = json!({"v": 1, "status": status.code(), "phrase": status.phrase()});
                writeln!(self.output, "{object}")?;
            }
            (Form::Table(_) | Form::Json, _) => {}
        }
        match part {
            ReplyPart::End => self.end(),
            ReplyPart::Status(_) | ReplyPart::Reason(_) | ReplyPart::Record(_) => Ok(()),
        }
    }

    /// The status of the reply.
    pub(super) fn status(&self) -> Status {
        self.status
    }

    fn end(&mut self) -> io::Result<()> {
        if let Form::Table(table) = &self.form
            && self.status == Status::Ok
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
