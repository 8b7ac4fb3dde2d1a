//! The commands in pages run as printed, on a machine of their own: a network namespace, in which port 7734
//! is free. Their output has the printed lines, in their order; `...` stands for any text.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::pages::{PAGES, blocks};
use super::{common, file, has};

/// A command, and the lines that follow it on the page.
#[derive(Debug, Default)]
struct Printed {
    command: String,
    output: Vec<String>,
}

fn commands(page: &str) -> Vec<Printed> {
    let mut commands: Vec<Printed> = Vec::new();
    for block in blocks(page).into_iter().filter(|block| block.kind == "console") {
        for line in block.lines {
            match line.strip_prefix("$ ") {
                Some(command) => {
                    commands.push(Printed { command: command.into(), output: Vec::new() });
                }
                None => commands.last_mut().unwrap().output.push(line),
            }
        }
    }
    commands
}

/// Runs commands in a directory; returns what each has printed. All pauses are longer by this factor.
fn run(commands: &[Printed], directory: &Path, slowness: u32) -> Vec<String> {
    let mut script = format!(
        "ip link set lo up\nexec 2>&1\nsleep() {{ command sleep $(($1 * {slowness})); }}\n"
    );
    for Printed { command, .. } in commands {
        write!(script, "printf '\\n@@@\\n'\n{command}\n[ $? != 127 ] || echo NO SUCH COMMAND\n")
            .unwrap();
    }
    let output = common::run_on_own_machine(&script, directory);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("NO SUCH COMMAND"), "{text}\n{errors}");
    let parts: Vec<String> = text.split("\n@@@\n").skip(1).map(str::to_string).collect();
    assert_eq!(parts.len(), commands.len(), "{text}\n{errors}");
    parts
}

/// Whether a line is the printed one.
fn is_line(printed: &str, found: &str) -> bool {
    let parts: Vec<&str> = printed.split("...").collect();
    let mut rest = found;
    for (at, part) in parts.iter().enumerate() {
        let place = if at == 0 { rest.starts_with(part).then_some(0) } else { rest.find(part) };
        let Some(place) = place else { return false };
        rest = rest.get(place + part.len()..).unwrap_or_default();
    }
    parts.len() > 1 || rest.is_empty()
}

#[test]
fn commands_print_what_pages_say() {
    let probe = Command::new("unshare").args(common::NAMESPACES).args(["ip", "link"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return common::skip("there are no user and network namespaces here");
    }
    if !["python3", "nc", "tshark"].into_iter().all(has) {
        return;
    }
    common::in_parallel(PAGES, |page| {
        // On a busy machine programs may need longer than the pauses on the page.
        if let Err(first) = compare(page, 1) {
            compare(page, 4).unwrap_or_else(|second| panic!("{second}\nand before: {first}"));
        }
    });
}

/// Runs the commands of a page, and compares what they print.
fn compare(page: &str, slowness: u32) -> Result<(), String> {
    let commands = commands(page);
    let root = tempfile::tempdir().unwrap();
    let directory = common::directory(root.path(), "a lesson", &[]);
    for program in ["client.py", "server.py", "client-menu.txt"] {
        fs::copy(file("examples/python").join(program), directory.join(program)).unwrap();
    }
    symlink(file("captures"), directory.join("captures")).unwrap();
    let found = run(&commands, &directory, slowness);
    for (Printed { command, output }, found) in commands.iter().zip(found) {
        let mut lines = found.lines().map(str::trim_end);
        for printed in output.iter().filter(|line| *line != "...") {
            if !lines.any(|line| is_line(printed, line)) {
                return Err(format!(
                    "docs/{page}.md: `{command}` printed no line `{printed}`:\n{found}"
                ));
            }
        }
    }
    Ok(())
}
