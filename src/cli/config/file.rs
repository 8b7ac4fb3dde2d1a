//! Reading a configuration file. All mistakes are found, not only the first.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::iter;
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::error::Mistake;
use super::keys::{Form, Key};
use super::programs::Program;
use super::tables::{OF_PEER, SHARE, ShareTable, Tables, UPLOAD_LIMIT, UploadRate};
use crate::escape::excerpt;
use crate::toml_table::{Table, TomlError, all_or_mistakes, kind, parse};

/// Bytes of a file.
const MOST: u64 = 1024 * 1024;

/// A value of the file.
#[derive(Debug)]
pub(super) struct FileValue {
    /// The place of its key among the keys of the program.
    pub(super) key: usize,
    pub(super) line: usize,
    /// One text for each value; none for a flag that is `false`.
    pub(super) texts: Vec<FileText>,
}

/// A text of the file, with its line.
#[derive(Debug)]
pub(super) struct FileText {
    pub(super) line: usize,
    pub(super) text: OsString,
}

/// What a file sets.
#[derive(Debug, Default)]
pub(super) struct FileValues {
    pub(super) values: Vec<FileValue>,
    pub(super) tables: Tables,
    /// The lines on which these tables begin.
    pub(super) table_lines: Vec<(&'static str, usize)>,
    pub(super) mistakes: Vec<TomlError>,
}

/// Reads the text of a file.
///
/// # Errors
/// When it cannot be read, or is no text.
pub(super) fn text(file: &Path) -> Result<String, Mistake> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(file)?.take(MOST + 1).read_to_end(&mut bytes)?;
        match u64::try_from(bytes.len()) {
            Ok(length) if length <= MOST => Ok(bytes),
            _ => Err(io::Error::other(format!("expected at most {MOST} bytes, found more"))),
        }
    };
    let bytes = read().map_err(|error| Mistake::Unreadable { file: file.into(), error })?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let (before, rest) = error.as_bytes().split_at_checked(at).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let found = rest.first().map_or_else(String::new, |byte| format!("{byte:#04x}"));
        let mistake = format!("expected text in UTF-8, found the byte {found}");
        Mistake::InFile { file: file.into(), error: TomlError { line, mistake } }
    })
}

/// The values in the text of a file.
pub(super) fn values(program: Program, keys: &[Key], text: &str) -> FileValues {
    let mut found = FileValues::default();
    match parse(text) {
        Ok(file) => read_table(program, keys, Table::of_file(text, &file), "", &mut found),
        Err(error) => found.mistakes.push(error),
    }
    found
}

/// Reads a table, whose keys begin with `prefix`.
fn read_table(
    program: Program,
    keys: &[Key],
    table: Table<'_>,
    prefix: &str,
    found: &mut FileValues,
) {
    for (key, line, value) in table.entries() {
        let name = format!("{prefix}{key}");
        if let Some(table_name) = is_table_of(program, &name, value.get_ref()) {
            found.table_lines.push((table_name, line));
            read_tables(table_name, table, key, found);
            continue;
        }
        let is_prefix = prefix.is_empty()
            && names(program, keys).any(|known| known.starts_with(&format!("{name}.")));
        if is_prefix && value.get_ref().is_table() {
            match table.table(key) {
                Ok(Some(inner)) => {
                    read_table(program, keys, inner, &format!("{name}."), found);
                }
                Ok(None) => {}
                Err(error) => found.mistakes.push(error),
            }
            continue;
        }
        match keys.iter().enumerate().find(|(_, known)| known.name == name) {
            Some((key, known)) => match texts(known, table, value) {
                Ok(texts) => found.values.push(FileValue { key, line, texts }),
                Err(mistakes) => found.mistakes.extend(mistakes),
            },
            None => {
                let inner = table.table(key).ok().flatten();
                let mut inner = inner.iter().flat_map(Table::entries);
                let is_known = |name: &str| keys.iter().any(|known| known.name == name);
                let mistake = match inner.find(|(inner, ..)| is_known(inner)) {
                    Some((inner, ..)) => format!(
                        "unknown table {}; {} belongs to no table: write it before the first table",
                        excerpt(&name),
                        excerpt(inner)
                    ),
                    None => unknown(&name, names(program, keys)),
                };
                found.mistakes.push(TomlError { line, mistake });
            }
        }
    }
}

/// All names that a file may have.
fn names(program: Program, keys: &[Key]) -> impl Iterator<Item = &str> {
    let tables = OF_PEER.iter().filter(move |_| program == Program::Peer);
    keys.iter().map(|key| &*key.name).chain(tables.map(|table| table.name))
}

