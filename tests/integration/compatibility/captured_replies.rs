//! The replies of the index servers of captures, as templates.

use crate::common::captures::{self, Event};

/// The replies of a program. `{N}`, `{T}`, `{H}` and `{P}` stand for number, title, host and port.
#[derive(Clone, Debug)]
pub(crate) struct Replies {
    /// The bytes before the rows of a list, a row, and the bytes after the rows.
    pub(crate) list: [String; 3],
    pub(crate) found: [String; 3],
    pub(crate) empty_list: String,
    pub(crate) none: String,
    pub(crate) add: String,
    /// To what it does not understand.
    pub(crate) refusal: String,
}

/// A document of an ADD, and its holder.
#[derive(Clone)]
pub(crate) struct Added {
    pub(crate) number: String,
    pub(crate) title: String,
    pub(crate) host: String,
    pub(crate) port: String,
}

impl Added {
    /// The document of an ADD.
    pub(crate) fn of(request: &str) -> Self {
        let mut words = request.lines().next().unwrap_or_default().split(' ').rev();
        let number = words.nth(1).unwrap_or_default().to_string();
        let [host, port, title] = ["host", "po", "title"].map(|name| header(request, name));
        Self { number, title, host, port }
    }

    /// A row with places for the values of this document, if it is of it.
    fn template(&self, row: &str) -> Option<String> {
        let is_of_it = row.contains(&self.title) && row.contains(&self.port);
        let row = row.replacen(&self.title, "{T}", 1).replacen(&self.host, "{H}", 1);
        let row = row.replacen(&self.port, "{P}", 1).replacen(&self.number, "{N}", 1);
        is_of_it.then_some(row)
    }

    pub(crate) fn trimmed(self) -> Self {
        let [number, title, host, port] = [self.number, self.title, self.host, self.port]
            .map(|value| value.trim_end().to_string());
        Self { number, title, host, port }
    }

    pub(crate) fn fill(&self, template: &str) -> String {
        let filled = template.replace("{N}", &self.number).replace("{T}", &self.title);
        filled.replace("{H}", &self.host).replace("{P}", &self.port)
    }
}

/// The value of the first header whose name begins so.
pub(crate) fn header(request: &str, name: &str) -> String {
    let is_it = |line: &&str| line.trim_start().to_ascii_lowercase().starts_with(name);
    let line = request.split('\n').skip(1).find(is_it).unwrap_or_default();
    let (_, value) = line.split_once(':').unwrap_or_default();
    // A server that reads lines to LF keeps the carriage return.
    value.trim_start().to_string()
}

impl Replies {
    /// Replies with this line end, and with these empty lines.
    pub(crate) fn with(line_end: &str, after_status: bool, at_end: bool) -> Self {
        let if_so = |has: bool| if has { line_end } else { "" };
        let status = |status: &str| format!("P2P-CI/1.0 {status}{line_end}");
        let before = status("200 OK") + if_so(after_status);
        let row = format!("RFC {{N}} {{T}} {{H}} {{P}}{line_end}");
        let list = [before.clone(), row.clone(), if_so(at_end).to_string()];
        Self {
            found: list.clone(),
            empty_list: status("404 Not Found") + if_so(at_end),
            none: status("404 Not Found") + if_so(at_end),
            add: before + &row + if_so(at_end),
            refusal: status("400 Bad Request") + if_so(at_end),
            list,
        }
    }

    /// The same with these bytes after each reply.
    pub(crate) fn ended_by(self, end: &str) -> Self {
        let after = |reply: String| reply + end;
        let rows = |[before, row, rest]: [String; 3]| [before, row, after(rest)];
        Self {
            list: rows(self.list),
            found: rows(self.found),
            empty_list: after(self.empty_list),
            none: after(self.none),
            add: after(self.add),
            refusal: after(self.refusal),
        }
    }

    /// The replies of a capture.
    pub(crate) fn of_capture(text: &str) -> Self {
        let mut known: Vec<Added> = Vec::new();
        let (mut list, mut found, mut add) = (None, None, None);
        let (mut empty_list, mut none) = (None, None);
        for (request, reply) in exchanges(text) {
            let first = request.lines().next().unwrap_or_default();
            if first.starts_with("ADD") {
                known.push(Added::of(&request).trimmed());
            }
            let rows = rows(&reply, &known);
            let place = match (first.split(' ').next(), &rows) {
                (Some("ADD"), _) => {
                    add.get_or_insert(rows.map_or(reply, |rows| rows.concat()));
                    continue;
                }
                (Some("LIST"), Some(_)) => &mut list,
                (Some("LOOKUP"), Some(_)) => &mut found,
                (Some("LIST"), None) => {
                    empty_list.get_or_insert(reply);
                    continue;
                }
                (Some("LOOKUP"), None) => {
                    none.get_or_insert(reply);
                    continue;
                }
                _ => continue,
            };
            if let (None, Some(rows)) = (&place, rows) {
                *place = Some(rows);
            }
        }
        let unknown = || [text_of_b(text), String::new(), String::new()];
        let list: [String; 3] = list.unwrap_or_else(unknown);
        let line_end = if list[0].contains("\r\n") { "\r\n" } else { "\n" };
        Self {
            found: found.unwrap_or_else(|| list.clone()),
            empty_list: empty_list.unwrap_or_else(|| format!("{}{}", list[0], list[2])),
            none: none.unwrap_or_default(),
            add: add.unwrap_or_default(),
            refusal: format!("P2P-CI/1.0 400 Bad Request{line_end}{}", list[2]),
            list,
        }
    }
}

/// The list of a program whose rows are not recognized, as it is.
fn text_of_b(text: &str) -> String {
    exchanges(text).into_iter().map(|(_, reply)| reply).find(|reply| !reply.is_empty()).unwrap()
}

/// The bytes before the rows of documents, the first row as a template, and the bytes after them.
fn rows(reply: &str, known: &[Added]) -> Option<[String; 3]> {
    let template = |line: &str| known.iter().find_map(|added| added.template(line));
    let lines: Vec<&str> = reply.split_inclusive('\n').collect();
    let first = lines.iter().position(|line| template(line).is_some())?;
    let last = lines.iter().rposition(|line| template(line).is_some())?;
    Some([lines[..first].concat(), template(lines[first])?, lines[last + 1..].concat()])
}

/// The requests to the index server of a capture, each with its reply, which may be empty.
fn exchanges(text: &str) -> Vec<(String, String)> {
    let lines: Vec<_> = captures::lines(text).flatten().collect();
    let index_port = lines.first().unwrap().port;
    let mut all: Vec<(&str, String, String)> = Vec::new();
    for line in lines.iter().filter(|line| line.port == index_port) {
        let Event::Bytes { from_client, bytes, .. } = &line.event else { continue };
        let bytes = String::from_utf8_lossy(bytes);
        let last = all.iter_mut().rev().find(|(stream, ..)| *stream == line.stream);
        let begins = ["ADD ", "LIST ", "LOOKUP "].iter().any(|word| bytes.starts_with(word));
        match (from_client, last) {
            (true, Some((_, request, reply))) if reply.is_empty() && !begins => *request += &bytes,
            (true, _) => all.push((line.stream, bytes.into(), String::new())),
            (false, Some((_, _, reply))) => *reply += &bytes,
            (false, None) => {}
        }
    }
    all.into_iter().map(|(_, request, reply)| (request, reply)).collect()
}
