//! Where a decoder is in a reply (protocol.md section 3.2, appendix B.7).

/// What was read last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Place {
    #[default]
    Start,
    Refused,
    /// After `200`, before the empty line that other servers omit.
    Found,
    Records,
    /// After the final empty line, before a line `END`.
    Ended,
}

/// Where lines `END` may be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum EndLines {
    /// Nowhere: such a line violates the protocol.
    #[default]
    Never,
    /// After the rows of a reply or after its final empty line, until the server shows an extension.
    Possible,
    /// At the end of each reply, which an empty line does not end.
    Expected,
}
