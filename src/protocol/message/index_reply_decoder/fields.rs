//! The fields of rows that are no records of the grammar: their names, and a record of them.

use std::net::IpAddr;

use crate::protocol::{Document, Endpoint, Host, Port, Record};

/// What a field says of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Field {
    Number,
    Title,
    Host,
    Port,
}

/// The names of the fields in other programs, in lower case and without other characters than letters.
const NAMES: [(Field, &[&str]); 4] = [
    (Field::Number, &["rfc", "rfcnumber", "rfcno", "rfcnum", "rfcid", "number", "no"]),
    (Field::Title, &["title", "rfctitle", "rfcname"]),
    (
        Field::Host,
        &[
            "host",
            "hostname",
            "peer",
            "peerhost",
            "peerhostname",
            "peername",
            "client",
            "clienthost",
            "clienthostname",
            "address",
            "ip",
            "ipaddress",
            "peerip",
            "hostaddress",
        ],
    ),
    (
        Field::Port,
        &[
            "port",
            "portnumber",
            "portno",
            "uploadport",
            "uploadportnumber",
            "peerport",
            "clientport",
        ],
    ),
];

/// The longest name of a field, with blanks and other characters.
const LONGEST_NAME: usize = 32;

impl Field {
    /// The field with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        if name.len() > LONGEST_NAME {
            return None;
        }
        let letters = name.chars().filter(char::is_ascii_alphabetic);
        let plain: String = letters.map(|c| c.to_ascii_lowercase()).collect();
        let is_plain = name.chars().all(|c| c.is_ascii_alphabetic() || " _-.".contains(c));
        let has_name = |(_, names): &&(Self, &[&str])| names.contains(&plain.as_str());
        NAMES.iter().find(has_name).filter(|_| is_plain).map(|(field, _)| *field)
    }
}

/// The fields of a record that have been found by their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    number: Option<String>,
    title: Option<String>,
    host: Option<String>,
    port: Option<String>,
}

impl Fields {
    fn place(&mut self, field: Field) -> &mut Option<String> {
        match field {
            Field::Number => &mut self.number,
            Field::Title => &mut self.title,
            Field::Host => &mut self.host,
            Field::Port => &mut self.port,
        }
    }

    /// Sets a field; returns whether it was not set before.
    pub(super) fn set(&mut self, field: Field, value: &str) -> bool {
        let place = self.place(field);
        let is_new = place.is_none();
        place.get_or_insert_with(|| value.to_string());
        is_new
    }

    pub(super) fn is_empty(&self) -> bool {
        [&self.number, &self.title, &self.host, &self.port].iter().all(|field| field.is_none())
    }

    pub(super) fn has_number(&self) -> bool {
        self.number.is_some()
    }

    /// Whether all fields of a record are set.
    pub(super) fn are_all(&self) -> bool {
        [&self.number, &self.title, &self.host, &self.port].iter().all(|field| field.is_some())
    }

    /// The record; the title may be missing, and the host may contain the port.
    pub(super) fn record(&self) -> Option<Record> {
        let (number, host) = (self.number.as_deref()?, self.host.as_deref()?);
        let (host, port) = match self.port.as_deref() {
            Some(port) => (host, port),
            None => split_port(host)?,
        };
        record_of(number, self.title.as_deref().unwrap_or_default(), host, port)
    }

    /// What was found, for a message.
    pub(super) fn describe(&self) -> String {
        let named = [
            ("number", &self.number),
            ("title", &self.title),
            ("host", &self.host),
            ("port", &self.port),
        ];
        let found = named.iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        found.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ")
    }
}

/// The host and the port of `host:port`.
pub(super) fn split_port(endpoint: &str) -> Option<(&str, &str)> {
    let (host, port) = endpoint.rsplit_once(':')?;
    (!host.contains(':') && !host.is_empty()).then_some((host, port))
}

/// The digits of a number such as `7`, `007`, `RFC 7` or `RFC-7`.
pub(super) fn number(text: &str) -> Option<&str> {
    let text = text.trim();
    let name = text.get(..3).filter(|name| name.eq_ignore_ascii_case("RFC"));
    let digits = match name {
        Some(name) => text.strip_prefix(name)?.trim_start_matches([' ', ':', '-', '#', '_']),
        None => text,
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.trim_start_matches('0'))
}

/// A record of these fields.
pub(super) fn record_of(digits: &str, title: &str, host: &str, port: &str) -> Option<Record> {
    let document = Document::from_words("RFC", number(digits)?).ok()?;
    let holder =
        Endpoint { host: host.trim().parse().ok()?, port: port.trim().parse::<Port>().ok()? };
    let record = Record { document, title: title.trim().parse().ok()?, holder };
    is_plausible_host(&record.holder.host).then_some(record)
}

/// Whether this is a name or an address. In rows of other forms another field, or a character between two
/// fields, can be where the grammar has the host.
pub(super) fn is_plausible_host(host: &Host) -> bool {
    let host = host.as_str();
    let is_name_char = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
    host.parse::<IpAddr>().is_ok()
        || (host.chars().any(char::is_alphabetic)
            && host.chars().all(is_name_char)
            && !host.ends_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields() {
        for (name, field) in [
            ("RFC Number", Some(Field::Number)),
            ("rfc_number", Some(Field::Number)),
            ("Title", Some(Field::Title)),
            ("Hostname", Some(Field::Host)),
            ("peerPort", Some(Field::Port)),
            ("Upload Port Number", Some(Field::Port)),
            ("Date", None),
            ("", None),
            ("host 1", None),
            ("h o s t h o s t h o s t h o s t h o s t", None),
        ] {
            assert_eq!(Field::named(name), field, "{name:?}");
        }
    }

    #[test]
    fn a_record_of_fields() {
        let fields = |pairs: &[(Field, &str)]| {
            let mut fields = Fields::default();
            pairs.iter().for_each(|(field, value)| assert!(fields.set(*field, value)));
            fields.record().map(|record| record.to_string())
        };
        use Field::{Host, Number, Port, Title};
        for (pairs, record) in [
            (&[(Number, "RFC 007"), (Title, "A b"), (Host, "h"), (Port, "5")][..], "RFC 7 A b h 5"),
            (&[(Host, "::1"), (Number, "7"), (Port, "5")], "RFC 7  ::1 5"),
            (&[(Number, "7"), (Host, "h:5")], "RFC 7  h 5"),
        ] {
            assert_eq!(fields(pairs).as_deref(), Some(record));
        }
        for pairs in [
            &[(Number, "7"), (Title, "A")][..],
            &[(Number, "7"), (Host, "5678"), (Port, "5")],
            &[(Number, "7"), (Host, "|"), (Port, "5")],
            &[(Number, "x"), (Host, "h"), (Port, "5")],
            &[(Number, "7"), (Host, "h"), (Port, "0")],
            &[(Number, "000"), (Host, "h"), (Port, "5")],
        ] {
            assert_eq!(fields(pairs), None, "{pairs:?}");
        }
    }
}
