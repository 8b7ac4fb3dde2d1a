//! The values of the environment and of the file, which are below the options.

use std::env::var_os;
use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::io::ErrorKind;
use std::mem::take;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, FromArgMatches, Id};

use super::checking::{check, from_variable, mistakes_in};
use super::conflicts;
use super::error::{ConfigError, Mistake};
use super::file::{self, FileValues};
use super::keys::{CONFIG, CONFIG_VARIABLE, Form, Key, keys, negation, with_negations};
use super::programs::Program;
use super::tables::{SHARE, Tables, expanded};
use crate::escape::escaped_path;

/// Where a value is from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Source {
    Option(String),
    Variable(String),
    File(PathBuf, usize),
    Default,
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(option) => write!(f, "option {option}"),
            Self::Variable(variable) => write!(f, "environment {variable}"),
            Self::File(path, line) => write!(f, "{}:{line}", escaped_path(path)),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value of the environment or of the file.
#[derive(Debug)]
struct Layer {
    id: Id,
    texts: Vec<OsString>,
    source: Source,
}

/// The values that no option sets.
#[derive(Debug, Default)]
pub(in crate::cli) struct Layers {
    values: Vec<Layer>,
    /// The file that was read.
    pub(in crate::cli) file: Option<PathBuf>,
    /// Why it is not known whether there is a default file, if it is not.
    pub(in crate::cli) unknown_file: Option<Mistake>,
    /// Variables of the environment that no program knows.
    pub(in crate::cli) unknown_variables: Vec<Mistake>,
    pub(in crate::cli) tables: Tables,
    pub(in crate::cli) table_lines: Vec<(&'static str, usize)>,
}

/// The arguments of a program with its configuration.
#[derive(Debug)]
pub(in crate::cli) struct Configured<A> {
    pub(in crate::cli) args: A,
    pub(in crate::cli) layers: Layers,
    keys: Vec<Key>,
    matches: ArgMatches,
}

/// The arguments or the configuration are wrong.
#[derive(Debug)]
pub(in crate::cli) enum NotConfigured {
    /// The arguments, or they ask for help.
    Arguments(clap::Error),
    Configuration(ConfigError),
}

impl From<clap::Error> for NotConfigured {
    fn from(error: clap::Error) -> Self {
        Self::Arguments(error)
    }
}

impl From<ConfigError> for NotConfigured {
    fn from(error: ConfigError) -> Self {
        Self::Configuration(error)
    }
}

/// Reads the arguments of a program, and its configuration. `command` has its options, and `parse` completes
/// it and reads the arguments.
///
/// # Errors
/// When the arguments or the configuration are wrong.
pub(in crate::cli) fn configured<A: FromArgMatches>(
    program: Program,
    command: &Command,
    parse: impl Fn(Command) -> Result<ArgMatches, clap::Error>,
) -> Result<Configured<A>, NotConfigured> {
    let keys = keys(command);
    let mut matches = parse(with_negations(command.clone()))?;
    let layers = Layers::read(program, command, &keys, &matches)?;
    if !layers.values.is_empty() {
        matches = parse(with_negations(layers.apply(command.clone())))?;
    }
    let args = A::from_arg_matches(&matches)?;
    Ok(Configured { args, layers, keys, matches })
}

impl<A> Configured<A> {
    /// Whether a key has another value than its default.
    pub(in crate::cli) fn is_set(&self, name: &str) -> bool {
        self.values().any(|(key, _, source)| key.name == name && source != Source::Default)
    }

