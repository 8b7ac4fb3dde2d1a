//! A case: what is sent, what is accepted, and what to change if something else is received.

use super::client::ClientTest;
use super::symptom::Symptom;

/// A set of cases; each level includes those before it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Level {
    /// What the handout of the course specifies.
    Handout,
    /// Also what protocol.md decides where the handout is silent, and the reading of other forms.
    Robust,
    /// Also the extensions (protocol.md section 8).
    Extension,
}

/// One test.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its name, which does not change between versions.
    pub(crate) id: &'static str,
    /// The section of protocol.md that has the rule.
    pub(crate) section: &'static str,
    pub(crate) level: Level,
    /// What it counts in the grade.
    pub(crate) weight: u32,
    /// The rule in a few words.
    pub(crate) rule: &'static str,
    pub(super) test: Test,
    /// What to change, for typical failures. Other failures have a hint of their symptom.
    pub(super) hints: Hints,
}

/// How a case tests a program.
#[derive(Debug)]
pub(super) enum Test {
    /// A server: these steps.
    Server(&'static [Step]),
    /// A client: a part of a session.
    Client(ClientTest),
}

/// One of the connections of a case, which is made when it is first used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Client {
    A,
    B,
}

/// A step of a case. Texts have placeholders (see `values`).
#[derive(Debug)]
pub(super) enum Step {
    /// Connects and sends nothing.
    Connect(Client),
    /// Sends in one segment.
    Send(Client, &'static str),
    /// Sends each byte in a segment of its own.
    SendBytes(Client, &'static str),
    /// Sends in one segment this text and this number of `x`.
    SendFilled(Client, &'static str, usize),
    /// Sends a request that must succeed so that the case can continue.
    Add(Client, &'static str),
    /// Reads a reply.
    Expect(Client, Expected),
    /// Sends a request again until its reply is accepted, for at most 2 s.
    Repeat(Client, &'static str, Expected),
    /// Closes the connection.
    Close(Client),
    /// Resets the connection.
    Reset(Client),
}

/// What is accepted.
#[derive(Debug)]
pub(super) enum Expected {
    /// A reply, whatever its status is.
    Reply,
    /// A reply with this status.
    Status(u16),
    /// Status 200 and exactly these records.
    Records(Order, &'static [&'static str]),
    /// Status 200 and these records once each, possibly among others.
    Listed(Order, &'static [&'static str]),
    /// Status 200 or 404, and no record that begins so.
    NotListed(&'static str),
    /// Status 200, and these lines of attributes; a line that ends with a colon stands for any value.
    Attributes(&'static [&'static str]),
    /// Status 200, and a record without attributes.
    NoAttributes,
    /// A refusal with this status and this header line.
    RefusedWith(u16, &'static str),
    /// A reply whose bytes have this form.
    Form(Form),
    /// Status 400, or the end of the connection.
    RefusedOrClosed,
    /// Nothing for 300 ms.
    Nothing,
    /// A document.
    Document(DocumentRule),
}

/// The order of records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    /// That of the case.
    Given,
    Any,
}

/// What the bytes of a reply of an index server must be like. Each form ignores what the others
/// concern.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Each line ends with CRLF.
    LineEnds,
    /// An empty line follows the status line.
    EmptyLineAfterStatus,
    /// An empty line ends the reply.
    EmptyLineAtEnd,
    /// A refusal is a status line and one empty line, and nothing else.
    Refusal,
}

/// What a document and its head must be like.
#[derive(Clone, Copy, Debug)]
pub(super) enum DocumentRule {
    /// Status 200, and the document to its end.
    Whole,
    /// The same document as in the first reply of the case.
    SameAsFirst,
    /// The head has this header, with a value that can be read.
    Header(&'static str),
    /// `Content-Length` is the number of bytes that follow the head.
    Length,
    /// All lines of the head end with CRLF, and an empty line ends it.
    HeadForm,
    /// The connection is closed after the document.
    ClosedAfter,
    /// The head has the SHA-256 of the document.
    Digest,
    /// Status 206, and the document of the first reply from its second byte on.
    FromSecondByte,
    /// The document, and the connection stays open.
    KeptOpen,
}

impl Level {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Handout => "handout",
            Self::Robust => "robust",
            Self::Extension => "extension",
        }
    }
}

/// What to change, for typical failures.
pub(super) type Hints = &'static [(Symptom, &'static str)];

impl Case {
    pub(super) const fn server(
        level: Level,
        (id, section, weight): (&'static str, &'static str, u32),
        rule: &'static str,
        steps: &'static [Step],
        hints: Hints,
    ) -> Self {
        Self { id, section, level, weight, rule, test: Test::Server(steps), hints }
    }

    pub(super) const fn client(
        level: Level,
        (id, section, weight): (&'static str, &'static str, u32),
        rule: &'static str,
        test: ClientTest,
        hints: Hints,
    ) -> Self {
        Self { id, section, level, weight, rule, test: Test::Client(test), hints }
    }

    /// What to change after this failure.
    pub(super) fn hint(&self, symptom: Symptom) -> &'static str {
        self.own_hint(symptom).unwrap_or(symptom.hint())
    }

    /// The same, if it is a typical one.
    pub(super) fn own_hint(&self, symptom: Symptom) -> Option<&'static str> {
        let own = self.hints.iter().find(|(of, _)| *of == symptom);
        own.map(|(_, hint)| *hint)
    }
}
