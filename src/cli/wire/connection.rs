//! One connection: its parties, and the lines of both sides.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::form::{Form, Program};
use super::line::{of_side, with_meaning};
use super::queue::{Item, What};
use crate::capture::Side;
use crate::cli::output::terminal::reported_error_width;
use crate::cli::output::wrapping::for_standard_error;
use crate::counted::counted;
use crate::transcript::{
    self, Event, Explained, Explainer, Kind, ServerKind, begins_request, is_get,
};

/// The column of the meaning after the parties, unless the line is longer.
const COLUMN: usize = 40;
/// Silence after which the end of a message is not awaited any more.
const SILENCE: Duration = Duration::from_secs(1);
/// A longer line of a request is shown in parts.
const LONGEST_LINE: usize = 8 * 1024;

/// A connection of this process.
pub(super) struct Connection {
    own: Side,
    client: SocketAddr,
    server: SocketAddr,
    /// The two programs, as soon as they are known.
    parties: Option<String>,
    /// `None` after bytes were lost, until the next request begins.
    explainer: Option<Explainer>,
    /// Bytes that are not shown because others were lost before them.
    hidden: u64,
    /// The beginning of a line of a request, if lines are shown as they arrive.
    partial: Vec<u8>,
    last: Instant,
    /// Whether its silence was noticed, and whether an unfinished request was.
    is_silent: bool,
    is_reminded: bool,
}

impl Connection {
    /// A connection whose beginning may have been lost.
    pub(super) fn new(item: &Item) -> Self {
        Self {
            own: item.own,
            client: item.client,
            server: item.server,
            parties: None,
            explainer: None,
            hidden: 0,
            partial: Vec::new(),
            last: Instant::now(),
            is_silent: true,
            is_reminded: false,
        }
    }

    /// An explainer of this connection from its beginning, or from the beginning of a request.
    fn explainer(&self, program: Program) -> Explainer {
        let mut explainer = match (self.own, program) {
            (Side::Server, Program::Server) => Explainer::of(ServerKind::Index),
            (Side::Server, Program::Peer { .. }) => Explainer::of(ServerKind::Upload),
            (Side::Client, _) => Explainer::new(),
        };
        let what = transcript::What::Connect { client: String::new(), server: String::new() };
        explainer.explain(&Event { stream: String::new(), time: None, what });
        explainer
    }

    /// The lines that are shown of an event.
    pub(super) fn lines(&mut self, what: What, form: Form, program: Program) -> Vec<String> {
        let mut out = Vec::new();
        match what {
            What::Connected => {
                self.explainer = Some(self.explainer(program));
                if self.own == Side::Server {
                    out.push(self.note("C has connected", program));
                }
            }
            What::Sent(side, data, length) => {
                self.sent(side, data, length, form, program, &mut out)
            }
            What::Ended(side) => {
                self.end_line(program, &mut out);
                self.explain(transcript::What::End(side), form, program, &mut out);
            }
            What::Aborted(side) => {
                self.end_line(program, &mut out);
                self.explain(transcript::What::Reset(side), form, program, &mut out);
            }
            What::Closed => {
                self.end_line(program, &mut out);
                self.note_hidden(program, &mut out);
            }
        }
        out
    }

    /// The lines that are shown because nothing more has been sent for a time.
    pub(super) fn pause(&mut self, form: Form, program: Program) -> Vec<String> {
        let mut out = Vec::new();
        if self.is_silent || self.last.elapsed() < SILENCE {
            return out;
        }
        self.is_silent = true;
        self.end_line(program, &mut out);
        let Some(explainer) = &mut self.explainer else { return out };
        let (lines, has_begun) = explainer.pause();
        self.show(&lines, form, program, &mut out);
        if has_begun && !std::mem::replace(&mut self.is_reminded, true) {
            let text =
                "C has not ended its request: an empty line ends it (protocol.md section 3.1)";
            out.push(self.note(text, program));
        }
        out
    }

