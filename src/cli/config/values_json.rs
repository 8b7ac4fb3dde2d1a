//! The values in effect as a JSON object (docs/json.md).

use std::ffi::{OsStr, OsString};

use serde_json::{Value, json};

use super::keys::{Form, Key};
use super::layers::{Configured, Source};
use super::programs::Program;
use super::tables::{SHARE, ShareTable, Tables, UPLOAD_LIMIT, UploadRate};
use super::values::{is_number, line_of_table};
use crate::cli::output::objects::with_fields;

/// All values of a program.
pub(super) fn object<A>(program: Program, configured: &Configured<A>) -> Value {
    let layers = &configured.layers;
    let has_shares = !layers.tables.shares.is_empty();
    let of_options = configured.values().filter(|(key, ..)| !(has_shares && key.name == SHARE));
    let mut values: Vec<Value> =
        of_options.map(|(key, texts, source)| with_source(of_key(key, &texts), &source)).collect();
    let tables = [(SHARE, shares(&layers.tables)), (UPLOAD_LIMIT, upload_limits(&layers.tables))];
    let of_tables = tables.into_iter().filter(|(_, tables)| !tables.is_empty());
    values.extend(of_tables.map(|(name, tables)| {
        with_source(json!({"key": name, "value": tables}), &line_of_table(configured, name))
    }));
    let file = layers.file.as_ref().map(|file| file.to_string_lossy());
    let warnings = layers.warnings().map(ToString::to_string).collect::<Vec<_>>();
    json!({"v": 1, "program": program.name(), "file": file, "values": values, "warnings": warnings})
}

fn with_source(object: Value, source: &Source) -> Value {
    match source {
        Source::Option(option) => {
            with_fields(object, [("source", json!("option")), ("name", json!(option))])
        }
        Source::Variable(variable) => {
            with_fields(object, [("source", json!("environment")), ("name", json!(variable))])
        }
        Source::File(_, line) => {
            with_fields(object, [("source", json!("file")), ("line", json!(line))])
        }
        Source::Default => with_fields(object, [("source", json!("default"))]),
    }
}

/// A key and its value, which is null or an empty array if nothing sets it. Then `default` describes what
/// applies.
fn of_key(key: &Key, texts: &[OsString]) -> Value {
    let described = key.described_default().filter(|_| texts.is_empty() && !key.form.is_flag());
    let value = match (key.form, texts) {
        (Form::Flag, texts) => json!(!texts.is_empty()),
        (Form::FlagOrOne, []) => json!(false),
        (Form::FlagOrOne, [text, ..]) if text == "true" => json!(true),
        (Form::Several, []) => json!([]),
        (_, []) => described.map_or(Value::Null, |text| number(key, text)),
        _ if key.is_secret() => json!("(hidden)"),
        (Form::Several, texts) => texts.iter().map(|text| one(key, text)).collect(),
        (Form::One | Form::FlagOrOne | Form::Count, [text, ..]) => one(key, text),
    };
    let described = described.filter(|_| !value.is_number());
    let object = json!({"key": key.name, "value": value});
    match described {
        Some(text) => with_fields(object, [("default", json!(text))]),
        None => object,
    }
}

/// A number where the file may have one, or a text.
fn one(key: &Key, text: &OsStr) -> Value {
    let text = text.to_string_lossy();
    match number(key, &text) {
        Value::Null => json!(text),
        number => number,
    }
}

/// The number in a text where the file may have one; otherwise null.
fn number(key: &Key, text: &str) -> Value {
    let number = text.parse::<u64>().ok();
    number.filter(|_| key.permits_number() && is_number(text)).into()
}

fn shares(tables: &Tables) -> Vec<Value> {
    let object = |share: &ShareTable| {
        json!({
            "path": share.path.to_string_lossy(),
            "recursive": share.recursive,
            "hand_over": share.hand_over,
        })
    };
    tables.shares.iter().map(object).collect()
}

fn upload_limits(tables: &Tables) -> Vec<Value> {
    let object = |limit: &UploadRate| {
        let networks: Vec<String> = limit.networks.iter().map(ToString::to_string).collect();
        json!({"network": networks, "rate": limit.rate})
    };
    tables.upload_rates.iter().map(object).collect()
}
