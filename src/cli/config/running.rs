//! The configuration of a service that runs, and what a reload changes of it.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::ConfigError;
use super::layers::{Configured, NotConfigured};
use super::values::effective;
use crate::escape::escaped_path;

/// The values with which a service runs, as a file has them.
#[derive(Debug)]
pub(in crate::cli) struct Running(BTreeMap<String, String>);

/// What a new configuration changes.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::cli) struct Changes {
    /// Values that have changed, as `key = new (was old)`.
    pub(in crate::cli) now: Vec<String>,
    /// Values that change when the service is started again.
    pub(in crate::cli) at_restart: Vec<String>,
}

impl Running {
    /// The values of a service that starts.
    pub(in crate::cli) fn of<A>(configured: &Configured<A>) -> Self {
        Self(effective(configured))
    }

    /// Changes the values of these keys, and says what has changed and what cannot.
    pub(in crate::cli) fn change<A>(
        &mut self,
        new: &Configured<A>,
        changeable: &[&str],
    ) -> Changes {
        self.change_to(effective(new), changeable)
    }

    fn change_to(&mut self, new: BTreeMap<String, String>, changeable: &[&str]) -> Changes {
        let mut changes = Changes { now: Vec::new(), at_restart: Vec::new() };
        for (name, value) in new {
            let Some(old) = self.0.get_mut(&name).filter(|old| **old != value) else { continue };
            let text = format!("{name} = {} (was {})", shown(&value), shown(old));
            match changeable.contains(&&*name) {
                true => {
                    *old = value;
                    changes.now.push(text);
                }
                false => changes.at_restart.push(text),
            }
        }
        changes
    }
}

impl Changes {
    /// Logs the changes. What needs a restart is logged for an operator who wants no lines of the target, too.
    pub(in crate::cli) fn log(&self, file: Option<&Path>, target: &str) {
        let file = file.map_or_else(|| "no file".into(), |file| escaped_path(file).to_string());
        let now = match self.now.is_empty() {
            true => "nothing has changed".into(),
            false => self.now.join(", "),
        };
        log::info!(target: target, "SIGHUP: the configuration was read again ({file}): {now}");
        if !self.at_restart.is_empty() {
            let later = self.at_restart.join(", ");
            log::warn!("only a restart changes {later}");
        }
    }
}

/// A value, or that there is none.
fn shown(value: &str) -> &str {
    if value == "\"\"" { "not set" } else { value }
}

/// Logs why the configuration stays as it is, at any level of the log.
pub(in crate::cli) fn log_refused(error: &NotConfigured) {
    let mistakes = match error {
        NotConfigured::Configuration(ConfigError(mistakes)) => {
            mistakes.iter().map(ToString::to_string).collect()
        }
        NotConfigured::Arguments(error) => {
            // The other lines are about the command line.
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            vec![first.strip_prefix("error: ").unwrap_or(first).to_string()]
        }
    };
    for mistake in mistakes {
        log::error!("SIGHUP: the configuration stays as it is: {mistake}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_change_stay_and_are_named_each_time() {
        let values = |all: &[(&str, &str)]| {
            all.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        let mut running = Running(values(&[("listen", "[]"), ("log", "\"quiet\"")]));
        let new = [("listen", "[\"[::]:1\"]"), ("log", "\"requests\"")];
        let listen = "listen = [\"[::]:1\"] (was [])".to_string();
        let changes = running.change_to(values(&new), &["log"]);
        assert_eq!(changes.now, ["log = \"requests\" (was \"quiet\")"]);
        assert_eq!(changes.at_restart, std::slice::from_ref(&listen));
        let again = running.change_to(values(&new), &["log"]);
        assert_eq!(again, Changes { now: Vec::new(), at_restart: vec![listen] });
    }
}
