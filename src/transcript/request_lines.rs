//! The lines of a request: their meaning, and what the grammar says of them (protocol.md sections 3.1, 3.5 and
//! appendix B).

use super::explained::Out;
use super::meanings;
use super::{Kind, Side};
use crate::protocol::{DecodeError, ReplyForm, Request, RequestDecoder, Status};

/// The meaning of a line `END`.
const END_LINE: &str =
    "no header: other programs end a request with it, in place of the empty line";

/// A request whose reply has not ended.
#[derive(Debug)]
pub(super) struct Awaited {
    /// The request in a few words.
    pub(super) name: String,
    pub(super) form: ReplyForm,
}

/// Explains a request that was understood, and what the grammar says of it.
pub(super) fn of_request<Q: Request>(
    bytes: &[u8],
    request: &Q,
    section: &'static str,
    out: &mut Out<'_>,
) -> Awaited {
    let mut written = Vec::new();
    request.encode(&mut written);
    let written = String::from_utf8_lossy(&written);
    let first = written.lines().next().unwrap_or_default();
    let name = first.strip_suffix(" P2P-CI/1.0").unwrap_or(first).to_string();
    let form = match first.split(' ').next() {
        Some("ADD" | "REMOVE") => ReplyForm::OneRecord,
        _ => ReplyForm::Records,
    };
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for (at, line) in lines.iter().enumerate() {
        let (section, meaning) = match line.trim_ascii() {
            _ if at == 0 => (section, meanings::of_request(first)),
            b"" => ("3.1", "the end of the request".into()),
            b"END" => ("B.2", END_LINE.into()),
            text if is_padding(text) => ("B.2", "padding after the request".into()),
            text if !text.contains(&b':') => ("B.4", "a header without a colon".into()),
            text if starts_with(text, "Post:") => {
                ("B.4", "a misspelt `Port`, which servers without compatibility do not know".into())
            }
            text => meanings::of_header_line(text),
        };
        out.push(Kind::Line(Side::Client, line.to_vec()), section, meaning);
    }
    let has_lf = lines.iter().any(|line| line.ends_with(b"\n") && !line.ends_with(b"\r\n"));
    let mut decoded = RequestDecoder::<Q>::new().decode(bytes);
    if matches!(decoded, Ok(None)) {
        without_empty_line(bytes, out);
        decoded = RequestDecoder::<Q>::new().decode(&completed(bytes)).map(|_| None);
    }
    match decoded {
        // The grammar, or section 3.5.
        Ok(Some((_, used))) if used == bytes.len() => {
            if has_lf {
                out.push(Kind::Form, "3.5", "lines end with LF; the grammar has CRLF");
            }
        }
        Ok(Some(_)) => {
            out.push(Kind::Form, "B.2", "more than the empty line at the end of the request")
        }
        Ok(None) => {}
        Err(error) => {
            out.push(Kind::Fault, error.fault.section, fault_text(bytes, &error));
            let section =
                if bytes.first().is_some_and(u8::is_ascii_alphabetic) { "B.4" } else { "B.3" };
            let read = written.trim_end().replace("\r\n", "; ");
            out.push(Kind::Form, section, format!("compatibility mode reads it as `{read}`"));
        }
    }
    Awaited { name, form }
}

/// Explains the end of a request that has no empty line.
fn without_empty_line(bytes: &[u8], out: &mut Out<'_>) {
    if before_end_line(bytes).is_some() {
        let text = "expected an empty line at the end of the request, found `END`";
        out.push(Kind::Fault, "3.1", text);
        let text =
            "compatibility mode ends the request there; other servers wait for the empty line";
        return out.push(Kind::Form, "B.2", text);
    }
    let end = match bytes.ends_with(b"\n") {
        true => "no empty line at the end of the request",
        false => "no line end and no empty line at the end of the request",
    };
    out.push(Kind::Form, "B.2", format!("{end}: only compatibility mode finds its end"));
}

/// What comes before a last line `END`.
fn before_end_line(bytes: &[u8]) -> Option<&[u8]> {
    let before = bytes.trim_ascii_end().strip_suffix(b"END")?;
    before.ends_with(b"\n").then_some(before)
}

/// A request with the empty line that it does not have.
fn completed(bytes: &[u8]) -> Vec<u8> {
    let bytes = before_end_line(bytes).unwrap_or(bytes);
    let end: &[u8] = if bytes.ends_with(b"\n") { b"\r\n" } else { b"\r\n\r\n" };
    [bytes, end].concat()
}

/// Explains a request that is not understood in any form.
pub(super) fn of_fault(bytes: &[u8], error: &DecodeError, out: &mut Out<'_>) {
    let DecodeError { line, fault, refusal, .. } = error;
    let expected = fault_text(bytes, error);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let at = (*line).clamp(1, lines.len().max(1));
    for (number, line) in (1..).zip(&lines) {
        let (section, meaning) = match line.trim_ascii() {
            b"" => ("3.1", "the end of the request".into()),
            b"END" => ("B.2", END_LINE.into()),
            _ if number == 1 => ("", "a request that is not understood".into()),
            text => meanings::of_header_line(text),
        };
        out.push(Kind::Line(Side::Client, line.to_vec()), section, meaning);
        if number == at {
            let code = Status::Refused(*refusal).code();
            let meaning = format!("{expected}; a server refuses it with {code}");
            out.push(Kind::Fault, fault.section, meaning);
        }
    }
}

/// What is expected, and what was found. All headers are named that are missing.
fn fault_text(bytes: &[u8], error: &DecodeError) -> String {
    let text = error.fault.description();
    let lines = bytes.split(|byte| *byte == b'\n').skip(1).map(<[u8]>::trim_ascii);
    let lines = lines.take_while(|line| !matches!(*line, b"" | b"END"));
    let names: Vec<&[u8]> =
        lines.map(|line| line.split(|byte| *byte == b':').next().unwrap_or(line)).collect();
    let is_missing = |name: &&&str| {
        !names.iter().any(|found| found.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
    };
    let missing: Vec<String> =
        required(bytes).iter().filter(is_missing).map(|name| format!("`{name}`")).collect();
    match missing.as_slice() {
        [_, _, ..] if error.fault.expected.starts_with("a header `") => {
            format!("{text}; missing: {}", missing.join(", "))
        }
        _ => text,
    }
}

/// The headers that a request must have.
fn required(request: &[u8]) -> &'static [&'static str] {
    let method = request.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    match method {
        b"ADD" => &["Host", "Port", "Title"],
        b"GET" => &["Host"],
        _ => &["Host", "Port"],
    }
}

fn starts_with(text: &[u8], start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start.as_bytes()))
}

fn is_padding(text: &[u8]) -> bool {
    let first = text.first();
    text.len() >= 8
        && text.iter().all(|byte| Some(byte) == first && matches!(byte, b'~' | b'!' | 0))
}
