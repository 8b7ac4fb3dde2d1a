//! Indexes whose titles are all different (protocol.md section 4.10).

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;

use crate::common::talk::add;
use crate::run::Setting;
use crate::run::index::fill;
use crate::run::samples::Random;

/// Titles are made of that many words, and of frequent ones.
const VOCABULARY: usize = 5000;

/// Which documents have the titles.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// RFCs that are added in ascending order: a search visits titles in that order, and the best
    /// results are documents with low numbers.
    Ascending,
    Descending,
    /// Files whose long names begin alike, in an order that looks random.
    Files,
    /// One RFC has all titles. The first one is that of its oldest line.
    OneDocument,
}

impl Kind {
    pub(super) const ALL: [Self; 4] =
        [Self::Ascending, Self::Descending, Self::Files, Self::OneDocument];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ascending => "RFCs added in ascending order",
            Self::Descending => "RFCs added in descending order",
            Self::Files => "files with similar names",
            Self::OneDocument => "of one RFC",
        }
    }

    pub(super) fn has_searches_while_adding(self) -> bool {
        matches!(self, Self::Ascending | Self::Descending)
    }
}

/// Fills an index with titles that are all different.
pub(super) fn fill(
    setting: &Setting,
    address: SocketAddr,
    titles: usize,
    kind: Kind,
) -> io::Result<fill::Peers> {
    /// Has no common divisor with numbers of titles.
    const SCATTER: usize = 611_953;
    let mut random = Random::new(setting.seed);
    fill::with(address, titles, |peer, at| {
        let host = format!("peer-{peer:05}.example.edu");
        match kind {
            Kind::Ascending => add(1 + at as u32, &host, 5678, &title(1 + at, &mut random)),
            Kind::Descending => {
                let number = titles - at;
                add(number as u32, &host, 5678, &title(number, &mut random))
            }
            Kind::Files => {
                let number = at * SCATTER % titles + 1;
                let title = title(number, &mut random);
                let name = format!("a-name-that-begins-like-others-{number:08}.txt");
                format!(
                    "ADD FILE {name} P2P-CI/1.0\r\nHost: {host}\r\nPort: 5678\r\nTitle: {title}\r\n\r\n"
                )
            }
            Kind::OneDocument => {
                add(7, &host, 1 + (at % 40_000) as u16, &title(1 + at, &mut random))
            }
        }
    })
}

/// A title of some frequent words, some rare ones and a number.
pub(super) fn title(number: usize, random: &mut Random) -> String {
    let parity = if number.is_multiple_of(2) { "Even" } else { "Odd" };
    let mut title = format!("{parity} Protocol n{number} for the");
    for _ in 0..5 {
        let _ = write!(title, " w{}x", random.below(VOCABULARY));
    }
    title
}
