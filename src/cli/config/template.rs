//! The commented file that `p2p-ci config init` writes.

use super::keys::{Form, Key};
use super::programs::Program;
use super::tables::OF_PEER;
use super::values::one;

/// The longest line of a comment.
const WIDTH: usize = 78;

/// The file. All keys are commented out, so it sets nothing.
pub(in crate::cli) fn template(program: Program, keys: &[Key]) -> String {
    let name = program.name();
    let mut text = comment(&format!(
        "Configuration of `p2p-ci {name}`; p2p-ci-{name}.toml(5) describes it. An option on the command line \
         has priority over a variable in the environment (P2P_CI_ and the name of the option), and a \
         variable over this file."
    ));
    text.push_str(&comment(&format!(
        "`p2p-ci config check {name}` checks this file, and `p2p-ci config show {name}` prints the values in \
         effect. SIGHUP (systemctl reload) reads it again."
    )));
    let mut heading = None;
    for key in keys {
        if key.heading != heading {
            heading.clone_from(&key.heading);
            if let Some(heading) = &heading {
                text.push_str(&format!("\n## {heading}\n"));
            }
        }
        text.push('\n');
        text.push_str(&comment(&format!("{}.", described(key))));
        text.push_str(&format!("#{} = {}\n", key.name, example(program, key)));
    }
    for table in OF_PEER.iter().filter(|_| program == Program::Peer) {
        text.push('\n');
        text.push_str(&comment(table.about));
        text.push_str(&format!("#[[{}]]\n", table.name));
        for (name, example, about) in table.keys {
            text.push_str(&comment(&format!("{name}: {about}.")));
            text.push_str(&format!("#{name} = {example}\n"));
        }
    }
    text
}

/// The description of a key with its default.
pub(super) fn described(key: &Key) -> String {
    let text = key.description().trim_end_matches('.');
    let without_value =
        if key.form == Form::FlagOrOne { "; `true` is the option without a value" } else { "" };
    let default = match (key.form, key.described_default(), &*key.default) {
        (form, None, []) if form.is_flag() => Some("false"),
        (Form::Count, None, _) => Some("0"),
        (_, Some(default), _) => Some(default),
        (_, None, [default]) => Some(&**default),
        _ => None,
    };
    match default {
        Some(default) => format!("{text}{without_value} (default: {default})"),
        None => format!("{text}{without_value}"),
    }
}

/// The default value, or an example if there is none that can be written.
pub(super) fn example(program: Program, key: &Key) -> String {
    if key.form.is_flag() {
        return "false".into();
    }
    if key.form == Form::Count {
        return "0".into();
    }
    let is_number = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    let described = key.described_default().filter(is_number);
    let default = key.default.first().map(String::as_str).or(described);
    let value = default.or(key.choices.first().map(String::as_str)).unwrap_or_else(|| {
        match (&*key.placeholder, program) {
            ("ADDR:PORT" | "[ADDR:]PORT", Program::Server) => "[::]:7734",
            ("ADDR:PORT" | "[ADDR:]PORT", Program::Peer) => "[::]:7735",
            ("ADDR:PORT|PATH", _) => "127.0.0.1:9734",
            ("HOST:PORT" | "HOST[:PORT]", _) => "index.example.org:7734",
            ("URL", _) => "redis://localhost",
            ("NET", _) => "192.0.2.0/24",
            ("RATE", _) => "2M",
            ("SIZE", _) => "2G",
            ("NAME", _) => "peer.example.org",
            ("KEY=VALUE", _) => "rows=number,add=status",
            ("N", _) => "1",
            ("DIR" | "FILE" | "PATH", _) => "/path/to/it",
            _ => "",
        }
    });
    match key.form {
        Form::Several => format!("[{}]", one(key, value)),
        Form::Flag | Form::FlagOrOne | Form::One | Form::Count => one(key, value),
    }
}

/// Lines that begin with `# `.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = "#".into();
        }
        line.push(' ');
        line.push_str(word);
    }
    format!("{lines}{line}\n")
}
