//! Several peers have it: which one to ask first.

use std::io::{self, Write};

use super::exit::CommandError;
use super::output::table;
use crate::escape::escaped;
use crate::peer::Holding;
use crate::protocol::Document;

/// Lets the person choose; the others are asked if the chosen one fails.
pub(super) fn choose(document: &Document, holdings: &[Holding]) -> Result<usize, CommandError> {
    let mut rows = table(["", "holder", "title"]);
    for (number, record) in holdings.iter().map(|holding| &holding.record).enumerate() {
        let title = escaped(record.title.as_str()).to_string();
        rows.add_row([(number + 1).to_string(), record.holder.to_string(), title]);
    }
    let mut terminal = io::stderr().lock();
    let count = holdings.len();
    let mut ask = || -> io::Result<String> {
        write!(terminal, "{}\nfrom which one, 1 to {count}? [1] ", rows.trim_fmt())?;
        terminal.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer.trim().to_string())
    };
    let answer = ask()
        .map_err(|source| CommandError::File { what: "cannot read the answer".into(), source })?;
    if answer.is_empty() {
        return Ok(0);
    }
    answer
        .parse()
        .ok()
        .filter(|chosen| (1..=count).contains(chosen))
        .map(|chosen| chosen - 1)
        .ok_or_else(|| {
            let found = escaped(&answer);
            CommandError::Usage(format!(
                "{document} is not fetched: expected a number from 1 to {count}, found `{found}`"
            ))
        })
}
