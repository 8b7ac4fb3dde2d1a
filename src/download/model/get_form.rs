//! The forms of a GET that upload servers of other programs understand (protocol.md section 5.4).

/// A form of a GET without extensions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::download) enum GetForm {
    /// CRLF and an empty line.
    #[default]
    Grammar,
    /// LF, and no empty line.
    LineFeeds,
    /// CRLF, and no empty line.
    NoEmptyLine,
    /// LF, an empty line, and a line `END`.
    EndLine,
    /// Ten digits, which are the length, and then lines with LF.
    Digits,
    /// Two bytes, which are the length, and then lines with LF, as Java's `writeUTF` sends them.
    WriteUtf,
}

impl GetForm {
    /// The order in which the forms are tried after a reply that refuses, or an end without a reply.
    pub(in crate::download) const AFTER_REFUSAL: &'static [Self] = &[
        Self::Grammar,
        Self::LineFeeds,
        Self::NoEmptyLine,
        Self::EndLine,
        Self::Digits,
        Self::WriteUtf,
    ];
    /// The order after a silence: the program may wait for the end of the request.
    pub(in crate::download) const AFTER_SILENCE: &'static [Self] =
        &[Self::EndLine, Self::Grammar, Self::Digits, Self::WriteUtf, Self::LineFeeds];

    /// A request in this form, from one that follows the grammar.
    pub(in crate::download) fn apply(self, mut request: Vec<u8>) -> Vec<u8> {
        if !matches!(self, Self::Grammar | Self::NoEmptyLine) {
            // No value of a request can hold a carriage return.
            request.retain(|&byte| byte != b'\r');
        }
        let line_end: &[u8] = if self == Self::NoEmptyLine { b"\r\n" } else { b"\n" };
        if matches!(self, Self::LineFeeds | Self::NoEmptyLine) {
            request.truncate(request.len().saturating_sub(line_end.len()));
        }
        let length = request.len();
        match self {
            Self::Grammar | Self::LineFeeds | Self::NoEmptyLine => request,
            Self::EndLine => [&request, &b"END\n"[..]].concat(),
            Self::Digits => [format!("{length:010}").as_bytes(), &request].concat(),
            Self::WriteUtf => {
                let length = u16::try_from(length).unwrap_or(u16::MAX);
                [&length.to_be_bytes(), request.as_slice()].concat()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_request() {
        let request = b"GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n\r\n";
        for (form, expected) in [
            (GetForm::Grammar, "GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n\r\n"),
            (GetForm::LineFeeds, "GET RFC 1 P2P-CI/1.0\nHost: h\n"),
            (GetForm::NoEmptyLine, "GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n"),
            (GetForm::EndLine, "GET RFC 1 P2P-CI/1.0\nHost: h\n\nEND\n"),
            (GetForm::Digits, "0000000030GET RFC 1 P2P-CI/1.0\nHost: h\n\n"),
            (GetForm::WriteUtf, "\0\x1eGET RFC 1 P2P-CI/1.0\nHost: h\n\n"),
        ] {
            let found = form.apply(request.to_vec());
            assert_eq!(String::from_utf8_lossy(&found), expected, "{form:?}");
        }
    }
}
