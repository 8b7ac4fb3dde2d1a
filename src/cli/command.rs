//! What can be typed: after `peer` on the command line, and line by line in the shell.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::library::document_of;
use crate::protocol::{Document, Endpoint, FileName, Limit, RfcNumber, SyntaxError, Title, Words};

/// The name of arguments that are documents.
pub(super) const DOCUMENT: &str = "N";

/// How a reply is printed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Format {
    /// The reply as it came
    #[default]
    Raw,
    /// A table
    Table,
    /// One JSON object a line
    Json,
}

/// What can be asked for in both places.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// List what the index knows
    List(List),
    /// Ask who has a document
    Lookup(Lookup),
    /// Search the titles
    Search(Search),
    /// List what one peer shares
    Browse(Browse),
    /// List who shares something
    Peers,
    /// Download a document and share it
    Get(Get),
    /// Download all that the index knows and I lack
    Sync(Sync),
    /// Share a file, or an RFC of the shared folder
    Add(Add),
    /// Compare what is here with what was fetched
    Verify(Verify),
    /// Show what was tried for a document
    Why(Named),
    /// Show what I share
    Docs,
    /// Show where I am connected
    Status,
}

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct List {
    /// The documents that are no RFC
    #[arg(long)]
    pub(super) files: bool,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Named {
    /// RFC number, or file name (`FILE:42` is the file `42`)
    #[arg(value_name = DOCUMENT, value_parser = parse_document)]
    pub(super) document: Document,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Lookup {
    /// RFC number, or file name (`FILE:42` is the file `42`)
    #[arg(value_name = DOCUMENT, value_parser = parse_document)]
    pub(super) document: Document,

    /// Ask each holder, too: whether it answers, how far it is, what it has
    #[arg(long)]
    pub(super) probe: bool,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Search {
    /// Words that must all be in the title
    #[arg(required = true, num_args = 1.., value_name = "WORDS")]
    words: Vec<String>,

    /// Records at most
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<Limit>,
}

impl Search {
    /// The words as the protocol has them.
    pub(super) fn words(&self) -> Result<Words, SyntaxError> {
        self.words.join(" ").parse()
    }
}

#[derive(Clone, Debug, Args)]
pub(super) struct Browse {
    /// The peer, as a record names it
    #[arg(value_name = "HOST:PORT")]
    pub(super) peer: Endpoint,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Get {
    /// RFC numbers, ranges of them such as `700-710`, or file names (`FILE:42` is the file `42`)
    /// [default: what an earlier `get` or `sync` was fetching when it was killed]
    #[arg(value_name = DOCUMENT, value_parser = parse_range)]
    pub(super) documents: Vec<Range>,

    /// Take it from this peer, without asking the index
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) from: Option<Endpoint>,

    /// Save it here instead of in the shared folder: a file, a directory, a device or FIFO, or `-`
    /// for standard output
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(super) out: Option<PathBuf>,

    /// A list of digests as sha256sum writes it: nothing else is accepted for what it names
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) digests: Option<PathBuf>,

    /// Fetch it even if it is here, and overwrite
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Verify {
    /// RFC numbers or file names [default: all that was fetched]
    #[arg(value_name = DOCUMENT, value_parser = parse_document)]
    pub(super) documents: Vec<Document>,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Sync {
    /// Only what this peer has
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) from: Option<Endpoint>,

    /// Only documents whose titles hold all these words
    #[arg(long = "match", value_name = "WORDS")]
    pub(super) words: Option<Words>,

    /// A list of digests as sha256sum writes it: nothing else is accepted for what it names
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) digests: Option<PathBuf>,

    /// Only say what would be downloaded
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Add {
    /// Path of a file, or number of an RFC in the shared folder
    #[arg(value_name = "PATH|N", value_hint = ValueHint::FilePath)]
    pub(super) what: String,

    /// Title [default: that of the document]
    #[arg(long, value_name = "T")]
    pub(super) title: Option<Title>,
}

/// A line of the shell.
#[derive(Debug, Parser)]
#[command(
    name = "",
    multicall = true,
    disable_help_flag = true,
    subcommand_value_name = "COMMAND",
    subcommand_help_heading = "Commands",
    help_template = "{all-args}"
)]
pub(super) struct Line {
    #[command(subcommand)]
    pub(super) command: LineCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum LineCommand {
    #[command(flatten)]
    Both(Command),
    /// Stop sharing a document; its file stays
    Remove(Named),
    /// Leave
    #[command(visible_alias = "exit")]
    Quit,
}

/// What `get` takes: one document, or the RFCs from one number to another.
#[derive(Clone, Debug)]
pub(super) enum Range {
    One(Document),
    Rfcs(RfcNumber, RfcNumber),
}

impl Range {
    /// The documents, in order.
    pub(super) fn documents(&self) -> Vec<Document> {
        match self {
            Self::One(document) => vec![document.clone()],
            Self::Rfcs(first, last) => (first.value()..=last.value())
                .filter_map(|number| number.to_string().parse().ok().map(Document::Rfc))
                .collect(),
        }
    }
}

fn parse_range(text: &str) -> Result<Range, String> {
    const MOST: u32 = 100_000;
    let numbers = text.split_once('-').and_then(|(first, last)| {
        Some((first.parse::<RfcNumber>().ok()?, last.parse::<RfcNumber>().ok()?))
    });
    match numbers {
        None => parse_document(text).map(Range::One),
        Some((first, last)) if first <= last && last.value() - first.value() < MOST => {
            Ok(Range::Rfcs(first, last))
        }
        Some(_) => Err(format!("expected a range of at most {MOST} numbers, found `{text}`")),
    }
}

/// A number is an RFC, everything else a file name. `FILE:42` is the file of that name, whatever it
/// would be read as otherwise.
fn parse_document(text: &str) -> Result<Document, String> {
    if let Some(name) = text.strip_prefix("FILE:") {
        let name = FileName::from_decoded(name).map_err(|error| error.to_string())?;
        return Ok(Document::File(name));
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = text.parse::<RfcNumber>().map_err(|error| error.to_string())?;
        return Ok(Document::Rfc(number));
    }
    document_of(text)
        .ok_or_else(|| "expected an RFC number, a file name, or `FILE:` and a file name".into())
}
