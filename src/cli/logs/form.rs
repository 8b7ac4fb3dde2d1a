//! The forms of log lines: for a person at a terminal, for files, for the journal of systemd, and JSON.

use std::fmt::Display;
use std::io::{self, IsTerminal};

use chrono::{DateTime, Local, SecondsFormat};
use clap::ValueEnum;
use console::style;
use log::Level;
use serde_json::json;

use crate::cli::output::wrapping::for_standard_error;
use crate::system::is_journal;

/// The form that the user chooses.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(in crate::cli) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The form of the lines of this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// The time of day, and the level if it is a warning or an error.
    Terminal,
    /// Date, time, time zone and level.
    Text,
    /// A priority, which the journal reads. It has its own times.
    Journal,
    /// An object with the version 1.
    Json,
}

impl Form {
    /// The form for standard error of this process.
    pub(super) fn choose(format: LogFormat) -> Self {
        match format {
            LogFormat::Json => Self::Json,
            LogFormat::Text if is_journal(io::stderr()) => Self::Journal,
            LogFormat::Text if io::stderr().is_terminal() => Self::Terminal,
            LogFormat::Text => Self::Text,
        }
    }

    /// A line without its end.
    pub(super) fn line(
        self,
        time: DateTime<Local>,
        level: Level,
        target: &str,
        message: &dyn Display,
    ) -> String {
        let name = level.as_str().to_ascii_lowercase();
        match self {
            Self::Terminal => {
                let time = time.format("%H:%M:%S");
                let line = match level {
                    Level::Error => format!("{time} {}: {message}", style(name).red().for_stderr()),
                    Level::Warn => {
                        format!("{time} {}: {message}", style(name).yellow().for_stderr())
                    }
                    Level::Info | Level::Debug | Level::Trace => format!("{time} {message}"),
                };
                for_standard_error(&line).into_owned()
            }
            Self::Text => {
                let time = time.to_rfc3339_opts(SecondsFormat::Secs, false);
                format!("{time} {name}: {message}")
            }
            Self::Journal => format!("<{}>{message}", priority(level)),
            Self::Json => {
                let time = time.to_rfc3339_opts(SecondsFormat::Millis, false);
                let target = target.strip_prefix("p2p_ci::").unwrap_or(target);
                json!({
                    "v": 1, "time": time, "level": name, "target": target,
                    "message": message.to_string(),
                })
                .to_string()
            }
        }
    }
}

/// The priority of syslog and the journal (sd-daemon(3)).
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn each_form_has_what_its_reader_needs() {
        console::set_colors_enabled_stderr(false);
        let time = Local.timestamp_opt(1_800_000_000, 0).unwrap();
        let line = |form: Form, level| form.line(time, level, "p2p_ci::faults", &"a \"b\"");
        let (date, zone) = (time.format("%Y-%m-%dT%H:%M:%S"), time.format("%:z"));
        for (form, level, expected) in [
            (Form::Terminal, Level::Info, format!("{} a \"b\"", time.format("%H:%M:%S"))),
            (Form::Terminal, Level::Warn, format!("{} warn: a \"b\"", time.format("%H:%M:%S"))),
            (Form::Text, Level::Info, format!("{date}{zone} info: a \"b\"")),
            (Form::Text, Level::Error, format!("{date}{zone} error: a \"b\"")),
            (Form::Journal, Level::Error, "<3>a \"b\"".into()),
            (Form::Journal, Level::Warn, "<4>a \"b\"".into()),
            (Form::Journal, Level::Info, "<6>a \"b\"".into()),
            (Form::Journal, Level::Debug, "<7>a \"b\"".into()),
        ] {
            assert_eq!(line(form, level), expected, "{form:?} {level}");
        }
        let object: serde_json::Value =
            serde_json::from_str(&line(Form::Json, Level::Warn)).unwrap();
        assert_eq!(object["time"], format!("{date}.000{zone}"));
        assert_eq!(
            [&object["level"], &object["target"], &object["message"]],
            ["warn", "faults", "a \"b\""]
        );
        assert_eq!(object["v"], 1);
    }
}
