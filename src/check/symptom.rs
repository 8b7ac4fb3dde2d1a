//! How a program under test differs from what is accepted, and what to change if a case has no hint of its own.

/// How a reply differs from what is accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Symptom {
    /// The connection was refused.
    NotConnected,
    /// Nothing was received in time.
    Silent,
    /// The connection was closed without a reply.
    Closed,
    /// The reply began and did not end.
    CutOff,
    /// The bytes are no reply.
    Unreadable,
    /// Another status.
    Status,
    /// A record, header or attribute is missing or different.
    Missing,
    /// More than what is accepted.
    Surplus,
    /// The right records in another order.
    Order,
    /// The right content in another form.
    Form,
    /// A line `END` after a reply.
    EndLine,
    /// Another document, or another number of bytes.
    Content,
    /// The connection was not closed, or closed too early.
    Connection,
    /// No such request was received.
    NotSeen,
    /// The program has sent no further request.
    Stopped,
    /// The program has ended.
    Ended,
    /// A person has skipped the step.
    Skipped,
    /// The menu has no such operation.
    NotInMenu,
    /// The program has closed the connection before it had read all bytes.
    NotRead,
    /// The output does not have what was received.
    NotShown,
    /// No file has the bytes of the document.
    NotSaved,
    /// There is a file, although there is no document.
    Saved,
}

impl Symptom {
    /// What to change if the case has no hint of its own.
    pub(super) const fn hint(self) -> &'static str {
        match self {
            Self::NotConnected => {
                "no connection was possible: does nobody listen at this port, has the program ended, or \
                 does it accept no second connection? Accept connections in a loop, and survive faults in one of them"
            }
            Self::Silent => {
                "no reply: a request ends with its empty line; reply then, without waiting for more \
                 bytes or for the end of the connection, and flush the output"
            }
            Self::Closed => {
                "the connection was closed without a reply: send the status line of a reply or \
                 refusal first; look for an exception in the thread of the connection"
            }
            Self::CutOff => {
                "the reply began and did not end: send the whole reply, and an empty line after it"
            }
            Self::Unreadable => {
                "the bytes are no reply: begin with `P2P-CI/1.0 CODE PHRASE`, write records as \
                 `RFC NUMBER TITLE HOST PORT`, and headers as `Name: value`"
            }
            Self::Status => "the status is another one: compare with section 6.2 of protocol.md",
            Self::Missing => {
                "something is missing or different: compare the expected and the received bytes"
            }
            Self::Surplus => {
                "the reply has more than it should: compare the expected and the received bytes"
            }
            Self::Order => "sort the records by number, and the records of one RFC newest first",
            Self::Form => "compare the line ends and empty lines with the expected ones",
            Self::EndLine => {
                "the reply ends with a line `END`: end it with an empty line, and send nothing else"
            }
            Self::Content => "send the bytes of the file unchanged: open it in binary mode",
            Self::Connection => "close the connection after the last byte of the document",
            Self::NotSeen => {
                "no such request was received: see the cases that failed before this one"
            }
            Self::Stopped => {
                "the program did not continue after this reply: has it ended, or does it wait for more \
                 bytes? Read a reply to its empty line, and return to the menu after a refusal, too"
            }
            Self::Ended => "the program has ended: look for an error in its output",
            Self::Skipped => "the step was skipped",
            Self::NotInMenu => "name what to type in the file of --menu",
            Self::NotRead => "read until all bytes have arrived, and close the connection then",
            Self::NotShown => {
                "show what was received: read until the empty line that ends the reply, however its \
                 bytes are divided into segments"
            }
            Self::NotSaved => {
                "save exactly the bytes after the head: open the file in binary mode, and read as \
                 many bytes as Content-Length says"
            }
            Self::Saved => "look at the status first: save nothing unless it is 200",
        }
    }
}
