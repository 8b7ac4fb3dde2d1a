//! A reply of the index, printed: as it came, as a table, or as JSON (protocol.md section 3.2).

use std::io::{self, BufWriter, Write};

use serde_json::{Value, json};

use super::format::Format;
use super::incomplete::{check_complete, incomplete_json, note_incomplete};
pub(in crate::cli) use super::objects::{document_json, with_fields, with_status};
use super::pager::Output;
use super::record_table::RecordTable;
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::failure_of_refusal;
use crate::cli::errors::report::error_json;
use crate::cli::shell::listed::Listed;
use crate::cli::values::named::named;
use crate::error_chain::error_chain;
use crate::escape::{escaped, escaped_json};
use crate::limits;
use crate::peer::{Completeness, IndexError};
use crate::protocol::{
    Document, END_OF_RECORDS, Endpoint, HeaderText, Record, Refusal, ReplyPart, Status,
    encode_found,
};

/// Prints the parts of a reply as they come.
pub(in crate::cli) struct ReplyPrinter {
    output: BufWriter<Output>,
    form: Form,
    refused: Option<Refusal>,
    reason: Option<HeaderText>,
    listed: Listed,
    has_records: bool,
}

enum Form {
    Raw,
    /// A table is drawn when its last row is known, or when it has [`limits::TABLE_ROWS`] rows.
    Table(Box<RecordTable>),
    Json,
    /// A sentence for people: what a request has changed.
    Change(Change),
}

/// What a request changes.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) enum Change {
    Added,
    Removed,
}

impl ReplyPrinter {
    /// A printer that remembers the documents of the records for completion.
    pub(in crate::cli) fn new(format: Format, listed: &Listed) -> Self {
        let form = match format {
            Format::Raw => Form::Raw,
            Format::Table => Form::Table(Box::new(RecordTable::new(listed.has_numbers()))),
            Format::Json => Form::Json,
        };
        Self::of(form, listed)
    }

    /// A printer for the reply to a request that changes a record.
    pub(in crate::cli) fn of_change(format: Format, listed: &Listed, change: Change) -> Self {
        match format {
            Format::Table => Self::of(Form::Change(change), listed),
            Format::Raw | Format::Json => Self::new(format, listed),
        }
    }

    fn of(form: Form, listed: &Listed) -> Self {
        let (output, listed) = (BufWriter::new(Output), listed.clone());
        Self { output, form, refused: None, reason: None, listed, has_records: false }
    }

