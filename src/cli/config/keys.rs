//! The keys of a configuration file, derived from the options of a program.
//!
//! `--max-connections` is `max_connections` in the file, and `P2P_CI_MAX_CONNECTIONS` in the environment.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, Id};

/// The option that names the file.
pub(in crate::cli) const CONFIG: &str = "config";
/// The hidden option that unsets a flag begins with this.
const NEGATION: &str = "no-";

/// The variables of the environment begin with this.
pub(in crate::cli) const VARIABLES: &str = "P2P_CI_";

/// The variable that names the file.
pub(super) const CONFIG_VARIABLE: &str = "P2P_CI_CONFIG";

/// Options of a single run, which have no key, and the reasons.
const WITHOUT_KEY: [(&str, &str); 10] = [
    ("help", PRINTS_AND_ENDS),
    ("version", PRINTS_AND_ENDS),
    ("show-limits", PRINTS_AND_ENDS),
    (CONFIG, "it names the file"),
    ("record", FILLS_A_DISK),
    ("record-force", FILLS_A_DISK),
    ("record-limit", FILLS_A_DISK),
    ("record-bodies", FILLS_A_DISK),
    ("menu", "it is a command for a person at the terminal"),
    ("wire", "it shows one person one run; the log of a service would have the bytes of all peers"),
];
const PRINTS_AND_ENDS: &str = "the program prints something and ends, so a service would never run";
const FILLS_A_DISK: &str =
    "a recording for a moment, into a file that must not exist: the next start would fail";

/// Arguments without an option that have a key.
const POSITIONAL: [&str; 1] = ["server"];

/// Options whose keys are in a table, which has further keys that no option has.
const IN_TABLES: [(&str, &str); 4] = [
    ("upload", "upload.address"),
    ("admin", "admin.address"),
    ("admin-host", "admin.host"),
    ("admin-token-file", "admin.token_file"),
];

/// Placeholders of values that may be a number. Others are texts in quotes.
const NUMBERS: [&str; 5] = ["N", "SIZE", "RATE", "[ADDR:]PORT", "ADDR:PORT|PATH"];

/// The form of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Form {
    /// `true` or `false`.
    Flag,
    /// A text or a number.
    One,
    /// `true`, `false` or a value: the option may be given without one.
    FlagOrOne,
    /// How often an option is given.
    Count,
    /// An array of them, or one of them.
    Several,
}

impl Form {
    /// Whether the file may have `true` or `false`.
    pub(super) fn is_flag(self) -> bool {
        matches!(self, Self::Flag | Self::FlagOrOne)
    }
}

/// A key of the file.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Key {
    /// Its name, such as `max_connections`.
    pub(in crate::cli) name: String,
    /// The argument of the program.
    pub(in crate::cli) id: Id,
    /// The option, such as `--max-connections`. The index server of a peer has none.
    pub(in crate::cli) option: Option<String>,
    /// The variable in the environment.
    pub(in crate::cli) variable: String,
    pub(in crate::cli) form: Form,
    /// Arguments that conflict with it.
    conflicts: Vec<Id>,
    /// The description of the option.
    pub(in crate::cli) help: String,
    /// The heading in the help of the program.
    pub(in crate::cli) heading: Option<String>,
    /// The placeholder of the value in the help.
    pub(in crate::cli) placeholder: String,
    /// The values that it may have, if they are few.
    pub(in crate::cli) choices: Vec<String>,
    /// The values if nothing sets others.
    pub(in crate::cli) default: Vec<String>,
}

impl Key {
    fn of(command: &Command, arg: &Arg) -> Option<Self> {
        let id = arg.get_id();
        let long = arg.get_long();
        let has_key = match long {
            Some(long) => !is_without_key(long) && !is_negation(arg),
            None => POSITIONAL.contains(&id.as_str()),
        };
        if !has_key {
            return None;
        }
        let word = long.unwrap_or(id.as_str());
        let in_table = IN_TABLES.iter().find(|(option, _)| *option == word);
        let name = in_table.map_or_else(|| word.replace('-', "_"), |(_, name)| (*name).into());
        let form = match arg.get_action() {
            ArgAction::SetTrue => Form::Flag,
            ArgAction::Count => Form::Count,
            ArgAction::Append => Form::Several,
            _ if arg.get_num_args().is_some_and(|count| count.min_values() == 0) => Form::FlagOrOne,
            _ => Form::One,
        };
        let help = arg.get_long_help().or_else(|| arg.get_help());
        let is_text = |value: &&clap::builder::OsStr| !form.is_flag() && !value.is_empty();
        let default = arg.get_default_values().iter().filter(is_text);
        Some(Self {
            name,
            id: id.clone(),
            option: long.map(|long| format!("--{long}")),
            variable: format!("{VARIABLES}{}", word.replace('-', "_").to_ascii_uppercase()),
            form,
            conflicts: command
                .get_arg_conflicts_with(arg)
                .iter()
                .map(|other| other.get_id().clone())
                .collect(),
            help: help.map(ToString::to_string).unwrap_or_default(),
            heading: arg.get_help_heading().map(Into::into),
            placeholder: arg
                .get_value_names()
                .and_then(|names| names.first())
                .map(ToString::to_string)
                .unwrap_or_default(),
            choices: match form {
                Form::Flag | Form::Count => Vec::new(),
                Form::One | Form::FlagOrOne | Form::Several => {
                    arg.get_possible_values().iter().map(|value| value.get_name().into()).collect()
                }
            },
            default: default.map(|value| value.to_string_lossy().into_owned()).collect(),
        })
    }

