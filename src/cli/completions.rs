//! The completions of shells, for what the help of the commands shows.

mod fish;

use clap::{Arg, Command, ValueHint};
use clap_complete::Shell;

/// The completions of a shell.
pub(super) fn completions(shell: Shell, program: &Command) -> String {
    let mut program = program.clone();
    program.build();
    let all = visible(&program, true);
    let name = all.get_name().to_string();
    let mut written = Vec::new();
    // The completions for zsh take the first word after `peer` for an index server, also if it is a command.
    let mut generated = visible(&program, shell != Shell::Zsh);
    clap_complete::generate(shell, &mut generated, &name, &mut written);
    let text = String::from_utf8_lossy(&written).into_owned();
    match shell {
        Shell::Bash => for_bash(&text, &name),
        Shell::Fish => text + &fish::arguments(&all, &name),
        Shell::Zsh => for_zsh(&text, &all),
        _ => text,
    }
}

/// A command without its hidden commands and options, which clap_complete offers. It has been built, so that each
/// of its commands has the global options. `has_both` says whether an argument may precede a command.
fn visible(command: &Command, has_both: bool) -> Command {
    // The help takes no options: clap gives it those of all commands.
    let is_help = command.get_name() == "help";
    let is_left_out = |arg: &Arg| match arg.is_positional() {
        true => !has_both && command.has_subcommands(),
        false => is_help,
    };
    let is_shown = |arg: &&Arg| !arg.is_hide_set() && !is_left_out(arg);
    let args = command.get_arguments().filter(is_shown).map(|arg| with_hint(arg.clone()));
    let commands = command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
        .map(|inner| visible(inner, has_both));
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

/// What clap_complete writes for bash, without three faults of it.
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
    let text = text.replacen(beginning, &format!("{beginning}{ending}"), 1);
    // It offers options where an argument is expected, and the values of an argument again after one of them.
    let function = format!("_{}", name.replace('-', "__"));
    let text = text.replacen(&format!("{function}() {{"), &format!("{function}_all() {{"), 1);
    format!(
        "{function}() {{
    {function}_all \"$@\"
    local word=\"${{COMP_WORDS[COMP_CWORD]}}\" before=\"${{COMP_WORDS[COMP_CWORD-1]}}\" one earlier
    local -a offered=()
    [[ \"$word\" == -* ]] && return 0
    for one in \"${{COMPREPLY[@]}}\"; do
        [[ \"$one\" == -* ]] || offered+=(\"$one\")
    done
    # Without an offer the shell completes the names of files.
    COMPREPLY=(\"${{offered[@]}}\")
    [[ \"$before\" == -* ]] && return 0
    for earlier in \"${{COMP_WORDS[@]:2:COMP_CWORD-2}}\"; do
        for one in \"${{offered[@]}}\"; do
            [[ \"$one\" == \"$earlier\" ]] && COMPREPLY=() && return 0
        done
    done
    return 0
}}

{text}"
    )
}

/// What clap_complete writes for zsh, which does not see the argument before a command.
fn for_zsh(text: &str, program: &Command) -> String {
    let with_both = program
        .get_subcommands()
        .filter(|command| command.has_subcommands() && command.get_positionals().next().is_some());
    let cases: String = with_both
        .map(|command| {
            let inner: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let (outer, inner) = (command.get_name(), inner.join("|"));
            format!(
                "            ({outer}\\ (-*|{inner})) ;;
            ({outer}\\ *)
                words=(\"${{(@)words[1,2]}}\" \"${{(@)words[4,-1]}}\")
                (( CURRENT -= 1 )) ;;
"
            )
        })
        .collect();
    let beginning = format!("_{}() {{\n", program.get_name());
    let left_out = format!(
        "    # The argument before a command is left out.
    if (( CURRENT > 3 )); then
        case \"$words[2] $words[3]\" in
{cases}        esac
    fi
"
    );
    text.replacen(&beginning, &format!("{beginning}{left_out}"), 1)
}
