//! Keys that conflict. The definitions of their options say which ones do.

use super::error::Mistake;
use super::file::FileValue;
use super::keys::Key;
use crate::toml_table::TomlError;

/// The mistakes of values of a file that conflict with another value of it, each at the later one.
pub(super) fn in_file(keys: &[Key], values: &[FileValue]) -> Vec<TomlError> {
    let mut set: Vec<(&Key, usize)> = values
        .iter()
        .filter_map(|value| {
            let texts: Vec<_> = value.texts.iter().map(|one| one.text.clone()).collect();
            let key = keys.get(value.key).filter(|key| key.is_set_by(&texts))?;
            Some((key, value.line))
        })
        .collect();
    set.sort_by_key(|(_, line)| *line);
    let mistakes = pairs(&set, |(first, _), (second, _)| first.conflicts_with(second));
    mistakes
        .map(|((other, before), (key, line))| {
            let mistake = format!(
                "{0}: expected one of `{1}` and `{0}`, found both: line {before} has the other",
                key.name, other.name
            );
            TomlError { line: *line, mistake }
        })
        .collect()
}

/// The mistakes of variables that conflict with another one, of those that are set.
pub(super) fn in_environment(set: &[&Key]) -> Vec<Mistake> {
    let mistakes = pairs(set, |first, second| first.conflicts_with(second));
    mistakes
        .map(|(other, key)| Mistake::InEnvironment {
            variable: key.variable.clone(),
            mistake: format!("expected it without {}, which is set, too", other.variable),
        })
        .collect()
}

/// The pairs that conflict, in the order of these values.
fn pairs<T>(values: &[T], conflict: impl Fn(&T, &T) -> bool) -> impl Iterator<Item = (&T, &T)> {
    let all = values.iter().enumerate().flat_map(|(place, first)| {
        values.iter().skip(place + 1).map(move |second| (first, second))
    });
    all.filter(move |(first, second)| conflict(first, second))
}
