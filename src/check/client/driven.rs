//! A program under test that is started, and operated by typing into its menu.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::asked::{Asked, title};
use super::exchange::Operation;
use super::menu::{Menu, START_PLACEHOLDERS, filled};
use crate::check::program::{Launch, Program};

/// A program and its menu.
#[derive(Debug)]
pub(crate) struct Driven {
    launch: Launch,
    menu: Menu,
    index: SocketAddr,
    rfc: u64,
    directory: Option<PathBuf>,
    document: Document,
    program: Option<Program>,
}

/// The placeholders of a command: the host and the port of the index server, the directory of the documents, and
/// the number of the RFC that is shared.
pub(crate) const COMMAND_PLACEHOLDERS: [&str; 4] = ["{host}", "{port}", "{dir}", "{rfc}"];

/// The document that was put into the directory, and is removed at the end. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document(Arc<Mutex<Option<PathBuf>>>);

/// A program that has written nothing for this time after a line waits for the next one.
const QUIET: Duration = Duration::from_millis(60);
/// The longest time between two lines.
const LINE: Duration = Duration::from_millis(600);
/// The same after its start.
const QUIET_AT_START: Duration = Duration::from_millis(300);
const START: Duration = Duration::from_secs(2);
/// Time for it to end by itself.
const END: Duration = Duration::from_secs(2);

/// The document that the program shares. Some programs read its title in it.
fn text(rfc: u64) -> String {
    let title = title(rfc);
    format!(
        "\n\np2p-ci check                                            The p2p-ci Authors\n\
         Request for Comments: {rfc}                               November 2026\n\
         Category: Sample\n\n\n{:31}{title}\n\nStatus of This Memo\n\n   \
         This document is a part of a test.\n",
        ""
    )
}

impl Document {
    /// Creates it, unless there is such a file, which is neither overwritten nor removed.
    fn put(&self, path: PathBuf, text: &str) -> io::Result<()> {
        // The lock is held meanwhile, so what exists can be removed.
        let mut put = self.lock();
        match fs::File::create_new(&path) {
            Ok(mut file) => {
                *put = Some(path);
                file.write_all(text.as_bytes())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes it. None is put while the result is kept.
    pub(crate) fn remove(&self) -> impl Sized + '_ {
        let mut put = self.lock();
        if let Some(path) = put.take() {
            let _ = fs::remove_file(path);
        }
        put
    }

    fn lock(&self) -> MutexGuard<'_, Option<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Driven {
    /// Starts the program with an index server at this address. Its command has placeholders. It shares an RFC with this number in `directory`, and saves documents there. `document`
    /// is that of the RFC, which is put by this.
    ///
    /// # Errors
    /// When the document cannot be written, or the program cannot be started.
    pub(crate) fn start(
        mut launch: Launch,
        menu: Menu,
        index: SocketAddr,
        rfc: u64,
        directory: Option<PathBuf>,
        document: Document,
    ) -> io::Result<Self> {
        let path = directory.as_deref().and_then(Path::to_str).unwrap_or_default();
        let (host, port) = (index.ip().to_string(), index.port().to_string());
        let number = rfc.to_string();
        let values = [host.as_str(), &port, path, &number];
        let values: Vec<(&str, &str)> = COMMAND_PLACEHOLDERS.into_iter().zip(values).collect();
        launch.words = launch.words.iter().map(|word| filled(word, &values)).collect();
        let name = filled(&menu.document, &[("{number}", &number)]);
        let path = directory.as_ref().map(|directory| directory.join(name));
        let mut driven = Self { launch, menu, index, rfc, directory, document, program: None };
        path.map_or(Ok(()), |path| driven.document.put(path, &text(rfc)))?;
        driven.begin()?;
        Ok(driven)
    }

    pub(super) fn rfc(&self) -> u64 {
        self.rfc
    }

    /// Types an operation line by line. Returns whether the menu has it.
    pub(super) fn type_operation(&mut self, asked: &Asked) -> bool {
        let lines = self.menu.lines(asked);
        if let Some(lines) = &lines {
            self.type_lines(lines);
        }
        if asked.operation == Operation::Leave
            && let Some(program) = &mut self.program
        {
            program.end_input();
        }
        lines.is_some() || asked.operation == Operation::Leave
    }

    pub(super) fn has_ended(&self) -> bool {
        self.program.as_ref().is_none_or(Program::has_ended)
    }

    /// How it has ended, if it has. What is left of its group is killed then.
    pub(super) fn end(&self) -> Option<ExitStatus> {
        self.program.as_ref()?.wait(Instant::now()).ok().flatten()
    }

    /// Kills the program, and what it has started.
    pub(super) fn kill(&mut self) {
        self.program = None;
        // Its result matters to the next instance.
        let _ = (self.launch.sweep)();
    }

    /// Starts the program again. Returns whether that has succeeded: otherwise nothing is received.
    pub(super) fn restart(&mut self) -> bool {
        self.kill();
        self.begin().is_ok()
    }

    /// Ends the program.
    pub(super) fn stop(&mut self) {
        if let Some(program) = &mut self.program {
            program.end_input();
            if !matches!(program.wait(Instant::now() + END), Ok(Some(_))) {
                program.kill();
            }
            // The threads that collect the output may not have read all of it yet.
            program.wait_for_quiet(QUIET, Instant::now() + LINE);
        }
    }

    pub(super) fn output(&self) -> Vec<u8> {
        self.program.as_ref().map(Program::output).unwrap_or_default()
    }

    pub(super) fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    fn begin(&mut self) -> io::Result<()> {
        let program = self.program.insert(Program::start(&self.launch)?);
        program.wait_for_quiet(QUIET_AT_START, Instant::now() + START);
        let (host, port) = (self.index.ip().to_string(), self.index.port().to_string());
        let directory = self.directory.as_deref().and_then(Path::to_str).unwrap_or_default();
        let number = self.rfc.to_string();
        let values = [host.as_str(), &port, directory, &number];
        let values: Vec<(&str, &str)> = START_PLACEHOLDERS.into_iter().zip(values).collect();
        let lines: Vec<String> =
            filled(&self.menu.start, &values).lines().map(String::from).collect();
        self.type_lines(&lines);
        Ok(())
    }

    fn type_lines(&mut self, lines: &[String]) {
        let Some(program) = &mut self.program else { return };
        for (place, line) in lines.iter().enumerate() {
            if place > 0 {
                program.wait_for_quiet(QUIET, Instant::now() + LINE);
            }
            program.feed(&format!("{line}\n"));
        }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.kill();
        drop(self.document.remove());
    }
}
