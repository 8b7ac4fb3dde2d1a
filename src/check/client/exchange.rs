//! What a case for a client asks for and replies, as data; and the rules for requests.

use crate::protocol::Refusal;

/// What a person, or a menu, does in the program under test.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Operation {
    Add,
    List,
    Lookup,
    Get,
    Leave,
}

/// An operation, and the reply to its request. A case passes if the program then sends the next request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(super) operation: Operation,
    pub(super) reply: Reply,
}

/// A reply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// That of an index server to its own records: to ADD and to LIST.
    Usual,
    /// Status 200 and this number of records.
    Records(usize, Delivery),
    Refused(Refusal, Option<&'static str>),
    Document(Document),
    /// There is none.
    Nothing,
}

/// How the bytes of a reply are sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Delivery {
    /// In one segment, as far as its size allows.
    Whole,
    /// Each byte in a segment of its own.
    Bytewise,
    /// With a pause in the middle of the first record.
    PauseInLine,
    /// With a pause before the empty line that ends it.
    PauseBeforeEnd,
}

/// A document of an upload server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Document {
    pub(super) body: Body,
    pub(super) delivery: Delivery,
    /// Whether the connection stays open after the document.
    pub(super) stays_open: bool,
    /// Whether the head has other names, another order and a header of its own.
    pub(super) has_other_head: bool,
}

/// The bytes of a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Body {
    Text,
    /// It has empty lines, and lines like those of heads and replies.
    LikeHead,
    /// 300 KiB.
    Large,
    /// All bytes.
    Binary,
}

/// A rule for requests.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum RequestRule {
    /// All lines end with CRLF.
    LineEnds,
    /// An empty line ends a request.
    End,
    /// The words of the request line, with one blank between two of them.
    Words,
    Version,
    /// The number of the document, without leading zeros.
    Number,
    /// A header line is a name, a colon, a blank and a value.
    HeaderForm,
    HeaderOnce,
    Host,
    Port,
    Title,
    /// The operating system in GET.
    Os,
    /// Host and Port are the same in all requests to the index.
    SameEndpoint,
    /// No byte belongs to no request.
    NothingElse,
    /// The connection of ADD stays open.
    StaysConnected,
    /// The port of ADD accepts connections.
    PortListens,
}

/// What a case for a client tests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ClientTest {
    Requests(RequestRule),
    Exchange(Exchange),
}

impl Exchange {
    pub(in crate::check) const fn new(operation: Operation, reply: Reply) -> Self {
        Self { operation, reply }
    }

    /// A GET and its document in one segment, after which the connection is closed.
    pub(in crate::check) const fn document(body: Body, delivery: Delivery) -> Self {
        let document = Document { body, delivery, stays_open: false, has_other_head: false };
        Self { operation: Operation::Get, reply: Reply::Document(document) }
    }

    /// A GET and a document after which the connection stays open.
    pub(in crate::check) const fn kept_open() -> Self {
        let (body, delivery) = (Body::Text, Delivery::Whole);
        let document = Document { body, delivery, stays_open: true, has_other_head: false };
        Self { operation: Operation::Get, reply: Reply::Document(document) }
    }

    /// A GET and a document with another head.
    pub(in crate::check) const fn other_head() -> Self {
        let (body, delivery) = (Body::Text, Delivery::Whole);
        let document = Document { body, delivery, stays_open: false, has_other_head: true };
        Self { operation: Operation::Get, reply: Reply::Document(document) }
    }
}

impl Operation {
    /// Its name in a menu.
    pub(in crate::check) const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::List => "list",
            Self::Lookup => "lookup",
            Self::Get => "get",
            Self::Leave => "leave",
        }
    }

    /// The first word of its request.
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::List => "LIST",
            Self::Lookup => "LOOKUP",
            Self::Get => "GET",
            Self::Leave => "",
        }
    }
}
