//! The user chooses which of several holders is asked first.

use std::io::{self, Write};

use crate::cli::errors::command_error::CommandError;
use crate::cli::output::table::{Fit, Table};
use crate::cli::values::bounded_lines::BoundedLines;
use crate::counted::counted;
use crate::escape::escaped;
use crate::limits;
use crate::peer::{Cancel, HolderInfo};
use crate::protocol::{Document, Endpoint};
use crate::system::wait_for_input;

/// The maximum number of holders that are shown for several documents.
const SHOWN: usize = 30;

/// The longest answer in bytes: a number.
const ANSWER: usize = 32;

/// Lets the user choose one of the holders of a document. The others are asked if the chosen one fails.
/// An empty line leaves the order to the downloader.
pub(super) fn choose(
    document: &Document,
    holders: &[HolderInfo],
    cancel: &Cancel,
) -> Result<Option<usize>, CommandError> {
    let mut rows = Table::new([("", Fit::Row), ("holder", Fit::Whole), ("title", Fit::Shortened)]);
    for (number, record) in holders.iter().map(|holder| &holder.record).enumerate() {
        let title = escaped(record.title.as_str()).to_string();
        let holder = escaped(&record.holder.to_string()).to_string();
        rows.add_row([(number + 1).to_string(), holder, title]);
    }
    let count = holders.len();
    let question = question(&rows.text(), count);
    ask(&question, count, &format!("{document} is not downloaded"), cancel)
}

/// Lets the user choose one holder to ask first for each of several documents that it has. `holders` are
/// all holders with the number of their documents. An empty line leaves the order to the downloader.
pub(super) fn choose_for_many<'a>(
    holders: &'a [(Endpoint, usize)],
    cancel: &Cancel,
) -> Result<Option<&'a Endpoint>, CommandError> {
    let shown = holders.get(..SHOWN).unwrap_or(holders);
    let mut rows = Table::new([("", Fit::Row), ("holder", Fit::Whole), ("documents", Fit::Number)]);
    for (number, (holder, documents)) in shown.iter().enumerate() {
        let holder = escaped(&holder.to_string()).to_string();
        rows.add_row([(number + 1).to_string(), holder, documents.to_string()]);
    }
    let count = shown.len();
    let more = match holders.len() - count {
        0 => String::new(),
        more => format!("\nand {}", counted(more, "more holder")),
    };
    let question = question(&format!("{}{more}", rows.text()), count);
    let chosen = ask(&question, count, "no document is downloaded", cancel)?;
    Ok(chosen.and_then(|chosen| shown.get(chosen)).map(|(holder, _)| holder))
}

fn question(rows: &str, count: usize) -> String {
    format!("{rows}\nfrom which one first, 1 to {count}? [the fastest] ")
}

/// Asks for a number from 1 to `count`, and returns it less one; `None` for an empty line. Error messages
/// begin with `consequence`.
fn ask(
    question: &str,
    count: usize,
    consequence: &str,
    cancel: &Cancel,
) -> Result<Option<usize>, CommandError> {
    read_number(question, count, consequence, cancel)
        .map_err(|error| CommandError::NotBegun(Box::new(error)))
}

/// No lock is held during the prompt: other threads write to the log.
fn read_number(
    question: &str,
    count: usize,
    consequence: &str,
    cancel: &Cancel,
) -> Result<Option<usize>, CommandError> {
    let cannot_read = |source| CommandError::File { what: "cannot read the answer".into(), source };
    io::stderr().write_all(question.as_bytes()).map_err(cannot_read)?;
    while !wait_for_input(limits::INTERRUPT_POLL).map_err(cannot_read)? {
        if cancel.is_cancelled() {
            return Err(CommandError::Interrupted(format!("interrupted: {consequence}")));
        }
    }
    let mut lines = BoundedLines::new(ANSWER);
    let mut input = io::stdin().lock();
    let Some(answer) = lines.next(&mut input).map_err(cannot_read)? else {
        return Err(CommandError::Usage(format!("{consequence}: no holder was chosen")));
    };
    // The rest of a line that is too long is no command.
    lines.skip(&mut input).map_err(cannot_read)?;
    let answer = answer.unwrap_or_else(|too_long| too_long.beginning);
    let answer = String::from_utf8_lossy(&answer);
    let answer = answer.trim();
    if answer.is_empty() {
        return Ok(None);
    }
    let chosen = answer.parse().ok().filter(|chosen| (1..=count).contains(chosen));
    chosen.map(|chosen| Some(chosen - 1)).ok_or_else(|| {
        let found = escaped(answer);
        CommandError::Usage(format!(
            "{consequence}: expected a number from 1 to {count}, found `{found}`"
        ))
    })
}