    /// Takes the next part, with the bytes that it was read from.
    pub(in crate::cli) fn take(&mut self, part: &ReplyPart, bytes: &[u8]) -> io::Result<()> {
        match part {
            ReplyPart::Record(record) if matches!(self.form, Form::Raw) => {
                self.remember(&record.document);
            }
            ReplyPart::Refused(refusal) => self.refused = Some(*refusal),
            ReplyPart::Reason(reason) => self.reason = Some(reason.clone()),
            ReplyPart::Found
            | ReplyPart::Cluster(_)
            | ReplyPart::ClusterServer(_)
            | ReplyPart::Record(_)
            | ReplyPart::Attribute(_)
            | ReplyPart::End => {}
        }
        match (&mut self.form, part) {
            // Scripts read rows of the grammar.
            (Form::Raw, ReplyPart::Record(record)) if !is_as_it_came(record, bytes) => {
                writeln!(self.output, "{}", escaped(&record.to_string()))?;
            }
            (Form::Raw, _) => {
                for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                    let line = line.trim_ascii_end();
                    if is_attribute(line) || is_block_padding(line) {
                        continue;
                    }
                    writeln!(self.output, "{}", escaped(line))?;
                }
            }
            (_, ReplyPart::Record(record)) => self.take_record(record)?,
            (Form::Table(_) | Form::Json | Form::Change(_), _) => {}
        }
        Ok(())
    }

    /// Takes one record that was selected from a list.
    pub(in crate::cli) fn take_record(&mut self, record: &Record) -> io::Result<()> {
        self.remember(&record.document);
        match &mut self.form {
            Form::Raw => writeln!(self.output, "{}", escaped(&record.to_string())),
            Form::Table(table) => {
                table.add(record);
                match table.row_count() >= limits::TABLE_ROWS {
                    true => writeln!(self.output, "{}", table.take_text()),
                    false => Ok(()),
                }
            }
            Form::Change(change) => {
                let Record { document, title, holder } = record;
                let line = match change {
                    Change::Added => {
                        format!("registered {} ({title}) as {holder}", named(document))
                    }
                    Change::Removed => {
                        format!("not shared any more: {} ({title})", named(document))
                    }
                };
                writeln!(self.output, "{}", escaped(&line))
            }
            Form::Json => {
                writeln!(self.output, "{}", escaped_json(&record_json(record).to_string()))
            }
        }
    }

    /// Prints records of several replies as one.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub(in crate::cli) fn take_merged<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
    ) -> io::Result<()> {
        let mut found = Vec::new();
        encode_found(&mut found);
        self.take(&ReplyPart::Found, &found)?;
        for record in records {
            self.take_record(record)?;
        }
        self.take(&ReplyPart::End, END_OF_RECORDS)
    }

    fn remember(&mut self, document: &Document) {
        match std::mem::replace(&mut self.has_records, true) {
            false => self.listed.begin(document),
            true => self.listed.add(document),
        }
    }

    /// Whether a record was printed.
    pub(in crate::cli) fn has_records(&self) -> bool {
        self.has_records
    }

    /// The refusal and its explanation, if the reply is one.
    pub(in crate::cli) fn refusal(&self) -> Option<(Refusal, Option<HeaderText>)> {
        self.refused.map(|refusal| (refusal, self.reason.clone()))
    }

    /// Returns the outcome. After an error the complete records that have arrived are printed.
    pub(in crate::cli) fn or_flush(
        &mut self,
        asked: Result<Completeness, IndexError>,
    ) -> Result<Completeness, CommandError> {
        if asked.is_err() {
            if let Form::Table(table) = &mut self.form
                && table.row_count() > 0
            {
                writeln!(self.output, "{}", table.take_text()).map_err(CommandError::Output)?;
            }
            self.output.flush().map_err(CommandError::Output)?;
        }
        Ok(asked?)
    }

    /// Prints the rest, whether records may be missing, and the error of a refused request, which is
    /// returned. Fails also if the reply was cut off ([`check_complete`]).
    pub(in crate::cli) fn end(
        &mut self,
        completeness: &Completeness,
        failed: Option<CommandError>,
    ) -> Result<(), CommandError> {
        self.print_end(completeness, failed.as_ref()).map_err(CommandError::Output)?;
        note_incomplete(completeness);
        match failed {
            Some(error) => Err(error),
            None => check_complete(completeness, self.has_records || self.refused.is_some()),
        }
    }

    /// The same for records that were selected from a list. The caller reports an empty selection.
    pub(in crate::cli) fn end_selected(
        &mut self,
        listed: &Completeness,
    ) -> Result<(), CommandError> {
        self.print_end(listed, None).map_err(CommandError::Output)?;
        note_incomplete(listed);
        check_complete(listed, true)
    }

    fn print_end(
        &mut self,
        completeness: &Completeness,
        failed: Option<&CommandError>,
    ) -> io::Result<()> {
        match (&mut self.form, self.refused) {
            (Form::Table(table), None) => writeln!(self.output, "{}", table.take_text_and_total())?,
            (Form::Table(table), Some(Refusal::NotFound)) if failed.is_none() => {
                writeln!(self.output, "{}", table.take_text_and_total())?;
            }
            // The error says it.
            (Form::Table(_) | Form::Change(_), Some(_)) if failed.is_some() => {}
            (Form::Table(_) | Form::Change(_), Some(refusal)) => {
                let reason = self.reason.as_ref().map_or_else(String::new, |reason| {
                    format!(" ({})", escaped(&reason.to_string()))
                });
                writeln!(self.output, "{}{reason}", Status::from(refusal))?;
            }
            (Form::Json, Some(refusal)) => {
                let mut object = with_status(json!({"v": 1}), refusal);
                if let Some(reason) = &self.reason {
                    object = with_fields(object, [("reason", json!(reason.to_string()))]);
                }
                if let Some(error) = failed {
                    let error = error_json(error.failure(), &error_chain(error));
                    object = with_fields(object, [("error", error)]);
                }
                writeln!(self.output, "{}", escaped_json(&object.to_string()))?;
            }
            (Form::Json | Form::Change(_), None) | (Form::Raw, _) => {}
        }
        if let (Completeness::Incomplete(gap), Form::Json) = (completeness, &self.form) {
            writeln!(self.output, "{}", escaped_json(&incomplete_json(gap).to_string()))?;
        }
        self.output.flush()
    }
}

/// The error of a reply whose refusal is printed for programs.
pub(in crate::cli) fn refused(
    index: &Endpoint,
    refusal: Refusal,
    reason: Option<HeaderText>,
) -> CommandError {
    let failure = failure_of_refusal(refusal);
    let error = IndexError::Refused { index: index.clone(), refusal, reason };
    CommandError::Printed { failure, refusal: Some(refusal), message: error.to_string() }
}

/// Whether a row has come as a line from which every reader of the grammar reads this record.
fn is_as_it_came(record: &Record, bytes: &[u8]) -> bool {
    let line = std::str::from_utf8(bytes.trim_ascii()).ok();
    line.is_some_and(|line| Record::parse(line).as_ref() == Ok(record))
}

/// Whether these are equal bytes that fill a block, as programs send them after their rows.
fn is_block_padding(line: &[u8]) -> bool {
    let is_filled = |&first: &u8| line.iter().all(|&byte| byte == first);
    line.len() >= limits::PADDING && line.first().is_some_and(is_filled)
}

/// Whether a line of a reply is an attribute, which is an extension that the user did not request.
fn is_attribute(line: &[u8]) -> bool {
    let word = line.split(|&byte| byte == b' ').next().unwrap_or(line);
    word.ends_with(b":") && word != b"RFC:" && !word.eq_ignore_ascii_case(b"Reason:")
}

/// A record as JSON.
fn record_json(record: &Record) -> Value {
    let Record { document, title, holder } = record;
    with_fields(
        document_json(document),
        [
            ("title", json!(title.as_str())),
            ("host", json!(holder.host.as_str())),
            ("port", json!(holder.port.value())),
        ],
    )
}
