//! The completions of shells, for what the help of the commands shows.

use clap::{Arg, Command, ValueHint};
use clap_complete::Shell;

/// The completions of a shell.
pub(super) fn completions(shell: Shell, program: &Command) -> String {
    let mut program = program.clone();
    program.build();
    let mut program = visible(&program);
    let name = program.get_name().to_string();
    let mut written = Vec::new();
    clap_complete::generate(shell, &mut program, &name, &mut written);
    let text = String::from_utf8_lossy(&written).into_owned();
    match shell {
        Shell::Bash => for_bash(&text, &name),
        Shell::Fish => text + &values_for_fish(&program, &name),
        _ => text,
    }
}

/// A command without its hidden commands and options, which clap_complete offers. It has been built, so that each
/// of its commands has the global options.
fn visible(command: &Command) -> Command {
    let is_shown = |arg: &&Arg| !arg.is_hide_set();
    let args = command.get_arguments().filter(is_shown).map(|arg| with_hint(arg.clone()));
    let commands = command.get_subcommands().filter(|inner| !inner.is_hide_set()).map(visible);
    Command::new(command.get_name().to_string())
        .about(command.get_about().cloned().unwrap_or_default())
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(args.map(|arg| arg.global(false)))
        .subcommands(commands)
}

/// An argument whose placeholder says whether its value is a file, a directory, or neither.
fn with_hint(arg: Arg) -> Arg {
    if !arg.get_action().takes_values() {
        return arg;
    }
    let names: Vec<&str> =
        arg.get_value_names().into_iter().flatten().map(|name| &**name).collect();
    let has = |word: &str| names.iter().any(|name| name.contains(word));
    let hint = match arg.get_value_hint() {
        ValueHint::Unknown | ValueHint::AnyPath if has("DIR") => ValueHint::DirPath,
        ValueHint::Unknown | ValueHint::AnyPath if has("FILE") || has("PATH") => {
            ValueHint::FilePath
        }
        ValueHint::Unknown if arg.get_long().is_some() => ValueHint::Other,
        hint => hint,
    };
    arg.value_hint(hint)
}

/// What clap_complete writes for bash, without two faults of it.
fn for_bash(text: &str, name: &str) -> String {
    // It replaces `-` in two ways, so that no command of a program with such a name is found.
    let text = text.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"));
    // It offers options after `--`, too: there the shell completes the names of files.
    let beginning = "    opts=\"\"\n";
    let ending = "
    for i in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do
        [[ \"$i\" == \"--\" ]] && return 0
    done
";
    text.replacen(beginning, &format!("{beginning}{ending}"), 1)
}

/// The values of arguments without an option, which clap_complete leaves out for fish.
fn values_for_fish(program: &Command, name: &str) -> String {
    let function = format!("__fish_{}_using_subcommand", name.replace('-', "_"));
    let inner = |command: &Command| -> Vec<String> {
        let commands = command.get_subcommands().filter_map(|inner| {
            let values: Vec<String> = inner
                .get_positionals()
                .flat_map(Arg::get_possible_values)
                .map(|value| value.get_name().to_string())
                .collect();
            let (outer, values) = (command.get_name(), (!values.is_empty()).then_some(values)?);
            let inner = inner.get_name();
            let values = values.join(" ");
            // After the value there may be a file.
            let condition = format!(
                "{function} {outer}; and __fish_seen_subcommand_from {inner}; and not \
                 __fish_seen_subcommand_from {values}"
            );
            Some(format!("complete -c {name} -n \"{condition}\" -f -a \"{values}\"\n"))
        });
        commands.collect()
    };
    program.get_subcommands().flat_map(inner).collect()
}
