//! Reading the value of a variable of the environment, and checking values as the options do.

use std::env::vars_os;
use std::ffi::{OsStr, OsString};
use std::slice;

use clap::Command;
use clap::error::{ContextKind, ContextValue};

use super::error::Mistake;
use super::file::{FileText, FileValue, similar_name};
use super::keys::{CONFIG_VARIABLE, Form, Key, VARIABLES, keys};
use crate::escape::{escaped, excerpt};
use crate::toml_table::TomlError;

/// The texts of a variable. The values of an option that may be given several times are separated by commas.
pub(super) fn from_variable(key: &Key, value: &OsStr) -> Result<Vec<OsString>, String> {
    match (key.form, value.to_str()) {
        (Form::Flag | Form::FlagOrOne, Some("1" | "true" | "yes" | "on")) => {
            Ok(vec!["true".into()])
        }
        (Form::Flag | Form::FlagOrOne, Some("0" | "false" | "no" | "off")) => Ok(Vec::new()),
        (Form::Flag, _) => {
            Err(format!("expected true or false, found {}", excerpt(value.as_encoded_bytes())))
        }
        (Form::Several, Some(text)) => Ok(text.split(',').map(|one| one.trim().into()).collect()),
        (Form::One | Form::FlagOrOne | Form::Count | Form::Several, _) => Ok(vec![value.into()]),
    }
}

/// The mistakes in a value of a file, each with the line of its text.
pub(super) fn mistakes_in(command: &Command, key: &Key, value: &FileValue) -> Vec<TomlError> {
    let check = |one: &FileText| check(command, key, slice::from_ref(&one.text));
    let mistakes = value.texts.iter().filter_map(|one| {
        let mistake = check(one).err()?;
        Some(TomlError { line: one.line, mistake: format!("{}: {mistake}", key.name) })
    });
    mistakes.collect()
}

/// The variables of the environment that begin with `P2P_CI_` and belong to no option.
pub(in crate::cli) fn unknown_variables(commands: &[Command]) -> Vec<Mistake> {
    let keys = commands.iter().flat_map(keys).map(|key| key.variable);
    let known: Vec<String> = keys.chain([CONFIG_VARIABLE.into()]).collect();
    let set = vars_os().filter(|(_, value)| !value.is_empty());
    let names = set.map(|(name, _)| name.to_string_lossy().into_owned());
    let unknown = names.filter(|name| name.starts_with(VARIABLES) && !known.contains(name));
    let word = |name: &str| name.strip_prefix(VARIABLES).unwrap_or(name).to_string();
    let words: Vec<String> = known.iter().map(|name| word(name)).collect();
    let mut mistakes: Vec<Mistake> = unknown
        .map(|name| {
            let similar = similar_name(&word(&name), words.iter().map(String::as_str));
            let question = similar
                .map(|word| format!("; did you mean `{VARIABLES}{word}`?"))
                .unwrap_or_default();
            let mistake = format!("no option has this variable, which is ignored{question}");
            Mistake::InEnvironment { variable: escaped(&name).to_string(), mistake }
        })
        .collect();
    mistakes.sort_by_key(ToString::to_string);
    mistakes
}

/// Checks values as the option does.
pub(super) fn check(command: &Command, key: &Key, texts: &[OsString]) -> Result<(), String> {
    match key.form {
        Form::Flag => return Ok(()),
        Form::Count => {
            let is_count =
                |text: &OsString| text.to_str().is_some_and(|text| text.parse::<u8>().is_ok());
            return match texts.iter().all(is_count) {
                true => Ok(()),
                false => Err("expected a number from 0 to 255".into()),
            };
        }
        Form::One | Form::FlagOrOne | Form::Several => {}
    }
    let words = texts.iter().flat_map(|text| match &key.option {
        Some(option) => {
            let mut word = OsString::from(format!("{option}="));
            word.push(text);
            vec![word]
        }
        None => vec!["--".into(), text.clone()],
    });
    let words = std::iter::once(command.get_name().into()).chain(words);
    match command.clone().try_get_matches_from(words) {
        Ok(_) => Ok(()),
        Err(error) => match mistake_in(&error) {
            Some(_) if key.is_secret() => Err("expected another value".into()),
            Some(mistake) => Err(mistake),
            None => Ok(()),
        },
    }
}

/// The mistake in a value; `None` if an error has another reason.
fn mistake_in(error: &clap::Error) -> Option<String> {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::ValueValidation => match error.get(ContextKind::Custom) {
            // The reason of a parser that does not repeat the value.
            Some(ContextValue::String(reason)) => Some(reason.clone()),
            _ => Some(std::error::Error::source(error)?.to_string()),
        },
        ErrorKind::InvalidValue => {
            let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue) else {
                return Some("expected another value".into());
            };
            let found = match error.get(ContextKind::InvalidValue) {
                Some(ContextValue::String(found)) => excerpt(found),
                _ => "another text".into(),
            };
            Some(format!("expected one of `{}`, found {found}", valid.join("`, `")))
        }
        ErrorKind::InvalidUtf8 => Some("expected UTF-8".into()),
        _ => None,
    }
}
