//! Reading a configuration file. All mistakes are found, not only the first.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml::de::DeValue;

use super::error::Mistake;
use super::keys::{Form, Key};
use super::programs::Program;
use super::tables::{OF_PEER, SHARE, ShareTable, Tables, UPLOAD_LIMIT, UploadRate};
use crate::escape::excerpt;
use crate::toml_table::{Table, TomlError, kind, parse};

/// Bytes of a file.
const MOST: u64 = 1024 * 1024;

/// A value of the file.
#[derive(Debug)]
pub(super) struct FileValue {
    /// The place of its key among the keys of the program.
    pub(super) key: usize,
    pub(super) line: usize,
    /// One text for each value; none for a flag that is `false`.
    pub(super) texts: Vec<OsString>,
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
        let mut text = String::new();
        File::open(file)?.take(MOST + 1).read_to_string(&mut text)?;
        match u64::try_from(text.len()) {
            Ok(length) if length <= MOST => Ok(text),
            _ => Err(io::Error::other(format!("expected at most {MOST} bytes, found more"))),
        }
    };
    read().map_err(|error| Mistake::Unreadable { file: file.into(), error })
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
        if let Some(table_name) = is_table_of(program, &name, value) {
            found.table_lines.push((table_name, line));
            let read = read_tables(table_name, table, key, &mut found.tables);
            found.mistakes.extend(read.err());
            continue;
        }
        let is_prefix = prefix.is_empty()
            && names(program, keys).any(|known| known.starts_with(&format!("{name}.")));
        if is_prefix && value.is_table() {
            match table.table(key) {
                Ok(Some(inner)) => {
                    read_table(program, keys, inner, &format!("{name}."), found);
                }
                Ok(None) => {}
                Err(error) => found.mistakes.push(error),
            }
            continue;
        }
        match keys.iter().position(|known| known.name == name) {
            Some(key) => match keys.get(key).map(|known| texts(known.form, value)) {
                Some(Ok(texts)) => found.values.push(FileValue { key, line, texts }),
                Some(Err(mistake)) => {
                    let mistake = format!("{name}: {mistake}");
                    found.mistakes.push(TomlError { line, mistake });
                }
                None => {}
            },
            None => {
                let mistake = unknown(&name, names(program, keys));
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

fn read_tables(
    name: &str,
    table: Table<'_>,
    key: &str,
    tables: &mut Tables,
) -> Result<(), TomlError> {
    for one in table.tables(key, name)? {
        match name {
            UPLOAD_LIMIT => {
                let read = UploadRate::read(one)?;
                if let Some(network) = read.network_in(&tables.upload_rates) {
                    return Err(one.error(format!("network {network} has a rate already")));
                }
                tables.upload_rates.push(read);
            }
            _ => tables.shares.push(ShareTable::read(one)?),
        }
    }
    Ok(())
}

/// The texts of a value, as the option has them.
fn texts(form: Form, value: &DeValue<'_>) -> Result<Vec<OsString>, String> {
    match (form, value) {
        (Form::Flag, DeValue::Boolean(true)) => Ok(vec!["true".into()]),
        (Form::Flag, DeValue::Boolean(false)) => Ok(Vec::new()),
        (Form::Flag, _) => Err(format!("expected true or false, found {}", kind(value))),
        (Form::Several, DeValue::Array(all)) => {
            all.iter().map(|one| text_of(one.get_ref())).collect()
        }
        (Form::Count, DeValue::Integer(_)) => text_of(value).map(|text| vec![text]),
        (Form::Count, _) => Err(format!("expected a number, found {}", kind(value))),
        (Form::One | Form::Several, _) => text_of(value).map(|text| vec![text]),
    }
}

fn text_of(value: &DeValue<'_>) -> Result<OsString, String> {
    match value {
        DeValue::String(text) => Ok(text.as_ref().into()),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            i128::from_str_radix(&digits, number.radix())
                .map(|number| number.to_string().into())
                .map_err(|_| format!("expected a smaller number, found {}", excerpt(&digits)))
        }
        _ => Err(format!("expected a text in quotes, or a number, found {}", kind(value))),
    }
}

/// The message about a key that no program knows.
pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let distance = |other: &&str| strsim::damerau_levenshtein(name, other);
    let nearest = known.min_by_key(distance);
    let most = (name.chars().count() / 3).max(1);
    let found = excerpt(name);
    match nearest.filter(|other| distance(other) <= most) {
        Some(other) => format!("unknown key {found}; did you mean `{other}`?"),
        None => format!("unknown key {found}"),
    }
}
