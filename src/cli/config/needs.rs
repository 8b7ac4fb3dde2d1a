//! Keys that have an effect only with another one.

use clap::Command;
use clap::error::ErrorKind;

use super::error::{ConfigError, Mistake};
use super::layers::{Configured, NotConfigured, Source};
use crate::toml_table::TomlError;

impl<A> Configured<A> {
    /// Checks that no key has a value without the other key that it needs.
    ///
    /// # Errors
    /// The first mistake, at the place of the value.
    pub(in crate::cli) fn check_needs(
        &self,
        needs: &[(&str, &str)],
        command: &Command,
    ) -> Result<(), NotConfigured> {
        let set = |name: &str| {
            let mut values = self.values();
            values.find(|(key, texts, _)| key.name == name && !texts.is_empty())
        };
        let unmet = needs.iter().find_map(|(name, other)| match set(other) {
            Some(_) => None,
            None => set(name).map(|(key, _, source)| (key, *other, source)),
        });
        let Some((key, other, source)) = unmet else { return Ok(()) };
        let mistake = format!("{}: expected it with `{other}`, which is not set", key.name);
        let mistake = match source {
            Source::File(file, line) => {
                Mistake::InFile { file, error: TomlError { line, mistake } }
            }
            Source::Variable(variable) => Mistake::InEnvironment {
                variable,
                mistake: format!("expected it with `{other}`, which is not set"),
            },
            Source::Option(option) => {
                let mistake = format!("{option} needs --{other} (in the file: {other})");
                return Err(command
                    .clone()
                    .error(ErrorKind::MissingRequiredArgument, mistake)
                    .into());
            }
            Source::Default => return Ok(()),
        };
        Err(ConfigError(vec![mistake]).into())
    }
}
