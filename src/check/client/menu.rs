//! What is typed into a program for each operation.

use std::collections::BTreeMap;

use super::asked::Asked;
use super::exchange::Operation;
use crate::escape::excerpt;

/// The lines that are typed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Menu {
    /// The name of the file of an RFC that the program shares.
    pub(super) document: String,
    /// What is typed when the program has started.
    pub(super) start: String,
    typed: BTreeMap<Operation, String>,
}

/// The shell of the peer of this implementation.
const OWN: &str = "\
add: add {number} --title '{title}'
list: list
lookup: lookup {number}
get: get {number}
leave: exit
";

const DOCUMENT: &str = "rfc{number}.txt";
const OPERATIONS: [Operation; 5] =
    [Operation::Add, Operation::List, Operation::Lookup, Operation::Get, Operation::Leave];
/// The placeholders of the name of the document, of what is typed after the start, and for an operation.
const DOCUMENT_PLACEHOLDERS: [&str; 1] = ["{number}"];
pub(super) const START_PLACEHOLDERS: [&str; 4] = ["{host}", "{port}", "{dir}", "{number}"];
const PLACEHOLDERS: [&str; 4] = ["{number}", "{title}", "{host}", "{port}"];
/// Bytes of a menu. All that is typed into a program must fit into a pipe.
const LONGEST: usize = 2_048;

impl Menu {
    /// Reads lines `NAME: TEXT`. In the text `\n` ends a line, and `\\` is a backslash.
    ///
    /// # Errors
    /// When a line has another form, or comes twice.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("expected at most {LONGEST} bytes, found {}", text.len()));
        }
        let mut typed = BTreeMap::new();
        let (mut document, mut start) = (None, None);
        for (place, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |expected: &str| {
                let line = excerpt(line);
                Err(format!("line {}: expected {expected}, found {line}", place.saturating_add(1)))
            };
            let named = line.split_once(':').map(|(name, text)| (name.trim(), text.trim()));
            let Some((name, text)) = named else { return wrong("`NAME: TEXT`") };
            let Some(text) = unescaped(text) else {
                return wrong("`\\n` or `\\\\` after which no other letter is escaped");
            };
            let known: &[&str] = match name {
                "document" => &DOCUMENT_PLACEHOLDERS,
                "start" => &START_PLACEHOLDERS,
                _ => &PLACEHOLDERS,
            };
            if let Some(unknown) = unknown_placeholder(&text, known) {
                return wrong(&format!("{} in place of `{unknown}`", known.join(", ")));
            }
            let operation = OPERATIONS.into_iter().find(|operation| operation.name() == name);
            let earlier = match (name, operation) {
                ("document", _) => document.replace(text),
                ("start", _) => start.replace(text),
                (_, Some(operation)) => typed.insert(operation, text),
                (_, None) => {
                    return wrong("`document`, `start`, `add`, `list`, `lookup`, `get` or `leave`");
                }
            };
            if earlier.is_some() {
                return wrong("each name once");
            }
        }
        let document = document.unwrap_or_else(|| DOCUMENT.into());
        Ok(Self { document, start: start.unwrap_or_default(), typed })
    }

    /// What is typed for an operation, line by line. `None`: the program has no such operation.
    pub(super) fn lines(&self, asked: &Asked) -> Option<Vec<String>> {
        let text = self.typed.get(&asked.operation)?;
        let (host, port) = asked.host_and_port();
        let number = asked.number.to_string();
        let title = asked.title.as_deref().unwrap_or_default();
        let values = [number.as_str(), title, &host, &port];
        let values: Vec<(&str, &str)> = PLACEHOLDERS.into_iter().zip(values).collect();
        Some(filled(text, &values).lines().map(String::from).collect())
    }
}

