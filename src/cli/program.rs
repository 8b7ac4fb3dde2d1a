//! The names under which the programs are called: `server` and `peer`, or `p2p-ci server` and `p2p-ci peer`.

use std::borrow::Cow;
use std::ffi::OsString;
use std::iter;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this process is `p2p-ci`. Set before anything is printed.
static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

/// The program that people install.
const INSTALLED: &str = "p2p-ci";

/// The programs by their short names.
const PROGRAMS: [&str; 2] = ["server", "peer"];

/// From now on help and messages call the programs `p2p-ci server` and `p2p-ci peer`.
pub(super) fn name_as_installed() {
    IS_INSTALLED.store(true, Ordering::Relaxed);
}

/// The name under which a program is called.
pub(super) fn called(program: &str) -> String {
    match IS_INSTALLED.load(Ordering::Relaxed) && program != INSTALLED {
        true => format!("{INSTALLED} {program}"),
        false => program.to_string(),
    }
}

/// The command line that has started this process, as a shell reads it.
pub(super) fn typed(program: &str) -> String {
    command_line(&called(program), std::env::args_os())
}

/// `called` has as many words as the name of the program in `arguments`.
fn command_line(called: &str, arguments: impl Iterator<Item = OsString>) -> String {
    let words: Vec<String> = arguments
        .skip(called.split(' ').count())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let words = words.iter().map(|word| shlex::try_quote(word).unwrap_or(word.into()));
    iter::once(called.into()).chain(words).collect::<Vec<Cow<'_, str>>>().join(" ")
}

/// A help text whose example commands begin with a short name, at the beginning of a line or after a
/// backquote, with the name under which the program is called.
pub(super) fn with_names(text: &str) -> Cow<'_, str> {
    if !IS_INSTALLED.load(Ordering::Relaxed) {
        return text.into();
    }
    let replace = |text: String, program: &str| {
        ["`", "  ", "Example: "].iter().fold(text, |text, before| {
            text.replace(&format!("{before}{program} "), &format!("{before}p2p-ci {program} "))
        })
    };
    PROGRAMS.into_iter().fold(text.to_string(), replace).into()
}

/// The arguments as the parser takes them: the name of the program comes first.
pub(super) fn with_program(
    program: &str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Vec<OsString> {
    [called(program).into()].into_iter().chain(arguments).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_typed_again_under_either_name() {
        for (called, typed, expected) in [
            ("peer", vec!["/bin/peer", "h", "get", "a b"], "peer h get 'a b'"),
            ("p2p-ci peer", vec!["p2p-ci", "peer", "h", "get", "5"], "p2p-ci peer h get 5"),
        ] {
            assert_eq!(command_line(called, typed.into_iter().map(OsString::from)), expected);
        }
    }
}
