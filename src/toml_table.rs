//! Tables of a TOML file, whose values are read with the lines of their mistakes.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::escape::{escaped, excerpt};

/// A mistake in a file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {mistake}")]
pub(crate) struct TomlError {
    pub(crate) line: usize,
    pub(crate) mistake: String,
}

/// A table of a file.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    text: &'a str,
    values: &'a DeTable<'a>,
    begins_at: usize,
}

impl<'a> Table<'a> {
    /// The keys and values of this table, with the tables within it, and their lines.
    pub(crate) fn entries(
        &self,
    ) -> impl Iterator<Item = (&'a str, usize, &'a Spanned<DeValue<'a>>)> {
        let text = self.text;
        self.values
            .iter()
            .map(move |(key, value)| (&**key.get_ref(), line_of(text, key.span().start), value))
    }

    /// The table of a whole file.
    pub(crate) fn of_file(text: &'a str, file: &'a Spanned<DeTable<'a>>) -> Self {
        Self { text, values: file.get_ref(), begins_at: 0 }
    }

    /// A mistake at a place of the file.
    fn error_at(&self, span: Range<usize>, mistake: impl Into<String>) -> TomlError {
        error(self.text, span.start, mistake)
    }

    /// A mistake of the whole table.
    pub(crate) fn error(&self, mistake: impl Into<String>) -> TomlError {
        error(self.text, self.begins_at, mistake)
    }

    /// A mistake of a value.
    pub(crate) fn error_of(&self, key: &str, mistake: impl Into<String>) -> TomlError {
        let at = self.values.get(key).map_or(self.begins_at, |value| value.span().start);
        error(self.text, at, format!("{key}: {}", mistake.into()))
    }

    /// Checks that the table has no other keys.
    pub(crate) fn expect_keys(&self, keys: &[&str]) -> Result<(), TomlError> {
        let unknown = self.values.keys().find(|key| !keys.contains(&&**key.get_ref()));
        unknown.map_or(Ok(()), |key| {
            let found = escaped(key.get_ref().as_bytes());
            let mistake = format!("unknown key `{found}`; expected one of `{}`", keys.join("`, `"));
            Err(self.error_at(key.span(), mistake))
        })
    }

