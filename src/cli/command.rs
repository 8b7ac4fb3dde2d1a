//! The commands: after `peer` on the command line, and line by line in the shell.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

use super::headings::OUTPUT;
use super::output::format::Format;
use super::values::document_words::DOCUMENT;
use super::values::endpoints::{HOLDER, holder};
use super::values::named::{Range, parse_document, parse_range};
use crate::protocol::{Document, Endpoint, Limit, SyntaxError, Title, Words};

/// The commands that work in both places.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// List the records of all RFCs, or of all other documents
    List(List),
    /// List the holders of a document
    Lookup(Lookup),
    /// Search the titles
    Search(Search),
    /// List the documents of one peer
    Browse(Browse),
    /// List all peers and the number of their documents
    Peers,
    /// Download a document and share it
    Get(Get),
    /// Download all listed documents that are missing here
    Sync(Sync),
    /// Share a file, or an RFC of the shared directory
    Add(Add),
    /// Compare files with the digests of their downloads
    Verify(Verify),
    /// Show the download history of a document
    Why(Named),
    /// Show the text of a document that is here
    Read(Named),
    /// Open a PDF, text or image file that is here in the desktop's viewer
    Open(Named),
    /// List shared documents
    Docs,
    /// Show the index, the shared directory and running transfers
    Status,
}

/// Options of commands that print what is in the shared directory.
const DIRECTORY: [&str; 5] = ["share", "recursive", "format", "color", "no_pager"];
/// Options of commands that use files in the shared directory, and print little.
const FILES: [&str; 3] = ["share", "recursive", "format"];
/// Options of commands that print records.
const LISTING: [&str; 4] = ["format", "color", "no_pager", "wire"];
/// Options of commands that download.
const DOWNLOADING: [&str; 8] =
    ["share", "recursive", "format", "color", "download_limit", "strict", "allow_net", "wire"];
/// The same for `sync`, whose `--dry-run` prints a list.
const SYNC: [&str; 9] = [
    "share",
    "recursive",
    "format",
    "color",
    "no_pager",
    "download_limit",
    "strict",
    "allow_net",
    "wire",
];

/// The options of the program that concern a command, by their fields in `Args`, and an example.
pub(super) fn help_of(command: &str) -> (&'static [&'static str], &'static str) {
    match command {
        "list" => (&LISTING, "peer localhost list --format table"),
        "lookup" => (
            &["format", "color", "no_pager", "allow_net", "wire"],
            "peer localhost lookup 793 --probe",
        ),
        "search" => (&LISTING, "peer localhost search tcp congestion --limit 20"),
        "browse" => (&LISTING, "peer localhost browse 192.0.2.7:5678"),
        "peers" => (&LISTING, "peer localhost peers --format table"),
        "get" => (&DOWNLOADING, "peer localhost get 793 700-710 lecture-01.pdf"),
        "sync" => (&SYNC, "peer localhost sync --match congestion --dry-run"),
        "add" => (&["share", "format", "host"], "p2p-ci> add lecture-01.pdf --title Lecture"),
        "verify" => (&FILES, "peer --share papers verify 793"),
        "why" => (&["share", "format", "color", "no_pager"], "peer --share papers why 793"),
        "read" => (&DIRECTORY, "peer --share papers read 793"),
        "open" => (&FILES, "peer --share papers open lecture-01.pdf"),
        "docs" => (&DIRECTORY, "peer --share papers docs --format json"),
        "status" => (
            &["share", "recursive", "format", "color", "no_pager", "wire"],
            "peer localhost --share papers status",
        ),
        _ => (&[], ""),
    }
}

/// Whether the documents of a command are here.
pub(super) fn is_local(command: &str) -> bool {
    matches!(command, "remove" | "verify" | "read" | "open")
}

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct List {
    /// List all documents other than RFCs
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

    /// Also ask each holder for its round-trip time, the length and the digest
    #[arg(long)]
    pub(super) probe: bool,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Search {
    /// Words that the title must contain
    #[arg(required = true, num_args = 1.., value_name = "WORDS")]
    words: Vec<String>,

    /// Maximum number of records
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<Limit>,
}

impl Search {
    /// The words in the form of the protocol.
    pub(super) fn words(&self) -> Result<Words, SyntaxError> {
        self.words.join(" ").parse()
    }
}

#[derive(Clone, Debug, Args)]
pub(super) struct Browse {
    /// The peer as it is listed
    #[arg(value_name = HOLDER, value_parser = holder)]
    pub(super) peer: Endpoint,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Get {
    /// RFC numbers, ranges of them such as `700-710`, or file names (`FILE:42` is the file `42`)
    /// [default: unfinished downloads of earlier runs]
    #[arg(value_name = DOCUMENT, value_parser = parse_range)]
    pub(super) documents: Vec<Range>,

    /// Download from this peer, without asking the index
    #[arg(long, value_name = HOLDER, value_parser = holder)]
    pub(super) from: Option<Endpoint>,

    /// Save to this path instead of the shared directory: a file, a directory, a device or FIFO, or
    /// `-` for standard output
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(super) out: Option<PathBuf>,

    /// Trusted digests in the format of sha256sum: a named document with another digest is refused,
    /// and reported if it is here
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) digests: Option<PathBuf>,

    /// Download even if the document is here, and overwrite it
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Verify {
    /// RFC numbers or file names [default: all downloaded documents]
    #[arg(value_name = DOCUMENT, value_parser = parse_document)]
    pub(super) documents: Vec<Document>,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Sync {
    /// Only documents of this peer
    #[arg(long, value_name = HOLDER, value_parser = holder)]
    pub(super) from: Option<Endpoint>,

    /// Only documents whose titles contain all these words
    #[arg(long = "match", value_name = "WORDS")]
    pub(super) words: Option<Words>,

    /// Trusted digests in the format of sha256sum: a named document with another digest is refused,
    /// and reported if it is here
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) digests: Option<PathBuf>,

    /// Print the documents that would be downloaded, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Add {
    /// Path of a file, or number of an RFC in the shared directory
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
    no_binary_name = true,
    disable_help_flag = true,
    subcommand_value_name = "COMMAND",
    subcommand_help_heading = "Commands",
    help_template = "{all-args}"
)]
pub(super) struct Line {
    #[command(subcommand)]
    pub(super) command: LineCommand,

    /// Output format of this command: `raw`, `table` or `json`
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        global = true,
        help_heading = OUTPUT
    )]
    pub(super) format: Option<Format>,

    /// Print the output of this command without a pager
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub(super) no_pager: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum LineCommand {
    #[command(flatten)]
    Both(Command),
    /// Stop sharing a document; its file stays
    Remove(Named),
    /// Clear the screen
    Clear,
    /// End the session
    #[command(visible_alias = "exit")]
    Quit,
}
