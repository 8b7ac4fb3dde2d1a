//! The commands in pages run as printed, on a machine of their own: a network namespace, in which port 7734
//! is free. Each page, and each lesson, begins in a directory with the files that it names, and ends the programs that
//! it starts. Standard output is a terminal, as for a reader. The output is the printed lines; `...`
//! stands for any text, and on a line of its own for any lines.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::common;

use super::pages::{PAGES, blocks_in, text};
use super::{file, has};

/// A command, and the lines that follow it on the page.
#[derive(Debug, Default)]
struct Printed {
    command: String,
    output: Vec<String>,
}

/// A page, or a lesson of the page with lessons: commands that begin in a directory of their own.
struct Part {
    name: String,
    text: String,
}

impl Part {
    fn all() -> Vec<Self> {
        let parts = PAGES.into_iter().flat_map(|page| {
            let text = text(page);
            let lessons: Vec<&str> = text.split("\n## Lesson ").skip(1).collect();
            match lessons[..] {
                [] => vec![Self { name: page.into(), text }],
                _ => lessons.into_iter().map(Self::lesson).collect(),
            }
        });
        parts.collect()
    }

    fn lesson(text: &str) -> Self {
        Self { name: format!("lesson {}", text.lines().next().unwrap()), text: text.into() }
    }

    /// Whether the files that this needs include one. Only a lesson says where it begins; other pages
    /// link to the programs that they use.
    fn needs(&self, name: &str) -> bool {
        match self.text.split_once("**Preparation.**") {
            Some((_, rest)) => rest.split("\n\n").next().unwrap().contains(&format!("`{name}`")),
            None => self.text.contains(&format!("(../examples/python/{name})")),
        }
    }

    fn prepare(&self, directory: &Path) {
        for program in ["client.py", "server.py", "client-menu.txt"] {
            if self.needs(program) {
                fs::copy(file("examples/python").join(program), directory.join(program)).unwrap();
            }
        }
        if self.needs("captures") {
            symlink(file("captures"), directory.join("captures")).unwrap();
        }
        if self.needs("papers") && !self.text.contains("$ mkdir papers") {
            let document: &[u8] = b"Host Software\n\nThe text of the document.\n";
            common::directory(directory, "papers", &[("rfc1.txt", document)]);
        }
    }
}

fn commands(part: &Part) -> Vec<Printed> {
    let mut commands: Vec<Printed> = Vec::new();
    for block in blocks_in(&part.text).into_iter().filter(|block| block.kind == "console") {
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

/// Runs commands in a directory; returns what each has printed, and the programs that still run after them. All
/// pauses are longer by this factor.
fn run(commands: &[Printed], directory: &Path, slowness: u32) -> (Vec<String>, String) {
    // The longer `sleep` is a program: a subshell executes its last program in place of itself, but no function.
    let sleep = format!("#!/bin/sh\nPATH=/bin:/usr/bin exec sleep $(($1 * {slowness}))\n");
    let tools = common::directory(directory, ".tools", &[("sleep", sleep.as_bytes())]);
    fs::set_permissions(tools.join("sleep"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut script =
        String::from("export TERM=dumb\nstty cols 120\nexec 2>&1\nPATH=$PWD/.tools:$PATH\n");
    for Printed { command, .. } in commands {
        write!(script, "printf '\\n@@@\\n'\n{command}\n[ $? != 127 ] || echo NO SUCH COMMAND\n")
            .unwrap();
    }
    script += "printf '\\n@@@\\n'\njobs -r\n";
    fs::write(directory.join(".commands"), script).unwrap();
    let terminal = "ip link set lo up\nexec script -qec 'bash .commands' /dev/null";
    let output = common::run_on_own_machine(terminal, directory);
    let text = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("NO SUCH COMMAND"), "{text}\n{errors}");
    let mut parts: Vec<String> = text.split("\n@@@\n").skip(1).map(str::to_string).collect();
    let running = parts.pop().unwrap_or_default();
    assert_eq!(parts.len(), commands.len(), "{text}\n{errors}");
    (parts, running)
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

/// Whether the lines are the printed ones, in their order. There are others only where `...` is printed; empty lines
/// are not compared.
fn is_output(printed: &[String], found: &str) -> Result<(), String> {
    // A program says it where the test has another user than a reader.
    let is_shown = |line: &&str| !line.is_empty() && !line.starts_with("Running as user \"root\"");
    let mut lines = found.lines().map(str::trim_end).filter(is_shown);
    let mut may_have_others = false;
    for printed in printed.iter().filter(|line| !line.is_empty()) {
        if printed == "..." {
            may_have_others = true;
            continue;
        }
        match lines.find(|line| is_line(printed, line) || !may_have_others) {
            Some(line) if is_line(printed, line) => may_have_others = false,
            Some(line) => return Err(format!("printed `{line}` in place of `{printed}`")),
            None => return Err(format!("printed no line `{printed}`")),
        }
    }
    match lines.next().filter(|_| !may_have_others) {
        Some(line) => Err(format!("also printed `{line}`")),
        None => Ok(()),
    }
}

#[test]
fn other_lines_are_found_only_where_the_page_leaves_lines_out() {
    for (printed, found, is_the_same) in [
        (&["a", "b"][..], "a\n\nb\n", true),
        (&["a", "b"], "a\nx\nb\n", false),
        (&["a", "...", "b"], "a\nx\nb\n", true),
        (&["a"], "x\na\n", false),
        (&["...", "a"], "x\na\n", true),
        (&["a"], "a\nx\n", false),
        (&["a", "..."], "a\nx\n", true),
        (&["a", "..."], "x\n", false),
        (&[], "x\n", false),
        (&["a ... c"], "a b c\n", true),
    ] {
        let printed: Vec<String> = printed.iter().map(|line| (*line).into()).collect();
        assert_eq!(is_output(&printed, found).is_ok(), is_the_same, "{printed:?} {found:?}");
    }
}

#[test]
fn commands_print_what_pages_say() {
    let probe = Command::new("unshare").args(common::NAMESPACES).args(["ip", "link"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return common::skip("there are no user and network namespaces here");
    }
    if !["python3", "nc", "tshark", "script"].into_iter().all(has) {
        return;
    }
    common::in_parallel(Part::all(), |part| {
        // On a busy machine programs may need longer than the pauses on the page.
        if let Err(first) = compare(&part, 1) {
            compare(&part, 4).unwrap_or_else(|second| panic!("{second}\nand before: {first}"));
        }
    });
}

/// Runs the commands of a page, and compares what they print.
fn compare(part: &Part, slowness: u32) -> Result<(), String> {
    let commands = commands(part);
    let root = tempfile::tempdir().unwrap();
    let directory = common::directory(root.path(), "a lesson", &[]);
    part.prepare(&directory);
    let (found, running) = run(&commands, &directory, slowness);
    for (Printed { command, output }, found) in commands.iter().zip(found) {
        if let Err(reason) = is_output(output, &found) {
            return Err(format!("{}: `{command}` {reason}:\n{found}", part.name));
        }
    }
    if running.trim().is_empty() {
        Ok(())
    } else {
        Err(format!("{} does not end programs that it has started:\n{running}", part.name))
    }
}
