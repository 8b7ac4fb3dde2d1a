//! What a case accepts, as it would be on the wire.

use super::case::{DocumentRule, Expected, Form, Order};
use super::values::Values;

/// The text, with `...` for any text.
pub(super) fn text(expected: &Expected, values: &Values) -> String {
    let fill = |rows: &[&str]| rows.iter().map(|row| values.fill(row) + "\r\n").collect::<String>();
    let found = |rows: &str| format!("{FOUND}{rows}\r\n");
    let any = |order: &Order| match order {
        Order::Given => "",
        Order::Any => "(in any order)\r\n",
    };
    match expected {
        Expected::Reply => "P2P-CI/1.0 ...\r\n...".into(),
        Expected::Status(status) | Expected::RefusedWith(status, "") => refusal(*status),
        Expected::RefusedWith(status, header) => {
            refusal(*status).trim_end_matches("\r\n").to_string() + "\r\n" + header + "\r\n\r\n"
        }
        Expected::Records(order, rows) => found(&fill(rows)) + any(order),
        Expected::Listed(order, rows) => found(&format!("{}...\r\n", fill(rows))) + any(order),
        Expected::NotListed(start) => {
            found(&format!("... (no record `{}...`)\r\n", values.fill(start)))
        }
        Expected::Attributes(lines) => found(&format!("RFC ...\r\n{}", fill(lines))),
        Expected::NoAttributes => found("RFC ...\r\n"),
        Expected::Form(Form::Refusal) => refusal(404),
        Expected::Form(form) => found("RFC ...\r\n") + form.rule(),
        Expected::RefusedOrClosed => refusal(400) + "(or the end of the connection)",
        Expected::Nothing => "(nothing)".into(),
        Expected::Document(rule) => document(*rule),
    }
}

const FOUND: &str = "P2P-CI/1.0 200 OK\r\n\r\n";

fn refusal(status: u16) -> String {
    let phrase = match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        416 => "Range Not Satisfiable",
        _ => "P2P-CI Version Not Supported",
    };
    let rest = if status == 200 { "..." } else { "" };
    format!("P2P-CI/1.0 {status} {phrase}\r\n\r\n{rest}")
}

impl Form {
    const fn rule(self) -> &'static str {
        match self {
            Self::LineEnds => "(each line ends with CRLF)",
            Self::EmptyLineAfterStatus => "(an empty line after the status line)",
            Self::EmptyLineAtEnd => "(an empty line after the last record)",
            Self::Refusal => "",
        }
    }
}

fn document(rule: DocumentRule) -> String {
    let (status, more, remark) = match rule {
        DocumentRule::Whole => ("200 OK", "...", "(the document)"),
        DocumentRule::SameAsFirst => ("200 OK", "...", "(the same document as before)"),
        DocumentRule::Header(name) => {
            let value = match name {
                "Date" | "Last-Modified" => "Sun, 06 Nov 1994 08:49:37 GMT",
                "Content-Length" => "1575",
                "Content-Type" => "text/plain",
                _ => "Linux 6.1",
            };
            return format!("P2P-CI/1.0 200 OK\r\n...\r\n{name}: {value}\r\n...\r\n\r\n...");
        }
        DocumentRule::Length => ("200 OK", "Content-Length: ...", "(as many bytes as it says)"),
        DocumentRule::HeadForm => ("200 OK", "...", "(each line of the head ends with CRLF)"),
        DocumentRule::ClosedAfter => {
            ("200 OK", "...", "(the document, and the connection is closed)")
        }
        DocumentRule::Digest => ("200 OK", "Digest: sha-256=...", "(a document with this SHA-256)"),
        DocumentRule::FromSecondByte => {
            ("206 Partial Content", "Content-Range: bytes 1-.../...", "(all but the first byte)")
        }
        DocumentRule::KeptOpen => ("200 OK", "Connection: keep-alive", "(the document)"),
    };
    format!("P2P-CI/1.0 {status}\r\n{more}\r\n\r\n{remark}")
}