    /// The values in effect, with their sources.
    pub(in crate::cli) fn values(&self) -> impl Iterator<Item = (&Key, Vec<OsString>, Source)> {
        self.keys.iter().map(|key| {
            let texts = match key.form {
                Form::Flag if !self.matches.get_flag(key.id.as_str()) => Vec::new(),
                Form::Count => {
                    vec![self.matches.get_count(key.id.as_str()).to_string().into()]
                }
                _ => self
                    .matches
                    .get_raw(key.id.as_str())
                    .into_iter()
                    .flatten()
                    .map(Into::into)
                    .collect(),
            };
            let layer = || self.layers.values.iter().find(|layer| layer.id == key.id);
            let source = option_of(key, &self.matches)
                .or_else(|| layer().map(|layer| layer.source.clone()))
                .unwrap_or(Source::Default);
            (key, texts, source)
        })
    }
}

impl Layers {
    /// The mistakes that do not end the program.
    pub(in crate::cli) fn warnings(&self) -> impl Iterator<Item = &Mistake> {
        self.unknown_file.iter().chain(&self.unknown_variables)
    }

    /// Logs that it is not known whether there is a default file, and which variables no program knows. Another
    /// version of the programs may know them.
    pub(in crate::cli) fn warn(&self) {
        if let Some(mistake) = &self.unknown_file {
            log::warn!("{mistake}; the program runs without it");
        }
        self.unknown_variables.iter().for_each(|mistake| log::warn!("{mistake}"));
    }

    fn read(
        program: Program,
        command: &Command,
        keys: &[Key],
        matches: &ArgMatches,
    ) -> Result<Self, ConfigError> {
        let mut mistakes = Vec::new();
        let named = matches.get_one::<PathBuf>(CONFIG).cloned();
        let named = named.or_else(|| set_variable(CONFIG_VARIABLE).map(PathBuf::from));
        let mut unknown_file = None;
        let (mut found, file) = match read_file(program, keys, named) {
            Ok(Found::File(found, file)) => (found, Some(file)),
            Ok(Found::Nothing) => Default::default(),
            Ok(Found::NotReached(mistake)) => {
                unknown_file = Some(mistake);
                Default::default()
            }
            Err(mistake) => {
                mistakes.push(mistake);
                Default::default()
            }
        };
        // An option, or a variable, takes precedence over values that conflict with it.
        let is_overridden = |key: &Key, is_set: &dyn Fn(&Key) -> bool| {
            keys.iter().any(|other| key.conflicts_with(other) && is_set(other))
        };
        let by_option = |key: &Key| {
            option_of(key, matches).is_some()
                || is_overridden(key, &|other| is_typed(matches, other.id.as_str()))
        };
        let mut variables = Vec::new();
        for key in keys.iter().filter(|key| !by_option(key)) {
            let Some(value) = set_variable(&key.variable) else { continue };
            let layer = from_variable(key, &value)
                .and_then(|texts| check(command, key, &texts).map(|()| texts));
            match layer {
                Ok(texts) => variables.push(Layer {
                    id: key.id.clone(),
                    texts,
                    source: Source::Variable(key.variable.clone()),
                }),
                Err(mistake) => mistakes
                    .push(Mistake::InEnvironment { variable: key.variable.clone(), mistake }),
            }
        }
        let layer = |key: &Key| variables.iter().find(|layer| layer.id == key.id);
        let by_variable = |key: &Key| layer(key).is_some_and(|layer| key.is_set_by(&layer.texts));
        let set: Vec<&Key> = keys.iter().filter(|key| by_variable(key)).collect();
        mistakes.extend(conflicts::in_environment(&set));
        let is_set =
            |key: &Key| by_option(key) || layer(key).is_some() || is_overridden(key, &by_variable);
        if keys.iter().any(|key| key.name == SHARE && is_set(key)) {
            found.tables.shares.clear();
        }
        let mut values = Vec::new();
        if let Some(file) = &file {
            mistakes.extend(mistakes_of_file(command, keys, &mut found, file));
            for value in found.values {
                let Some(key) = keys.get(value.key).filter(|key| !is_set(key)) else { continue };
                let source = Source::File(file.clone(), value.line);
                let texts = value.texts.into_iter().map(|one| with_home(key, one.text));
                values.push(Layer { id: key.id.clone(), texts: texts.collect(), source });
            }
        }
        values.extend(variables);
        match mistakes.is_empty() {
            true => Ok(Self {
                values,
                file,
                unknown_file,
                unknown_variables: Vec::new(),
                tables: found.tables,
                table_lines: found.table_lines,
            }),
            false => Err(ConfigError(mistakes)),
        }
    }

