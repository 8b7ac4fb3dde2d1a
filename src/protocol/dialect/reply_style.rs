//! The form of replies to another program: learned from its requests, or set by an option (protocol.md
//! appendix B.5).

use std::str::FromStr;

use super::framing::Framing;
use super::request_end::EndedBy;
use crate::protocol::SyntaxError;

/// The form of the replies on one connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReplyStyle {
    pub(super) line_end: LineEnd,
    /// Whether an empty line separates the status line from the records.
    pub(super) is_empty_line_after_status: bool,
    /// Whether an empty line ends the reply.
    pub(super) is_empty_line_at_end: bool,
    /// Whether a line `END` ends the reply.
    pub(super) has_end_word: bool,
    pub(super) rows: Rows,
    pub(super) added: Added,
    pub(super) nothing_found: NothingFound,
    /// A byte with which a reply is filled up to a multiple of a number of bytes.
    pub(super) padding: Option<(u8, usize)>,
    pub(super) framing: Framing,
}

/// The end of each line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum LineEnd {
    #[default]
    CarriageReturnLineFeed,
    LineFeed,
}

/// How a record of an RFC begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rows {
    /// With `RFC` and the number.
    Rfc,
    /// With the number.
    Number,
}

/// The reply to ADD.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Added {
    /// Status and record.
    Record,
    /// The status only.
    Status,
}

/// The reply to LOOKUP, LIST and SEARCH if there are no records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NothingFound {
    /// As the grammar says: 404 to LOOKUP, 200 without records to LIST and SEARCH.
    Grammar,
    /// 404.
    NotFound,
    /// 200 without records.
    Ok,
}

impl LineEnd {
    pub(super) fn bytes(self) -> &'static [u8] {
        match self {
            Self::CarriageReturnLineFeed => b"\r\n",
            Self::LineFeed => b"\n",
        }
    }
}

impl Default for ReplyStyle {
    /// The form of the grammar.
    fn default() -> Self {
        Self {
            line_end: LineEnd::CarriageReturnLineFeed,
            is_empty_line_after_status: true,
            is_empty_line_at_end: true,
            has_end_word: false,
            rows: Rows::Rfc,
            added: Added::Record,
            nothing_found: NothingFound::Grammar,
            padding: None,
            framing: Framing::Lines,
        }
    }
}

impl ReplyStyle {
    /// The same for requests that end with `END`.
    pub(super) fn with_end_word(self) -> Self {
        Self {
            is_empty_line_after_status: true,
            is_empty_line_at_end: true,
            has_end_word: true,
            ..self
        }
    }

    /// The form of the replies to requests with these line ends, which end in this way.
    pub(super) fn of_request(line_end: LineEnd, by: EndedBy, framing: Framing) -> Self {
        let has_end_word = by == EndedBy::Word;
        let is_crlf = line_end == LineEnd::CarriageReturnLineFeed;
        Self {
            line_end,
            is_empty_line_after_status: has_end_word || (is_crlf && by == EndedBy::EmptyLine),
            is_empty_line_at_end: has_end_word || is_crlf,
            has_end_word,
            framing,
            ..Self::default()
        }
    }
}

/// What the user has set of the form of replies: `KEY=VALUE`, several separated by commas.
///
/// ```
/// use p2p_ci::protocol::dialect::StyleSettings;
///
/// let settings: StyleSettings = "rows=number,add=status".parse()?;
/// assert!("rows=none".parse::<StyleSettings>().is_err());
/// # Ok::<(), p2p_ci::protocol::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StyleSettings {
    line_end: Option<LineEnd>,
    is_empty_line_after_status: Option<bool>,
    is_empty_line_at_end: Option<bool>,
    has_end_word: Option<bool>,
    rows: Option<Rows>,
    added: Option<Added>,
    nothing_found: Option<NothingFound>,
    padding: Option<Option<(u8, usize)>>,
}

/// The keys, and the values of each.
const EXPECTED: &str = "`line-end=crlf` or `lf`, `after-status=empty-line` or `nothing`, \
    `end=empty-line`, `nothing` or `END`, `rows=rfc` or `number`, `add=record` or `status`, \
    `nothing-found=404` or `200`, or `padding=` with a byte and a size, such as `~1024`";

impl StyleSettings {
    /// The form with what is set.
    pub(super) fn apply(self, form: ReplyStyle) -> ReplyStyle {
        ReplyStyle {
            line_end: self.line_end.unwrap_or(form.line_end),
            is_empty_line_after_status: self
                .is_empty_line_after_status
                .unwrap_or(form.is_empty_line_after_status),
            is_empty_line_at_end: self.is_empty_line_at_end.unwrap_or(form.is_empty_line_at_end),
            has_end_word: self.has_end_word.unwrap_or(form.has_end_word),
            rows: self.rows.unwrap_or(form.rows),
            added: self.added.unwrap_or(form.added),
            nothing_found: self.nothing_found.unwrap_or(form.nothing_found),
            padding: self.padding.unwrap_or(form.padding),
            framing: form.framing,
        }
    }

    fn set(&mut self, setting: &str) -> Result<(), SyntaxError> {
        let fault = || SyntaxError::at(EXPECTED, setting, "B.5");
        let (key, value) = setting.split_once('=').ok_or_else(fault)?;
        match (key.trim(), value.trim()) {
            ("line-end", "crlf") => self.line_end = Some(LineEnd::CarriageReturnLineFeed),
            ("line-end", "lf") => self.line_end = Some(LineEnd::LineFeed),
            ("after-status", "empty-line") => self.is_empty_line_after_status = Some(true),
            ("after-status", "nothing") => self.is_empty_line_after_status = Some(false),
            ("end", "empty-line") => {
                (self.is_empty_line_at_end, self.has_end_word) = (Some(true), Some(false));
            }
            ("end", "nothing") => {
                (self.is_empty_line_at_end, self.has_end_word) = (Some(false), Some(false));
            }
            ("end", "END") => {
                (self.is_empty_line_at_end, self.has_end_word) = (Some(true), Some(true));
            }
            ("rows", "rfc") => self.rows = Some(Rows::Rfc),
            ("rows", "number") => self.rows = Some(Rows::Number),
            ("add", "record") => self.added = Some(Added::Record),
            ("add", "status") => self.added = Some(Added::Status),
            ("nothing-found", "404") => self.nothing_found = Some(NothingFound::NotFound),
            ("nothing-found", "200") => self.nothing_found = Some(NothingFound::Ok),
            ("padding", "none") => self.padding = Some(None),
            ("padding", value) => self.padding = Some(Some(padding(value).ok_or_else(fault)?)),
            _ => return Err(fault()),
        }
        Ok(())
    }
}

/// A byte, and a size of at most 64 KiB.
fn padding(text: &str) -> Option<(u8, usize)> {
    const LARGEST: usize = 64 * 1024;
    let byte = *text.as_bytes().first().filter(|byte| byte.is_ascii())?;
    let size = text.get(1..)?.parse().ok()?;
    (1..=LARGEST).contains(&size).then_some((byte, size))
}

impl FromStr for StyleSettings {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let mut settings = Self::default();
        text.split(',').try_for_each(|setting| settings.set(setting))?;
        Ok(settings)
    }
}
