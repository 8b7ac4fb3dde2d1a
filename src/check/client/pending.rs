//! A case whose reply was sent, and that passes if the program continues and shows the reply.

use std::time::{Duration, Instant};

use super::answer::word;
use super::asked::Asked;
use super::exchange::{Exchange, Reply};
use super::requests::Answered;
use super::verdicts::Finding;
use crate::check::case::Case;
use crate::check::symptom::Symptom;

/// Bytes of a reply and of the output that are shown.
const SHOWN: usize = 700;

/// A case, and what was received and sent.
pub(super) struct Pending {
    pub(super) case: &'static Case,
    pub(super) sent: Vec<(char, Vec<u8>)>,
    /// The words that the output should have: those of the first and the last record.
    pub(super) words: Vec<String>,
    pub(super) time: Duration,
}

impl Pending {
    pub(super) fn of(
        case: &'static Case,
        begun: Instant,
        (asked, exchange): (&Asked, Exchange),
        answered: Answered,
    ) -> Self {
        let reply = answered.reply.get(..SHOWN).unwrap_or(&answered.reply).to_vec();
        let sent = vec![('C', answered.request), ('S', reply)];
        let words = match exchange.reply {
            Reply::Records(count, _) if count > 0 => {
                [0, count.saturating_sub(1)].map(|place| word(asked.number, place)).into()
            }
            _ => Vec::new(),
        };
        Self { case, sent, words, time: begun.elapsed() }
    }

    pub(super) fn without_reply(case: &'static Case, begun: Instant) -> Self {
        Self { case, sent: Vec::new(), words: Vec::new(), time: begun.elapsed() }
    }

    /// A word that the output does not have.
    pub(super) fn missing(&self, output: &[u8]) -> Option<&str> {
        let text = String::from_utf8_lossy(output);
        self.words.iter().map(String::as_str).find(|word| !text.contains(word))
    }

    pub(super) fn not_shown(&self, output: &[u8]) -> Finding {
        let word = self.missing(output).unwrap_or_default();
        let expected = format!("(output with `{word}`)");
        Finding::new(Symptom::NotShown, expected).received(&last_bytes(output))
    }
}

pub(super) fn last_bytes(bytes: &[u8]) -> Vec<u8> {
    bytes.get(bytes.len().saturating_sub(SHOWN)..).unwrap_or_default().to_vec()
}
