//! The values in effect, as lines of a configuration file that say where each is from.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::keys::{Form, Key};
use super::layers::{Configured, Source};
use super::tables::{SHARE, Tables, UPLOAD_LIMIT};
use crate::escape::escaped_json;

/// The column of the sources, unless the line is longer.
const COLUMN: usize = 40;

/// Lists that make a longer line have one line for each of their texts.
const LIST_LINE: usize = 100;

/// Lines with all values of a program.
pub(super) fn lines<A>(configured: &Configured<A>) -> Vec<String> {
    let file = match &configured.layers.file {
        Some(file) => Source::File(file.clone(), 0).to_string().trim_end_matches(":0").to_string(),
        None => match &configured.layers.unknown_file {
            Some(mistake) => format!("none: {mistake}"),
            None => "none".into(),
        },
    };
    let mut lines = vec![format!("# configuration file: {file}")];
    lines.extend(configured.layers.unknown_variables.iter().map(|mistake| format!("# {mistake}")));
    let has_shares = !configured.layers.tables.shares.is_empty();
    let values = configured.values().filter(|(key, ..)| !(has_shares && key.name == SHARE));
    lines.extend(values.map(|(key, texts, source)| line(key, &texts, &source)));
    lines.extend(table_lines(configured));
    lines
}

fn line(key: &Key, texts: &[OsString], source: &Source) -> String {
    let value = shown(key, texts);
    if texts.is_empty() && !key.form.is_flag() && *source == Source::Default {
        return match key.described_default() {
            Some(number) if is_number(number) => {
                with_source(&format!("{} = {number}", key.name), "default")
            }
            Some(text) => with_source(&format!("# {} =", key.name), &format!("default: {text}")),
            None => with_source(&format!("# {} =", key.name), "not set"),
        };
    }
    let line = format!("{} = {value}", key.name);
    match value.len() > LIST_LINE && key.form == Form::Several {
        true => in_lines(&format!("{} =", key.name), &each(key, texts), &source.to_string()),
        false => with_source(&line, &source.to_string()),
    }
}

/// A list with a line for each of its texts.
fn in_lines(name: &str, texts: &[String], source: &str) -> String {
    let texts: String = texts.iter().map(|text| format!("\n    {text},")).collect();
    format!("{}{texts}\n]", with_source(&format!("{name} ["), source))
}

fn with_source(text: &str, source: &str) -> String {
    format!("{text:<COLUMN$} # {source}")
}

/// A value as the file has it.
fn shown(key: &Key, texts: &[OsString]) -> String {
    if key.is_secret() {
        return "\"(hidden)\"".into();
    }
    match key.form {
        Form::Flag => (!texts.is_empty()).to_string(),
        Form::FlagOrOne => match texts {
            [] => "false".into(),
            [text, ..] if text == "true" => "true".into(),
            [text, ..] => one(key, &text.to_string_lossy()),
        },
        Form::Several => format!("[{}]", each(key, texts).join(", ")),
        Form::One | Form::Count => {
            each(key, texts).into_iter().next().unwrap_or_else(|| "\"\"".into())
        }
    }
}

fn each(key: &Key, texts: &[OsString]) -> Vec<String> {
    texts.iter().map(|text| one(key, &text.to_string_lossy())).collect()
}

/// A text of the file, or a number.
pub(super) fn one(key: &Key, text: &str) -> String {
    if key.permits_number() && is_number(text) { text.into() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    // The escapes of JSON are also those of TOML.
    escaped_json(&serde_json::Value::from(text).to_string())
}

fn table_lines<A>(configured: &Configured<A>) -> Vec<String> {
    let tables = tables(&configured.layers.tables);
    let lines = tables.into_iter().flat_map(|(name, entries)| {
        let head =
            with_source(&format!("[[{name}]]"), &line_of_table(configured, name).to_string());
        std::iter::once(head)
            .chain(entries.into_iter().map(|(key, value)| format!("{key} = {value}")))
    });
    lines.collect()
}

/// Where the first of these tables is.
pub(super) fn line_of_table<A>(configured: &Configured<A>, name: &str) -> Source {
    let line = configured.layers.table_lines.iter().find(|(table, _)| *table == name);
    let file = configured.layers.file.clone().zip(line.map(|(_, line)| *line));
    file.map_or(Source::Default, |(file, line)| Source::File(file, line))
}

/// Whether a text is a number without leading zeros, which TOML reads.
pub(super) fn is_number(text: &str) -> bool {
    (1..18).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

/// The tables that no option has, with their names, keys and values.
fn tables(tables: &Tables) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let shares = tables.shares.iter().map(|share| {
        let path = quoted(&share.path.to_string_lossy());
        let options = [("recursive", share.recursive), ("hand_over", share.hand_over)];
        let options =
            options.into_iter().filter_map(|(name, value)| Some((name, value?.to_string())));
        (SHARE, [("path", path)].into_iter().chain(options).collect())
    });
    let rates = tables.upload_rates.iter().map(|limit| {
        let networks: Vec<String> =
            limit.networks.iter().map(|network| format!("\"{network}\"")).collect();
        let rate = limit.rate.map_or_else(|| "\"unlimited\"".into(), |rate| rate.to_string());
        (UPLOAD_LIMIT, vec![("network", format!("[{}]", networks.join(", "))), ("rate", rate)])
    });
    shares.chain(rates).collect()
}

/// All values in effect by their names. Tables are as they are written on one line.
pub(super) fn effective<A>(configured: &Configured<A>) -> BTreeMap<String, String> {
    let values = configured.values().map(|(key, texts, _)| {
        let default = || key.described_default().filter(|text| is_number(text));
        let value = match default().filter(|_| texts.is_empty() && key.form == Form::One) {
            Some(number) => number.to_string(),
            None => shown(key, &texts),
        };
        (key.name.clone(), value)
    });
    let mut all: BTreeMap<String, String> = values.collect();
    let found = tables(&configured.layers.tables);
    for name in [SHARE, UPLOAD_LIMIT] {
        let entries = found.iter().filter(|(table, _)| *table == name);
        let entries: Vec<String> = entries
            .map(|(_, values)| {
                let values = values.iter().map(|(key, value)| format!("{key} = {value}"));
                format!("{{ {} }}", values.collect::<Vec<_>>().join(", "))
            })
            .collect();
        if name == UPLOAD_LIMIT || !entries.is_empty() {
            all.insert(name.into(), format!("[{}]", entries.join(", ")));
        }
    }
    all
}
