//! Whether a request follows a rule (protocol.md sections 2.9, 3.1, 4 and 5.1).

use super::asked::Asked;
use super::exchange::{Operation, RequestRule};
use super::received::Received;
use crate::check::symptom::Symptom;
use crate::protocol::{Host, Port, RfcNumber, Title, VERSION};

/// How a request differs from the rule, and the text that was expected. `None`: it follows it, or the
/// rule does not concern it. `asked` is the operation that the request belongs to, and `title` the title of its RFC,
/// if they are known.
pub(super) fn difference(
    rule: RequestRule,
    received: &Received,
    asked: Option<&Asked>,
    title: Option<&str>,
) -> Option<(Symptom, String)> {
    if !concerns(rule, received.operation) {
        return None;
    }
    let fails = |is_right: bool, symptom, expected: &str| {
        (!is_right).then(|| (symptom, format!("...\r\n{expected}\r\n...")))
    };
    match rule {
        RequestRule::LineEnds => {
            let mut lines =
                received.text().split_inclusive('\n').filter(|line| line.ends_with('\n'));
            let is_right = lines.all(|line| line.ends_with("\r\n"));
            fails(is_right, Symptom::Form, "(each line ends with CRLF)")
        }
        RequestRule::End => {
            let plain = received.text().replace('\r', "");
            let symptom = match received.has_end_line() {
                true => Symptom::EndLine,
                false => Symptom::CutOff,
            };
            fails(plain.ends_with("\n\n"), symptom, "(an empty line)")
        }
        RequestRule::Words => {
            let (line, expected) = (words(received), expected_words(received, asked));
            let is_right = line == expected && !received.has_prefix();
            (!is_right).then(|| (Symptom::Form, format!("{expected} {VERSION}\r\n...")))
        }
        RequestRule::Version => {
            let last = received.line().split_whitespace().next_back();
            (last != Some(VERSION)).then(|| {
                let words = expected_words(received, asked);
                (Symptom::Missing, format!("{words} {VERSION}\r\n..."))
            })
        }
        RequestRule::Number => {
            let found = received.line().split_whitespace().nth(2);
            let found = found.filter(|word| word.parse::<RfcNumber>().is_ok());
            let number = received.number().unwrap_or_default();
            // A number that is not a word of its own is a matter of the request line.
            let is_word = received.line().split_whitespace().nth(1) == Some("RFC");
            let is_right = !is_word || found.is_some();
            let method = received.operation.map_or("", Operation::method);
            (!is_right).then(|| (Symptom::Form, format!("{method} RFC {number} {VERSION}\r\n...")))
        }
        RequestRule::HeaderForm => {
            let is_right = |line: &str| {
                line.split_once(": ").is_some_and(|(name, value)| {
                    !name.is_empty()
                        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                        && !value.starts_with(' ')
                        && !value.ends_with(' ')
                }) || line.ends_with(':') && !line.contains(' ')
            };
            // An empty title leaves a blank after its colon.
            let is_right = received.header_lines().all(|line| {
                is_right(line) || line.strip_suffix(": ").is_some_and(|name| !name.contains(' '))
            });
            fails(is_right, Symptom::Form, "Name: value")
        }
        RequestRule::HeaderOnce => {
            let is_twice = ["Host", "Port", "Title", "OS"]
                .into_iter()
                .find(|name| received.values(name).count() > 1);
            is_twice.map(|name| (Symptom::Surplus, format!("({name} once)")))
        }
        RequestRule::Host => {
            let host = received.value("Host").filter(|host| host.parse::<Host>().is_ok());
            fails(host.is_some(), Symptom::Missing, "Host: ...")
        }
        RequestRule::Port => {
            let is_port = |port: &str| port.parse::<Port>().is_ok();
            let is_right = received.value("Port").is_some_and(is_port);
            let is_misspelt = received.port().is_some_and(is_port);
            let symptom = if is_misspelt { Symptom::Form } else { Symptom::Missing };
            fails(is_right, symptom, "Port: ...")
        }
        RequestRule::Title => {
            let found = received.value("Title").filter(|title| title.parse::<Title>().is_ok());
            let is_right = found.is_some() && title.is_none_or(|title| found == Some(title));
            fails(is_right, Symptom::Missing, &format!("Title: {}", title.unwrap_or("...")))
        }
        RequestRule::Os => fails(received.value("OS").is_some(), Symptom::Missing, "OS: ..."),
        RequestRule::SameEndpoint
        | RequestRule::NothingElse
        | RequestRule::StaysConnected
        | RequestRule::PortListens => None,
    }
}

/// Whether a rule concerns a request; it does not apply to other operations.
pub(super) fn concerns(rule: RequestRule, operation: Option<Operation>) -> bool {
    let is_index = operation.is_some_and(|operation| operation != Operation::Get);
    match rule {
        RequestRule::Title | RequestRule::StaysConnected | RequestRule::PortListens => {
            operation == Some(Operation::Add)
        }
        RequestRule::Os => operation == Some(Operation::Get),
        RequestRule::Port | RequestRule::SameEndpoint => is_index,
        RequestRule::Number => is_index && operation != Some(Operation::List),
        RequestRule::Host | RequestRule::HeaderForm | RequestRule::HeaderOnce => {
            operation.is_some()
        }
        RequestRule::LineEnds
        | RequestRule::End
        | RequestRule::Words
        | RequestRule::Version
        | RequestRule::NothingElse => true,
    }
}

/// The request line without its version. Numbers and versions have rules of their own.
fn words(received: &Received) -> String {
    let line = received.line();
    let is_version = |word: &&str| word.starts_with("P2P-CI") || word.contains('.');
    match line.rsplit_once(' ').filter(|(_, last)| is_version(last)) {
        Some((words, _)) => words.into(),
        None => line.trim_end_matches(' ').into(),
    }
}

fn expected_words(received: &Received, asked: Option<&Asked>) -> String {
    let operation = received.operation.or(asked.map(|asked| asked.operation));
    match operation {
        Some(Operation::List) => "LIST ALL".into(),
        Some(operation) => {
            let word = received.line().split_whitespace().nth(2).unwrap_or_default();
            let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
            // Leading zeros are a matter of another rule.
            let number = match (is_number, received.number()) {
                (true, _) => word.into(),
                (false, Some(number)) => number.to_string(),
                (false, None) => asked.map_or(1, |asked| asked.number).to_string(),
            };
            format!("{} RFC {number}", operation.method())
        }
        None => "ADD RFC 1".into(),
    }
}
