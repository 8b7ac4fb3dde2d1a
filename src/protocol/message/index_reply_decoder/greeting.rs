//! What a server sends before its first reply (protocol.md section 4.9).

use super::{EndLines, IndexReplyDecoder};
use crate::limits;
use crate::protocol::grammar::version::find_status_line;

impl IndexReplyDecoder {
    /// A decoder for a new connection to a server that may be another program, which may greet the
    /// peer: lines before its first status line are skipped.
    pub fn after_greeting() -> Self {
        Self {
            greeting_lines: limits::GREETING_LINES,
            end_lines: EndLines::Possible,
            ..Self::default()
        }
    }

    /// The first line that was skipped before the first status line; once.
    pub fn take_greeting(&mut self) -> Option<String> {
        self.greeting.take()
    }

    /// The status line within a line that may be, or begin with, a greeting; `None` if it is all
    /// greeting. Other lines are returned as they are.
    pub(super) fn skip_greeting<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        if self.greeting_lines == 0 {
            return Some(line);
        }
        let at = find_status_line(line);
        let (greeting, status) = line.split_at_checked(at.unwrap_or(line.len()))?;
        self.greeting_lines = if at.is_some() { 0 } else { self.greeting_lines - 1 };
        if self.greeting.is_none() && !greeting.is_empty() {
            self.greeting = Some(greeting.to_string());
        }
        at.map(|_| status)
    }
}
