//! Whether a connection stays open after a document (protocol.md section 5.7).

use std::str::FromStr;

use super::SyntaxError;

/// The name of the header, in requests and replies.
pub(in crate::protocol) const NAME: &str = "Connection";
/// The value that requests keeping the connection open.
pub(in crate::protocol) const VALUE: &str = "keep-alive";

/// The value of `Connection`: a list of options that must include `keep-alive`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::protocol) struct KeepAlive(pub(in crate::protocol) bool);

impl FromStr for KeepAlive {
    type Err = SyntaxError;

    /// Other options are ignored.
    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        Ok(Self(text.split(',').any(|option| option.trim().eq_ignore_ascii_case(VALUE))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staying_open_may_be_one_of_several_options() {
        for (text, stays_open) in [
            ("keep-alive", true),
            ("Keep-Alive", true),
            ("x, keep-alive", true),
            ("close", false),
            ("keep-alive-not", false),
            ("", false),
        ] {
            assert_eq!(text.parse(), Ok(KeepAlive(stays_open)), "{text:?}");
        }
    }
}
