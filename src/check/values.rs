//! The placeholders in the text of cases.
//!
//! | placeholder | stands for |
//! |---|---|
//! | `$1` `$2` `$3` | RFC numbers that no other case uses |
//! | `$R`, `$N` | the RFC that the upload server shares, and one that it does not |
//! | `$V` | ` P2P-CI/1.0` and a line end |
//! | `$H` | the host of this program |
//! | `$P`, `$Q` | the header lines `Host` and `Port` of one holder, and of another on the same host |
//! | `$E` | the two line ends that end a request |

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the placeholders of a case stand for.
#[derive(Clone, Debug)]
pub(super) struct Values {
    host: String,
    first: u64,
    shared: u64,
}

/// Numbers for each case.
const NUMBERS: u64 = 3;

impl Values {
    /// Those of the case with this place in the list. Another run has other numbers, because a
    /// server may keep the records of the last one.
    pub(super) fn new(host: IpAddr, run: u64, place: usize, shared: u64) -> Self {
        let first = run.saturating_add((place as u64).saturating_mul(NUMBERS));
        Self { host: host.to_string(), first, shared }
    }

    /// The first number of this run: six digits, which every program should be able to store.
    pub(super) fn numbers_of_run() -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        100_000 + u64::from(now.subsec_millis()) * 800 + now.as_secs() % 4 * 200
    }

    /// The text with its placeholders replaced.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len() * 2);
        let mut parts = text.split('$');
        filled.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let mut characters = part.chars();
            let name = characters.next().unwrap_or('$');
            filled.push_str(&self.value(name));
            filled.push_str(characters.as_str());
        }
        filled
    }

    fn value(&self, name: char) -> String {
        let number = |place: u64| self.first.saturating_add(place).to_string();
        let holder = |port: &str| format!("Host: {}\r\nPort: {port}\r\n", self.host);
        match name {
            '1' => number(0),
            '2' => number(1),
            '3' => number(2),
            'R' => self.shared.to_string(),
            'N' => if self.shared == 999_999_998 { "999999997" } else { "999999998" }.into(),
            'V' => " P2P-CI/1.0\r\n".into(),
            'H' => self.host.clone(),
            'P' => holder("50001"),
            'Q' => holder("50002"),
            'E' => "\r\n\r\n".into(),
            other => format!("${other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced() {
        let values = Values::new([127, 0, 0, 1].into(), 100_000, 2, 793);
        assert_eq!(
            values.fill("ADD RFC $1$V$PTitle: a $ b$E"),
            "ADD RFC 100006 P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: 50001\r\nTitle: a $ b\r\n\r\n"
        );
        assert_eq!(values.fill("$2 $3 $R $N"), "100007 100008 793 999999998");
    }
}
