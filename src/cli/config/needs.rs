//! Keys that have an effect only with another one, or in a build with another feature.

use clap::Command;
use clap::error::ErrorKind;

use super::error::{ConfigError, Mistake};
use super::keys::Key;
use super::layers::{Configured, NotConfigured, Source};
use crate::cli::not_built::needed;
use crate::toml_table::TomlError;

impl<A> Configured<A> {
    /// Checks that this build has the features of all keys that are set, and that none is set without the other
    /// key that it needs.
    ///
    /// # Errors
    /// The first mistake, at the place of the value.
    pub(in crate::cli) fn check_needs(
        &self,
        needs: &[(&str, &str)],
        command: &Command,
    ) -> Result<(), NotConfigured> {
        let set: Vec<(&Key, Source)> = self
            .values()
            .filter(|(key, texts, source)| {
                let is_typed = matches!(source, Source::Option(_)) && !key.form.is_flag();
                *source != Source::Default && (is_typed || key.is_set_by(texts))
            })
            .map(|(key, _, source)| (key, source))
            .collect();
        for (key, source) in &set {
            if let Some(needed) = needed(&key.name) {
                let mistake = format!("expected {needed}");
                let option = |option: &str| format!("{option} needs {needed}");
                return Err(refusal(key, source, &mistake, &option, command));
            }
        }
        let is_set = |name: &str| set.iter().any(|(key, _)| key.name == name);
        let unmet = needs.iter().filter(|(_, other)| !is_set(other));
        for (name, other) in unmet {
            let Some((key, source)) = set.iter().find(|(key, _)| key.name == *name) else {
                continue;
            };
            let mistake = format!("expected it with `{other}`, which is not set");
            let option = |option: &str| format!("{option} needs --{other} (in the file: {other})");
            return Err(refusal(key, source, &mistake, &option, command));
        }
        Ok(())
    }
}

/// The error about a value, which names its place. `of_option` is the one about an option.
fn refusal(
    key: &Key,
    source: &Source,
    mistake: &str,
    of_option: &dyn Fn(&str) -> String,
    command: &Command,
) -> NotConfigured {
    let mistake = match source {
        Source::File(file, line) => Mistake::InFile {
            file: file.clone(),
            error: TomlError { line: *line, mistake: format!("{}: {mistake}", key.name) },
        },
        Source::Variable(variable) => {
            Mistake::InEnvironment { variable: variable.clone(), mistake: mistake.into() }
        }
        Source::Option(option) => {
            let kind = ErrorKind::MissingRequiredArgument;
            return command.clone().error(kind, of_option(option)).into();
        }
        Source::Default => {
            return command.clone().error(ErrorKind::MissingRequiredArgument, mistake).into();
        }
    };
    ConfigError(vec![mistake]).into()
}