    /// The program with these values where no option sets others.
    fn apply(&self, command: Command) -> Command {
        // A flag that is not set, or an empty list, is as no value.
        let set = self.values.iter().filter(|layer| !layer.texts.is_empty());
        set.fold(command, |command, layer| {
            command.mut_arg(&layer.id, |arg| arg.default_values(layer.texts.clone()))
        })
    }
}

/// The file that is named, or the default one.
enum Found {
    File(FileValues, PathBuf),
    Nothing,
    /// The directory of the default file cannot be searched.
    NotReached(Mistake),
}

/// Reads the file that is named, or the default one if it exists.
fn read_file(program: Program, keys: &[Key], named: Option<PathBuf>) -> Result<Found, Mistake> {
    let is_named = named.is_some();
    let Some(path) = named.or_else(|| program.default_file()) else {
        return Ok(Found::Nothing);
    };
    match file::text(&path) {
        Ok(text) => Ok(Found::File(file::values(program, keys, &text), path)),
        Err(Mistake::Unreadable { error, .. }) if !is_named && is_missing(&error) => {
            Ok(Found::Nothing)
        }
        // A file that exists may protect the program: it is not ignored.
        Err(mistake) if !is_named && is_hidden(&path) => Ok(Found::NotReached(mistake)),
        Err(mistake) => Err(mistake),
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind())
}

/// Whether nobody without more rights can know if there is a file: such as below the home directory of another
/// user.
fn is_hidden(path: &Path) -> bool {
    let found = path.symlink_metadata();
    found.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// All mistakes of a file.
pub(super) fn check_file(
    program: Program,
    command: &Command,
    path: &Path,
) -> Result<usize, ConfigError> {
    let keys = keys(command);
    let text = file::text(path).map_err(|mistake| ConfigError(vec![mistake]))?;
    let mut found = file::values(program, &keys, &text);
    let mistakes = mistakes_of_file(command, &keys, &mut found, path);
    match mistakes.is_empty() {
        true => Ok(found.values.len() + found.table_lines.len()),
        false => Err(ConfigError(mistakes)),
    }
}

/// The mistakes in the values of a file, in the order of their lines.
fn mistakes_of_file(
    command: &Command,
    keys: &[Key],
    found: &mut FileValues,
    file: &Path,
) -> Vec<Mistake> {
    let mut mistakes = take(&mut found.mistakes);
    for value in &found.values {
        let Some(key) = keys.get(value.key) else { continue };
        mistakes.extend(mistakes_in(command, key, value));
    }
    mistakes.extend(conflicts::in_file(keys, &found.values));
    mistakes.sort_by_key(|mistake| mistake.line);
    mistakes.into_iter().map(|error| Mistake::InFile { file: file.into(), error }).collect()
}

/// The option that sets a key.
fn option_of(key: &Key, matches: &ArgMatches) -> Option<Source> {
    let long = key.option.as_deref().map(|option| option.trim_start_matches('-'));
    if is_typed(matches, key.id.as_str()) {
        let shown = key.option.clone().unwrap_or_else(|| key.placeholder.clone());
        return Some(Source::Option(shown));
    }
    let negation = negation(long.filter(|_| key.form.is_flag())?);
    is_typed(matches, &negation).then(|| Source::Option(format!("--{negation}")))
}

fn is_typed(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// The value of a variable. An empty one counts as not set.
fn set_variable(name: &str) -> Option<OsString> {
    var_os(name).filter(|value| !value.is_empty())
}

/// A value of the file, in which a path may begin in the home directory.
fn with_home(key: &Key, text: OsString) -> OsString {
    let is_path = ["DIR", "FILE", "PATH"].contains(&&*key.placeholder);
    if is_path { expanded(text) } else { text }
}