    /// The value that applies without any other, as the description of the option says it:
    /// `half of the memory` of `… [default: half of the memory]`.
    pub(in crate::cli) fn described_default(&self) -> Option<&str> {
        let (_, rest) = self.help.rsplit_once("[default: ")?;
        rest.split_once(']').map(|(default, _)| default)
    }

    /// The description without that value.
    pub(in crate::cli) fn description(&self) -> &str {
        self.help.rsplit_once("[default: ").map_or(&self.help, |(text, _)| text.trim_end())
    }

    /// Whether the file may have a number without quotes.
    pub(super) fn permits_number(&self) -> bool {
        self.form == Form::Count || NUMBERS.contains(&&*self.placeholder)
    }

    /// Whether the options of both must not be given together.
    pub(super) fn conflicts_with(&self, other: &Self) -> bool {
        self.conflicts.contains(&other.id) || other.conflicts.contains(&self.id)
    }

    /// Whether these texts set it: a flag that is `false`, an empty list, and a count of 0 are as no value.
    pub(super) fn is_set_by(&self, texts: &[OsString]) -> bool {
        match self.form {
            Form::Count => texts.iter().any(|text| text != "0"),
            Form::Flag | Form::FlagOrOne | Form::One | Form::Several => !texts.is_empty(),
        }
    }

    /// Whether the value must not be shown.
    pub(in crate::cli) fn is_secret(&self) -> bool {
        is_secret(&self.name)
    }
}

/// Whether the value of a key with this name is a secret. The name of a file with a secret is none.
pub(super) fn is_secret(name: &str) -> bool {
    let last = name.rsplit(['.', '_']).next().unwrap_or(name);
    ["token", "password", "secret"].contains(&last)
}

/// The keys of a program, in the order of its help.
pub(in crate::cli) fn keys(command: &Command) -> Vec<Key> {
    command.get_arguments().filter_map(|arg| Key::of(command, arg)).collect()
}

/// The program with the option that names the file. `described` is the file that is read otherwise.
pub(in crate::cli) fn with_config_option(command: Command, described: &str) -> Command {
    let is_global = command.has_subcommands();
    command.arg(
        Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .value_parser(clap::value_parser!(std::path::PathBuf))
            .value_hint(clap::ValueHint::FilePath)
            .global(is_global)
            .display_order(105)
            .help(format!("Read the configuration from this file [default: {described}]")),
    )
}

/// The program with a hidden option for each flag, which unsets it if the file or the environment sets it.
pub(in crate::cli) fn with_negations(command: Command) -> Command {
    let is_flag = |arg: &&Arg| Key::of(&command, arg).is_some_and(|key| key.form.is_flag());
    let flags: Vec<Arg> = command.get_arguments().filter(is_flag).cloned().collect();
    flags.iter().fold(command, |command, flag| {
        let name = negation(flag.get_long().unwrap_or_default());
        let negation = Arg::new(name.clone())
            .long(name)
            .action(ArgAction::SetTrue)
            .hide(true)
            .global(flag.is_global_set())
            .overrides_with(flag.get_id());
        command.arg(negation)
    })
}

fn is_without_key(long: &str) -> bool {
    WITHOUT_KEY.iter().any(|(option, _)| *option == long)
}

/// The name of the option that unsets a flag.
pub(super) fn negation(flag: &str) -> String {
    format!("{NEGATION}{flag}")
}

fn is_negation(arg: &Arg) -> bool {
    arg.is_hide_set() && arg.get_long().is_some_and(|long| long.starts_with(NEGATION))
}

#[cfg(test)]
mod tests;