    /// A value that `read` understands; otherwise it returns what was expected.
    fn value<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, String>,
    ) -> Result<Option<T>, TomlError> {
        let Some(value) = self.values.get(key) else { return Ok(None) };
        read(value.get_ref()).map(Some).map_err(|mistake| self.error_of(key, mistake))
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, TomlError> {
        self.value(key, text)
    }

    /// A text that must be there.
    pub(crate) fn needed(&self, key: &str) -> Result<&'a str, TomlError> {
        self.text(key)?
            .ok_or_else(|| self.error(format!("expected `{key} = \"…\"`, found no {key}")))
    }

    pub(crate) fn flag(&self, key: &str) -> Result<bool, TomlError> {
        let flag = self.value(key, |value| {
            value.as_bool().ok_or_else(|| format!("expected true or false, found {}", kind(value)))
        });
        Ok(flag?.unwrap_or(false))
    }

    /// A flag, if it is there.
    pub(crate) fn flag_if_given(&self, key: &str) -> Result<Option<bool>, TomlError> {
        let is_given = self.values.get(key).is_some();
        Ok(Some(self.flag(key)?).filter(|_| is_given))
    }

    /// A number in a range.
    pub(crate) fn number(&self, key: &str, range: Range<u64>) -> Result<Option<u64>, TomlError> {
        self.value(key, |value| {
            let found = value.as_integer().and_then(|number| {
                u64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()
            });
            found.filter(|number| range.contains(number)).ok_or_else(|| {
                let shown = match value {
                    DeValue::Integer(number) => number.as_str().chars().take(40).collect(),
                    _ => kind(value),
                };
                format!(
                    "expected a number from {} to {}, found {shown}",
                    range.start,
                    range.end - 1
                )
            })
        })
    }

    /// A text that `read` understands; otherwise it returns what was expected.
    pub(crate) fn parsed<T>(
        &self,
        key: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, TomlError> {
        self.value(key, |value| read(text(value)?))
    }

    /// The same for a text, or a number as a text.
    pub(crate) fn parsed_number<T>(
        &self,
        key: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, TomlError> {
        self.value(key, |value| match value {
            DeValue::Integer(number) if number.radix() == 10 => {
                read(&number.as_str().replace('_', ""))
            }
            _ => read(text(value)?),
        })
    }

    /// A text, or several in an array.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<&'a str>, TomlError> {
        let texts = self.value(key, |value| match value {
            DeValue::Array(values) => values.iter().map(|value| text(value.get_ref())).collect(),
            _ => text(value).map(|text| vec![text]),
        });
        Ok(texts?.unwrap_or_default())
    }

    /// The same, each read by `read`, which returns what was expected instead. All mistakes are returned, each
    /// with the line of its text.
    pub(crate) fn each_text<T>(
        &self,
        key: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Vec<TomlError>> {
        let Some(value) = self.values.get(key) else { return Ok(Vec::new()) };
        let texts = match value.get_ref() {
            DeValue::Array(values) => values.iter().collect(),
            _ => vec![value],
        };
        all_or_mistakes(texts.into_iter().map(|value| {
            text(value.get_ref())
                .and_then(&read)
                .map_err(|mistake| self.error_at(value.span(), format!("{key}: {mistake}")))
        }))
    }

    /// The line of a value of this table.
    pub(crate) fn line_of(&self, value: &Spanned<DeValue<'_>>) -> usize {
        line_of(self.text, value.span().start)
    }

    /// A table within this one.
    pub(crate) fn table(&self, key: &str) -> Result<Option<Self>, TomlError> {
        let Some(value) = self.values.get(key) else { return Ok(None) };
        match self.inner(value) {
            Some(table) => Ok(Some(table)),
            None => {
                Err(self
                    .error_of(key, format!("expected a table, found {}", kind(value.get_ref()))))
            }
        }
    }

    /// The tables of an array: `[[peers]]`. `name` is the key with those of the tables around it.
    pub(crate) fn tables(&self, key: &str, name: &str) -> Result<Vec<Self>, TomlError> {
        let Some(value) = self.values.get(key) else { return Ok(Vec::new()) };
        let tables = value.get_ref().as_array();
        let tables: Option<Vec<Self>> =
            tables.and_then(|values| values.iter().map(|value| self.inner(value)).collect());
        tables.ok_or_else(|| {
            let found = kind(value.get_ref());
            let mistake =
                format!("{name}: expected tables that begin with `[[{name}]]`, found {found}");
            self.error_at(value.span(), mistake)
        })
    }

    fn inner(&self, value: &'a Spanned<DeValue<'a>>) -> Option<Self> {
        let values = value.get_ref().as_table()?;
        Some(Self { text: self.text, values, begins_at: value.span().start })
    }
}

/// All values, or all mistakes.
pub(crate) fn all_or_mistakes<T, E>(
    all: impl Iterator<Item = Result<T, E>>,
) -> Result<Vec<T>, Vec<E>> {
    let (mut values, mut mistakes) = (Vec::new(), Vec::new());
    for one in all {
        match one {
            Ok(value) => values.push(value),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(values) } else { Err(mistakes) }
}

/// Reads a file.
///
/// # Errors
/// When it is not TOML.
pub(crate) fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, TomlError> {
    DeTable::parse(text).map_err(|mistake| {
        let at = mistake.span().map_or(0, |span| span.start);
        let line = text.lines().nth(line_of(text, at) - 1).unwrap_or_default();
        // The value may be a secret.
        let key = line.split_once('=').map_or("", |(key, _)| key.trim());
        let place = match key {
            "" => String::new(),
            key => format!(" at {}", excerpt(key)),
        };
        error(text, at, format!("expected TOML, found a mistake{place}: {}", mistake.message()))
    })
}

/// A mistake at a byte of a file. It is shown at a terminal, whatever the file has there.
fn error(text: &str, at: usize, mistake: impl Into<String>) -> TomlError {
    TomlError { line: line_of(text, at), mistake: escaped(&mistake.into()).to_string() }
}

/// The line of a byte.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

fn text<'a>(value: &'a DeValue<'a>) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("expected a text in quotes, found {}", kind(value)))
}

/// A kind of value with its article.
pub(crate) fn kind(value: &DeValue<'_>) -> String {
    let article = if matches!(value, DeValue::Integer(_) | DeValue::Array(_)) { "an" } else { "a" };
    format!("{article} {}", value.type_str())
}