impl Default for Menu {
    fn default() -> Self {
        let typed = OWN.lines().filter_map(|line| line.split_once(": "));
        let operation = |name| OPERATIONS.into_iter().find(|operation| operation.name() == name);
        Self {
            document: DOCUMENT.into(),
            start: String::new(),
            typed: typed.filter_map(|(name, text)| Some((operation(name)?, text.into()))).collect(),
        }
    }
}

/// The text with its placeholders replaced. Values are not searched for placeholders.
pub(super) fn filled(text: &str, values: &[(&str, &str)]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        match values.iter().find_map(|(name, value)| Some((rest.strip_prefix(name)?, value))) {
            Some((after, value)) => {
                result.push_str(value);
                rest = after;
            }
            None => {
                result.push(letter);
                rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            }
        }
    }
    result
}

/// A word of small letters in braces that is none of these placeholders. Variables of a shell are none: `${name}`.
pub(crate) fn unknown_placeholder<'a>(text: &'a str, known: &[&str]) -> Option<&'a str> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    text.match_indices('{').find_map(|(at, _)| {
        let (before, rest) = text.split_at_checked(at)?;
        let end = rest.find('}')?.checked_add(1)?;
        let (found, name) = (rest.get(..end)?, rest.get(1..end.checked_sub(1)?)?);
        let is_unknown = is_name(name) && !before.ends_with('$') && !known.contains(&found);
        is_unknown.then_some(found)
    })
}

fn unescaped(text: &str) -> Option<String> {
    let mut result = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        result.push(match letter {
            '\\' => match letters.next()? {
                'n' => '\n',
                '\\' => '\\',
                _ => return None,
            },
            other => other,
        });
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(operation: Operation) -> Asked {
        let (title, holder) = (Some("A {port}".into()), Some(([127, 0, 0, 1], 5).into()));
        Asked { operation, number: 7, title, holder }
    }

    #[test]
    fn operations_are_typed_value_by_value() {
        let text = "# a menu\n\nadd: 1\\n{number}\\n{title}\nget:{host}\\n{port} a\\\\b\nleave:\n";
        let menu = Menu::parse(text).unwrap();
        let lines = |operation| menu.lines(&asked(operation));
        let lines_of = |texts: &[&str]| Some(texts.iter().map(ToString::to_string).collect());
        assert_eq!(lines(Operation::Add), lines_of(&["1", "7", "A {port}"]));
        assert_eq!(lines(Operation::Get), lines_of(&["127.0.0.1", "5 a\\b"]));
        assert_eq!(lines(Operation::Leave), lines_of(&[]));
        assert_eq!(lines(Operation::List), None);
        assert_eq!(menu.document, DOCUMENT);
    }

    #[test]
    fn the_menu_of_our_peer_can_be_written_as_a_file() {
        assert_eq!(Menu::parse(OWN).unwrap(), Menu::default());
    }

    #[test]
    fn placeholders_are_words_in_braces() {
        let unknown = |text| unknown_placeholder(text, &["{host}"]);
        assert_eq!(unknown("{host}:{hos}"), Some("{hos}"));
        assert_eq!(unknown("{ host} ${hos} {A} {} {a b} {\"a\":1} {"), None);
    }

    #[test]
    fn faults_name_their_line() {
        for (text, mistake) in [
            ("add: 1\nadd: 2", "line 2: expected each name once, found `add: 2`"),
            ("\nadd 1", "line 2: expected `NAME: TEXT`, found `add 1`"),
            ("remove: 1", "line 1: expected `document`, `start`"),
            ("add: \\t", "line 1: expected `\\n`"),
            (
                "list: 3\nget: {numer}",
                "line 2: expected {number}, {title}, {host}, {port} in place of `{numer}`",
            ),
            ("document: {title}", "expected {number} in place of `{title}`"),
            (&"#".repeat(2_049), "expected at most 2048 bytes, found 2049"),
        ] {
            let error = Menu::parse(text).unwrap_err();
            assert!(error.contains(mistake), "{error}");
        }
    }
}
