//! What clap_complete leaves out for fish: the values of arguments, and that others are no files.

use clap::{Arg, Command, ValueHint};

/// The completions of the arguments of each command that have no option.
pub(super) fn arguments(program: &Command, name: &str) -> String {
    let using = format!("__fish_{}_using_subcommand", name.replace('-', "_"));
    let of_outer = |outer: &Command| {
        let condition = match &*names(outer) {
            [] => format!("{using} {}", outer.get_name()),
            inner => format!("{using} {}; and not {}", outer.get_name(), seen(inner)),
        };
        let of_inner: String = outer
            .get_subcommands()
            .map(|inner| {
                let condition =
                    format!("{using} {}; and {}", outer.get_name(), seen(&[inner.get_name()]));
                of_command(inner, name, &condition)
            })
            .collect();
        of_command(outer, name, &condition) + &of_inner
    };
    program.get_subcommands().map(of_outer).collect()
}

/// The completions of the arguments of a command that is typed under this condition.
fn of_command(command: &Command, name: &str, condition: &str) -> String {
    let shown = |arg: &Arg| -> Vec<String> {
        let values = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
        values.map(|value| value.get_name().to_string()).collect()
    };
    let values: Vec<String> = command.get_positionals().flat_map(shown).collect();
    let has_files = command.get_positionals().any(is_file);
    let complete = |condition: &str| format!("complete -c {name} -n \"{condition}\" -f");
    if values.is_empty() {
        return if has_files { String::new() } else { complete(condition) + "\n" };
    }
    let is_seen = seen(&values.iter().map(String::as_str).collect::<Vec<_>>());
    let before = complete(&format!("{condition}; and not {is_seen}"));
    let offered = format!("{before} -a \"{}\"\n", values.join(" "));
    // After the value there may be a file.
    match has_files {
        true => offered,
        false => format!("{offered}{}\n", complete(&format!("{condition}; and {is_seen}"))),
    }
}

/// Whether an argument may be a file; the words of a command line may.
fn is_file(arg: &Arg) -> bool {
    arg.is_trailing_var_arg_set()
        || arg.is_last_set()
        || matches!(
            arg.get_value_hint(),
            ValueHint::AnyPath
                | ValueHint::FilePath
                | ValueHint::DirPath
                | ValueHint::ExecutablePath
                | ValueHint::CommandWithArguments
        )
}

/// The condition that one of these words was typed.
fn seen(words: &[&str]) -> String {
    format!("__fish_seen_subcommand_from {}", words.join(" "))
}

/// The names of the commands of a command.
fn names(command: &Command) -> Vec<&str> {
    command.get_subcommands().map(Command::get_name).collect()
}
