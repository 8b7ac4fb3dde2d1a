//! The forms of the exchange, and the programs that show theirs.

use clap::ValueEnum;

/// The form of the exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(in crate::cli) enum Form {
    /// The lines as they are sent
    Lines,
    /// Each line with its meaning
    Explained,
}

/// The program whose exchange is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Program {
    Server,
    Peer {
        /// Whether it has several index servers, which are named.
        names_index: bool,
    },
}

impl Form {
    /// The first line that is printed.
    pub(super) fn legend(self) -> &'static str {
        match self {
            Self::Lines => "-- the exchange: C is the side that has connected, S the other side",
            Self::Explained => {
                "-- the exchange: C is the side that has connected, S the other side; the numbers are \
                 sections of protocol.md"
            }
        }
    }
}
