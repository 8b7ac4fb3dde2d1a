//! The lines of a request that was sent as a value of Python's pickle module (protocol.md appendix B.3).

use super::header_names::{HEADERS, header};
use super::pickle::Value;
use super::request_line::split_version;
use super::vocabulary::{METHODS, header_line};
use crate::protocol::VERSION;

/// The lines of a request that was sent as a value of Python.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(text_of_item).collect();
            lines_of(&items?)
        }
        Value::Dictionary(pairs) => {
            let mut flat = Vec::new();
            for (key, value) in pairs {
                match value {
                    Value::Dictionary(headers) => flat.extend(texts_of_pairs(headers)?),
                    _ => flat.push((text_of_word(key)?, text_of_item(value)?)),
                }
            }
            lines_of_pairs(&flat)
        }
    }
}

fn text_of_word(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::List(_) | Value::Dictionary(_) => None,
    }
}

fn texts_of_pairs(pairs: &[(Value, Value)]) -> Option<Vec<(String, String)>> {
    let pairs = pairs.iter().map(|(key, value)| Some((text_of_word(key)?, text_of_word(value)?)));
    pairs.collect()
}

/// A value in a list: a text, the words of a line, a header and its value, or headers in a dictionary.
fn text_of_item(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::List(words) => {
            let words: Option<Vec<String>> = words.iter().map(text_of_word).collect();
            Some(words?.join(" "))
        }
        Value::Dictionary(pairs) => {
            let lines = texts_of_pairs(pairs)?;
            let lines: Vec<String> =
                lines.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            Some(lines.join("\n"))
        }
    }
}

/// A list is either lines, or the words of the request line and then lines. The words reach to the version; without
/// one, to the first header.
fn lines_of(items: &[String]) -> Option<String> {
    let ends_line = |item: &String| !split_version(item).1.is_empty();
    let is_header = |item: &String| !header(item).0.is_empty();
    let is_method = |item: &String| {
        let word = item.split_ascii_whitespace().next().unwrap_or_default();
        METHODS.iter().any(|known| known.eq_ignore_ascii_case(word))
    };
    let count = match items.iter().position(ends_line) {
        Some(last) => last + 1,
        None if items.first().is_some_and(is_method) => {
            items.iter().position(is_header).unwrap_or(items.len())
        }
        None => return None,
    };
    let (request_line, headers) = items.split_at(count);
    let mut text = request_line.join(" ");
    if headers.iter().any(is_header) || headers.len() < 2 {
        return Some(format!("{text}\n{}\n", headers.join("\n")));
    }
    // Values without names are in the order of the handout.
    let is_get = text.get(..3).is_some_and(|method| method.eq_ignore_ascii_case("GET"));
    let names: &[&str] = if is_get { &["Host", "OS"] } else { &["Host", "Port", "Title"] };
    text.push('\n');
    for (name, value) in names.iter().zip(headers) {
        text.push_str(&header_line(name, value));
    }
    Some(text)
}

/// A dictionary has the method, the document, and the headers under their names.
fn lines_of_pairs(pairs: &[(String, String)]) -> Option<String> {
    let value = |names: &[&str]| {
        let is = |key: &str| names.iter().any(|name| name.eq_ignore_ascii_case(key));
        pairs.iter().find(|(key, _)| is(key)).map(|(_, value)| value.as_str())
    };
    let method = value(&["method", "type", "command", "request"])?;
    let document =
        value(&["rfc", "number", "rfc_number", "rfcnumber", "rfc_no"]).unwrap_or_default();
    let version = value(&["version"]).unwrap_or(VERSION);
    let mut text = format!("{method} {document} {version}\n");
    for (name, _) in HEADERS {
        if let Some(value) = value(&[name]) {
            text.push_str(&header_line(name, value));
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_python_become_lines() {
        let text = |text: &str| Value::Text(text.into());
        let list = ["ADD", "RFC", "1", "P2P-CI/1.0", "Host: h", "Port: 1", "Title: t"];
        let lines = "ADD RFC 1 P2P-CI/1.0\nHost: h\nPort: 1\nTitle: t\n";
        assert_eq!(text_of(&Value::List(list.map(text).to_vec())).as_deref(), Some(lines));
        let pairs = [("Method", "ADD"), ("RFC", "1"), ("host", "h"), ("port", "1"), ("title", "t")];
        let dictionary =
            Value::Dictionary(pairs.map(|(key, value)| (text(key), text(value))).to_vec());
        let lines = "ADD 1 P2P-CI/1.0\nHost: h\r\nPort: 1\r\nTitle: t\r\n";
        assert_eq!(text_of(&dictionary).as_deref(), Some(lines));
        let header = |name, value| Value::List(vec![text(name), text(value)]);
        let words = Value::List(vec![text("ADD"), text("RFC"), text("1"), text("P2P-CI/1.0")]);
        let headers = || vec![(text("Host"), text("h")), (text("Port"), text("1"))];
        let nested = Value::List(vec![words, header("Host", "h"), header("Port:", "1")]);
        assert_eq!(text_of(&nested).as_deref(), Some("ADD RFC 1 P2P-CI/1.0\nHost h\nPort: 1\n"));
        let nested = Value::List(vec![text("LIST"), text("ALL"), Value::Dictionary(headers())]);
        assert_eq!(text_of(&nested).as_deref(), Some("LIST ALL\nHost: h\nPort: 1\n"));
        let nested = Value::Dictionary(vec![
            (text("method"), text("LOOKUP")),
            (text("rfc"), text("7")),
            (text("headers"), Value::Dictionary(headers())),
        ]);
        let lines = "LOOKUP 7 P2P-CI/1.0\nHost: h\r\nPort: 1\r\n";
        assert_eq!(text_of(&nested).as_deref(), Some(lines));
        assert_eq!(text_of(&Value::List(vec![text("hello")])), None);
        let values = ["ADD", "7", "P2P-CI/1.0", "h", "1", "A title"];
        let lines = "ADD 7 P2P-CI/1.0\nHost: h\r\nPort: 1\r\nTitle: A title\r\n";
        assert_eq!(text_of(&Value::List(values.map(text).to_vec())).as_deref(), Some(lines));
        let deep = Value::List(vec![text("LIST"), Value::List(vec![Value::List(Vec::new())])]);
        assert_eq!(text_of(&deep), None);
    }
}