    fn sent(
        &mut self,
        side: Side,
        data: Vec<u8>,
        length: usize,
        form: Form,
        program: Program,
        out: &mut Vec<String>,
    ) {
        (self.last, self.is_silent) = (Instant::now(), false);
        if self.explainer.is_none() {
            if side == Side::Server || !(is_get(&data) || begins_request(&data)) {
                self.hidden += length as u64;
                return;
            }
            self.note_hidden(program, out);
            self.explainer = Some(self.explainer(program));
        }
        if side == Side::Server {
            self.end_line(program, out);
            self.is_reminded = false;
        } else if self.parties.is_none() {
            self.parties = Some(self.named(is_get(&data), program));
        }
        let missing = (length - data.len().min(length)) as u64;
        // Lines of a request are shown as they arrive, and with their meanings when it is complete.
        let arriving = (side == Side::Client && form == Form::Lines).then(|| data.clone());
        self.explain(transcript::What::Bytes(side, data), form, program, out);
        if missing > 0 {
            self.explain(transcript::What::Missing(side, missing), form, program, out);
        }
        self.partial.extend(arriving.unwrap_or_default());
        while let Some(at) = self.partial.iter().position(|byte| *byte == b'\n') {
            let rest = self.partial.split_off(at + 1);
            self.end_line(program, out);
            self.partial = rest;
        }
        if self.partial.len() > LONGEST_LINE {
            self.end_line(program, out);
        }
    }

    /// Shows the line of a request that has arrived, also if its end has not.
    fn end_line(&mut self, program: Program, out: &mut Vec<String>) {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            out.push(self.line(&of_side(Side::Client, &line), program));
        }
    }

    fn explain(
        &mut self,
        what: transcript::What,
        form: Form,
        program: Program,
        out: &mut Vec<String>,
    ) {
        if let Some(explainer) = &mut self.explainer {
            let lines = explainer.explain(&Event { stream: String::new(), time: None, what });
            self.show(&lines, form, program, out);
        }
    }

    fn show(&mut self, lines: &[Explained], form: Form, program: Program, out: &mut Vec<String>) {
        for line in lines {
            let document = match &line.kind {
                Kind::Document(_, count) => {
                    Some(format!("{} of the document", counted(*count, "byte")))
                }
                _ => None,
            };
            match (form, &line.kind) {
                (Form::Explained, _) => {
                    let meaning = document.unwrap_or_else(|| line.meaning.clone());
                    let line = Explained { meaning, ..line.clone() };
                    let screen = reported_error_width();
                    out.push(with_meaning(&line, &self.before(program), COLUMN, screen));
                }
                (Form::Lines, Kind::Line(Side::Server, bytes)) => {
                    out.push(self.line(&of_side(Side::Server, bytes), program));
                }
                (Form::Lines, Kind::Document(..)) => {
                    let text = document.unwrap_or_default();
                    out.push(self.line(&format!("S: … {text}"), program));
                }
                (Form::Lines, Kind::Note) => out.push(self.note(&line.meaning, program)),
                (Form::Lines, Kind::Line(Side::Client, _) | Kind::Fault | Kind::Form) => {}
            }
        }
    }

    fn note_hidden(&mut self, program: Program, out: &mut Vec<String>) {
        let hidden = std::mem::take(&mut self.hidden);
        if hidden > 0 {
            out.push(self.note(&format!("{} not shown", counted(hidden, "byte")), program));
        }
    }

    fn note(&mut self, text: &str, program: Program) -> String {
        for_standard_error(&self.line(&format!("-- {text}"), program)).into_owned()
    }

    fn line(&mut self, text: &str, program: Program) -> String {
        format!("{}{text}", self.before(program)).trim_end().to_string()
    }

    fn before(&mut self, program: Program) -> String {
        // Before the first request, a peer cannot be told from an index server.
        let parties = self.parties.clone().unwrap_or_else(|| self.named(true, program));
        format!("{parties:<20} ")
    }

    /// The two programs. A peer sends its holders a GET, and its index server other requests.
    fn named(&self, is_get: bool, program: Program) -> String {
        let Self { client, server, .. } = self;
        match (self.own, program) {
            (Side::Server, Program::Server) => format!("{client} → index"),
            (Side::Server, Program::Peer { .. }) => format!("{client} → peer"),
            (Side::Client, _) if is_get => format!("peer:{} → {server}", client.port()),
            (Side::Client, Program::Peer { names_index: true }) => {
                format!("peer:{} → index {server}", client.port())
            }
            (Side::Client, _) => format!("peer:{} → index", client.port()),
        }
    }
}
