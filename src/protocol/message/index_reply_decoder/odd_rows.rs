//! What a decoder does with rows that are no records of the grammar (protocol.md section 4.9).

/// Whether rows that are no records of the grammar are read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum OddRows {
    #[default]
    Faults,
    Read {
        /// Whether a row without a host or a port is skipped. Otherwise it is a fault.
        skips_others: bool,
    },
}

impl OddRows {
    pub(super) fn are_read(self) -> bool {
        self != Self::Faults
    }
}
