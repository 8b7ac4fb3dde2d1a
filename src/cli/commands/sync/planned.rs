//! What `sync --dry-run` prints: the documents that would be downloaded, and their total.

use super::lengths::Lengths;
use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::format::Format;
use crate::cli::output::outcome::Outcome;
use crate::cli::output::print::{print_json, print_note, print_prose};
use crate::cli::output::record_table::row_number;
use crate::cli::output::table::{Fit, Table};
use crate::cli::values::named::named;
use crate::cli::values::quantity::size;
use crate::escape::escaped;
use crate::peer::DownloadJob;
use crate::protocol::Title;

/// Prints the documents, and the summary: on standard output with a table, otherwise on standard error.
pub(super) fn print_planned(
    context: &Context,
    jobs: &[DownloadJob],
    lengths: &Lengths,
    summary: String,
) -> Result<(), CommandError> {
    if let Format::Table = context.format {
        let text = match jobs {
            [] => summary,
            jobs => format!("{}\n{summary}", table(context, jobs, lengths)),
        };
        return print_prose(text).map_err(CommandError::Output);
    }
    for job in jobs {
        let holders = job.request.sources.iter().map(|source| &source.holder).collect();
        let (title, bytes) = (title(job), lengths.of(&job.request.document));
        let missing = Outcome::Missing { holders, title, bytes };
        missing.print(context.format, &job.request.document)?;
    }
    if let Format::Json = context.format {
        print_json(&lengths.json(jobs)).map_err(CommandError::Output)?;
    }
    print_note(summary);
    Ok(())
}

fn table(context: &Context, jobs: &[DownloadJob], lengths: &Lengths) -> String {
    context.listed.replace(jobs.iter().map(|job| &job.request.document));
    let has_numbers = context.listed.has_numbers();
    let columns = [
        ("document", Fit::Name),
        ("title", Fit::Shortened),
        ("size", Fit::Number),
        ("holders", Fit::Number),
    ];
    let mut table = Table::numbered(has_numbers, columns);
    for (at, job) in jobs.iter().enumerate() {
        let document = &job.request.document;
        let cells = [
            named(document),
            escaped(title(job).map_or("", Title::as_str)).to_string(),
            lengths.of(document).map_or_else(|| "?".into(), size),
            job.request.sources.len().to_string(),
        ];
        table.add_row(has_numbers.then(|| row_number(at + 1)).into_iter().chain(cells));
    }
    table.text()
}

/// The title that the first holder gives to the document.
fn title(job: &DownloadJob) -> Option<&Title> {
    job.request.sources.iter().find_map(|source| source.title.as_ref())
}