/// The table without an option that this value is.
fn is_table_of(program: Program, name: &str, value: &DeValue<'_>) -> Option<&'static str> {
    if program != Program::Peer {
        return None;
    }
    let is_tables = value
        .as_array()
        .is_some_and(|all| !all.is_empty() && all.iter().all(|one| one.get_ref().is_table()));
    match name {
        UPLOAD_LIMIT => Some(UPLOAD_LIMIT),
        SHARE if is_tables => Some(SHARE),
        _ => None,
    }
}

fn read_tables(name: &str, table: Table<'_>, key: &str, found: &mut FileValues) {
    let tables = match table.tables(key, name) {
        Ok(tables) => tables,
        Err(mistake) => return found.mistakes.push(mistake),
    };
    for one in tables {
        match name {
            UPLOAD_LIMIT => match UploadRate::read(one) {
                Ok(read) => match read.network_in(&found.tables.upload_rates) {
                    Some(network) => {
                        let mistake = one.error(format!("network {network} has a rate already"));
                        found.mistakes.push(mistake);
                    }
                    None => found.tables.upload_rates.push(read),
                },
                Err(mistakes) => found.mistakes.extend(mistakes),
            },
            _ => match ShareTable::read(one) {
                Ok(share) => match share.same_in(&found.tables.shares) {
                    Some(other) => {
                        let (path, other) = (excerpt(&*share.shown()), excerpt(&*other.shown()));
                        let is_shared = format!("path: {path} is the same directory as {other}");
                        let mistake = format!("{is_shared}, which is shared already");
                        found.mistakes.push(one.error(mistake));
                    }
                    None => found.tables.shares.push(share),
                },
                Err(mistake) => found.mistakes.push(mistake),
            },
        }
    }
}

/// The texts of a value, as the option has them, or all mistakes in it.
fn texts(
    key: &Key,
    table: Table<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<Vec<FileText>, Vec<TomlError>> {
    let read = |value: &Spanned<DeValue<'_>>| {
        let line = table.line_of(value);
        match text_of(key, value.get_ref()) {
            Ok(text) => Ok(FileText { line, text }),
            Err(mistake) => Err(TomlError { line, mistake: format!("{}: {mistake}", key.name) }),
        }
    };
    match (key.form, value.get_ref()) {
        (Form::Flag | Form::FlagOrOne, DeValue::Boolean(false)) => Ok(Vec::new()),
        (Form::Several, DeValue::Array(all)) => all_or_mistakes(all.iter().map(read)),
        _ => all_or_mistakes(iter::once(read(value))),
    }
}

fn text_of(key: &Key, value: &DeValue<'_>) -> Result<OsString, String> {
    let expected = match (key.form, value) {
        (Form::Flag | Form::FlagOrOne, DeValue::Boolean(true)) => return Ok("true".into()),
        (Form::Flag, _) => "true or false",
        (Form::One | Form::FlagOrOne | Form::Several, DeValue::String(text)) => {
            return Ok(text.as_ref().into());
        }
        (_, DeValue::Integer(number)) if key.permits_number() => {
            let digits = number.as_str().replace('_', "");
            return i128::from_str_radix(&digits, number.radix())
                .map(|number| number.to_string().into())
                .map_err(|_| format!("expected a smaller number, found {}", excerpt(&digits)));
        }
        (Form::Count, _) => "a number",
        (Form::FlagOrOne, _) => "true, false, or a text in quotes",
        _ if key.permits_number() => "a text in quotes, or a number",
        _ => "a text in quotes",
    };
    Err(format!("expected {expected}, found {}", kind(value)))
}

/// The message about a key that no program knows.
pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let found = excerpt(name);
    let known: Vec<&str> = known.collect();
    let similar = similar_name(name, known.iter().copied());
    // An option may be a key of a table: `--admin` is `admin.address`.
    let of_table = || {
        let is_of_it =
            |key: &&str| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        known.iter().copied().find(is_of_it)
    };
    match similar.or_else(of_table) {
        Some(other) => format!("unknown key {found}; did you mean `{other}`?"),
        None => format!("unknown key {found}"),
    }
}

/// The known name that is most similar, if one is.
pub(in crate::cli) fn similar_name<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let distance = |other: &&str| strsim::damerau_levenshtein(name, other);
    let most = (name.chars().count() / 3).max(1);
    known.min_by_key(distance).filter(|other| distance(other) <= most)
}
