//! Tests of the keys of a configuration file.

use clap::CommandFactory;

use super::super::checking::mistakes_in;
use super::super::file;
use super::super::programs::Program;
use super::super::template::example;
use super::*;
use crate::cli::parsers::options_of;
use crate::cli::{args, server_args};

/// Without them some keys are refused with what they need.
const HAS_ALL_FEATURES: bool = cfg!(all(feature = "cluster", feature = "dht", feature = "lan"));

/// An option without a key is one of a single run.
#[test]
fn each_option_has_a_key() {
    let commands = [server_args::Args::command(), args::Args::command()];
    for command in &commands {
        let all = keys(command);
        for arg in command.get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            let key = all.iter().find(|key| key.id == *arg.get_id());
            assert_eq!(key.is_none(), is_without_key(long), "--{long}");
        }
        let mut names: Vec<&str> = all.iter().map(|key| &*key.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len(), "two options have the same key: {names:?}");
    }
    // The first three are options of each program.
    for (option, reason) in WITHOUT_KEY.iter().filter(|(option, _)| *option != CONFIG) {
        let has = |command: &Command| {
            let mut command = command.clone();
            command.build();
            command.get_arguments().any(|arg| arg.get_long() == Some(*option))
        };
        assert!(commands.iter().any(has), "no program has --{option}, which has no key: {reason}");
    }
}

/// What an option accepts is accepted in the file, and the reverse. Tables without an option are in
/// `tables`, with what they add.
#[test]
fn keys_and_options_accept_the_same_values() {
    for program in [Program::Server, Program::Peer] {
        let command = options_of(program);
        let all = keys(&command);
        for key in &all {
            let mut values = vec![example(program, key)];
            if key.form.is_flag() {
                values.extend(["true".into(), "false".into()]);
            }
            if key.form == Form::FlagOrOne {
                values.push("\"127.0.0.1:7734\"".into());
            }
            values.extend(key.choices.iter().map(|choice| format!("\"{choice}\"")));
            for value in values {
                let text = format!("{} = {value}", key.name);
                let found = file::values(program, &all, &text);
                assert_eq!(found.mistakes, [], "{text}");
                let [read] = &found.values[..] else { panic!("{text} is no value") };
                let mut mistakes = mistakes_in(&command, key, read);
                if !HAS_ALL_FEATURES {
                    mistakes.retain(|one| !one.mistake.contains(": needs a program with "));
                }
                assert_eq!(mistakes, [], "{text}");
                let wrong = format!("{} = 1979-05-27", key.name);
                assert_ne!(file::values(program, &all, &wrong).mistakes, [], "{wrong}");
            }
        }
    }
}

#[test]
fn names_are_derived_from_options() {
    let all = keys(&args::Args::command());
    let find = |name: &str| all.iter().find(|key| key.name == name).unwrap();
    for (name, option, variable, form) in [
        ("server", None, "P2P_CI_SERVER", Form::One),
        ("upload_slots", Some("--upload-slots"), "P2P_CI_UPLOAD_SLOTS", Form::One),
        ("upload.address", Some("--upload"), "P2P_CI_UPLOAD", Form::One),
        ("recursive", Some("--recursive"), "P2P_CI_RECURSIVE", Form::Flag),
        ("allow_net", Some("--allow-net"), "P2P_CI_ALLOW_NET", Form::Several),
    ] {
        let key = find(name);
        assert_eq!(key.option.as_deref(), option, "{name}");
        assert_eq!((&*key.variable, key.form), (variable, form), "{name}");
    }
    assert_eq!(find("uploads_per_address").described_default(), Some("8"));
    assert_eq!(find("upload_slots").default, ["16"]);
}

#[test]
fn secrets_are_recognized_by_their_names() {
    for (name, secret) in [
        ("admin.token", true),
        ("password", true),
        ("admin.token_file", false),
        ("max_connections", false),
    ] {
        assert_eq!(is_secret(name), secret, "{name}");
    }
}
