//! `p2p-ci explain`: a recorded conversation, each line with its meaning (protocol.md sections 3 to 6).

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::errors::failure::Failure;
use super::errors::report::report;
use super::output::terminal::reported_width;
use super::wire::line::with_meaning;
use crate::capture::ReadError;
use crate::counted::counted;
use crate::escape::{escaped, escaped_path};
use crate::transcript::{Explained, Explainer, TranscriptError, read};

const AFTER_HELP: &str = "\
FILE is pcapng, as Wireshark and --record write it, or text:
  * labelled lines: `C: LIST ALL P2P-CI/1.0`, `S: P2P-CI/1.0 200 OK`;
  * requests and replies as netcat or Wireshark's \"Follow TCP Stream\" show them;
  * one line for each segment: `0.500 [s0 :7734] C> b'LIST ALL P2P-CI/1.0\\r\\n'`.

Each line is followed by the section of protocol.md that defines it, and by its
meaning. A line with `!` is a violation of the protocol. A line with `~` is a
known form of other programs, which --compat or the rules for robust readers
accept.

What can be read of a damaged file is explained; the exit code is then 65.

Example: p2p-ci explain session.pcapng";

/// The column of the meaning, unless the line is longer.
const COLUMN: usize = 48;

/// Equal lines in a row that are shown.
const SHOWN: u64 = 20;

/// The arguments of the command.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// The recorded conversation; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let shown = escaped_path(&arguments.file).to_string();
    match explain(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(TranscriptError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => {
            // A reader that has closed its pipe needs no message.
            Failure::File.into()
        }
        Err(error) => {
            report(&format!("p2p-ci explain: {shown}"), &error);
            match error {
                TranscriptError::Io(_) | TranscriptError::Output(_) => Failure::File.into(),
                TranscriptError::Pcapng(ReadError::Io(_)) => Failure::File.into(),
                TranscriptError::Pcapng(ReadError::Form { .. })
                | TranscriptError::Cut { .. }
                | TranscriptError::Pcap
                | TranscriptError::TooLong
                | TranscriptError::NoConversation { .. } => Failure::Data.into(),
            }
        }
    }
}

fn explain(arguments: &Arguments) -> Result<(), TranscriptError> {
    let mut output = BufWriter::new(io::stdout().lock());
    let mut explainer = Explainer::new();
    let mut repeats = Repeats::default();
    let mut show = |event| {
        let lines = explainer.explain(&event);
        lines.into_iter().try_for_each(|line| repeats.print(line, &mut output))
    };
    let outcome = if arguments.file.as_os_str() == "-" {
        read(io::stdin().lock(), &mut show)
    } else {
        let file = File::open(&arguments.file).map_err(TranscriptError::Io)?;
        read(BufReader::new(file), &mut show)
    };
    if matches!(outcome, Err(TranscriptError::Output(_))) {
        return outcome;
    }
    // What is before a fault of the file is explained.
    let rest = explainer.finish();
    rest.into_iter()
        .try_for_each(|line| repeats.print(line, &mut output))
        .and_then(|()| repeats.end(&mut output))
        .and_then(|()| output.flush())
        .map_err(TranscriptError::Output)?;
    outcome
}

/// Equal lines in a row. After a few, only their number is printed.
#[derive(Default)]
struct Repeats {
    last: Option<Explained>,
    /// How often it has followed itself.
    count: u64,
}

impl Repeats {
    fn print(&mut self, line: Explained, output: &mut impl Write) -> io::Result<()> {
        let is_same = |last: &Explained| {
            let Explained { stream, time: _, kind, section, meaning } = last;
            (stream, kind, *section, meaning)
                == (&line.stream, &line.kind, line.section, &line.meaning)
        };
        if self.last.as_ref().is_some_and(is_same) {
            self.count += 1;
            return if self.count < SHOWN { print(&line, output) } else { Ok(()) };
        }
        self.end(output)?;
        print(&line, output)?;
        self.last = Some(line);
        Ok(())
    }

    /// Prints how many lines were not printed.
    fn end(&mut self, output: &mut impl Write) -> io::Result<()> {
        let more = std::mem::take(&mut self.count).saturating_sub(SHOWN - 1);
        if more > 0 {
            writeln!(output, "-- the same line {}", counted(more, "more time"))
        } else {
            Ok(())
        }
    }
}

fn print(line: &Explained, output: &mut impl Write) -> io::Result<()> {
    let Explained { stream, time, .. } = line;
    let time = time.map_or_else(String::new, |time| format!("{:9.3} ", time.as_secs_f64()));
    let stream = if stream.is_empty() { String::new() } else { format!("[{}] ", escaped(stream)) };
    writeln!(output, "{}", with_meaning(line, &format!("{time}{stream}"), COLUMN, reported_width()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Kind, Side};

    #[test]
    fn equal_lines_in_a_row_are_counted() {
        let line = |text: &str| Explained {
            stream: String::new(),
            time: None,
            kind: Kind::Line(Side::Server, text.into()),
            section: "4.9",
            meaning: "an empty line".into(),
        };
        let (mut repeats, mut output) = (Repeats::default(), Vec::new());
        for count in [20, 1, 1000] {
            for _ in 0..count {
                repeats.print(line(&count.to_string()), &mut output).unwrap();
            }
        }
        repeats.end(&mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        assert_eq!(text.lines().count(), 20 + 1 + 20 + 1, "{text}");
        assert!(text.ends_with("\n-- the same line 980 more times\n"), "{text}");
    }
}
