//! `check client` and `check peer`: this program is the index server.

use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use std::{fs, mem, thread};

use super::command_words::words;
use super::error::Error;
use super::menu_file::menu_text;
use super::options::Options;
use super::results::Results;
use crate::check::{
    COMMAND_PLACEHOLDERS, Case, Document, Driven, Launch, Menu, Operator, Person, Session, Target,
    client_program, kill_all, upload_server,
};
use crate::cli::output::format::Format;
use crate::cli::output::print::print_text;
use crate::cli::session::interrupt::{Interrupt, Mode};
use crate::cli::values::bounded_lines::BoundedLines;
use crate::cli::values::option_values::{Listen, remedy};
#[cfg(target_os = "linux")]
use crate::confined;

/// The idle time if nobody is at a terminal.
const IDLE: NonZeroU64 = match NonZeroU64::new(60) {
    Some(seconds) => seconds,
    None => NonZeroU64::MIN,
};

/// Bytes of a line that is typed. Only whether it is empty matters.
const LINE: usize = 1024;

/// The arguments of `check peer`.
pub(super) struct Started {
    pub(super) start: String,
    pub(super) menu: Option<PathBuf>,
    pub(super) dir: Option<PathBuf>,
    pub(super) listen: Listen,
}

/// Tests a client that a person operates; returns whether all cases have passed.
pub(super) fn person(
    listen: Listen,
    idle: Option<NonZeroU64>,
    options: &Options,
) -> Result<bool, Error> {
    let cases = included(client_program(), options);
    let results = Results::prepare("client", &cases, options)?;
    let (listener, format) = (bind(listen)?, format(options));
    announce(&listener, format)?;
    let is_terminal = io::stdin().is_terminal();
    let idle = idle.or((!is_terminal).then_some(IDLE));
    let person = Person {
        // Without a reader nobody sees the instructions, and the idle time ends the test.
        say: Box::new(move |line| drop(print_text(format, line))),
        typed: is_terminal.then(lines).transpose().map_err(Error::Threads)?,
        idle: idle.map(|seconds| Duration::from_secs(seconds.get())),
    };
    let operator = Operator::Person(person);
    let session = Session::new(listener, Target::numbers(), operator).map_err(Error::Threads)?;
    let outcomes = session.run(&cases, &[]);
    outcomes.iter().try_for_each(|outcome| results.print(outcome))?;
    results.finish(&outcomes)
}

/// Starts a program and tests it; returns whether all cases have passed.
pub(super) fn started(started: &Started, options: &Options) -> Result<bool, Error> {
    let (cases, uploads) =
        (included(client_program(), options), included(upload_server(), options));
    let all = [cases.clone(), uploads.clone()].concat();
    let results = Results::prepare("peer", &all, options)?;
    let menu = started.menu.as_deref().map(menu_text).transpose()?;
    let menu = menu.map_or(Ok(Menu::default()), |text| Menu::parse(&text));
    let menu = menu.map_err(Error::Command)?;
    let words = words(&started.start, &COMMAND_PLACEHOLDERS).map_err(Error::Command)?;
    // Otherwise the error would name the program.
    if let Some(dir) = started.dir.as_deref().filter(|dir| !dir.is_dir()) {
        let dir = dir.display();
        return Err(Error::Command(format!(
            "--dir {dir}: there is no such directory; create it first"
        )));
    }
    let needs_directory = words.iter().any(|word| word.contains("{dir}"));
    let listener = bind(started.listen)?;
    let address = listener.local_addr().map_err(Error::Threads)?;
    let interrupt = Interrupt::start(Mode::Single { is_cancellable: false });
    let interrupt = interrupt.map_err(Error::Threads)?;
    let own = match (&started.dir, needs_directory) {
        (None, true) => Some(tempfile::tempdir().map_err(Error::Directory)?),
        _ => None,
    };
    let directory = own.as_ref().map(|own| own.path().to_path_buf());
    let temporary = directory.clone();
    let document = Document::default();
    let put = document.clone();
    // What leaves the process group of the program is found, too.
    #[cfg(target_os = "linux")]
    confined::adopt_orphans().map_err(Error::Threads)?;
    interrupt.at_end(move || {
        kill_all();
        end_left();
        // None is put until this program has ended.
        mem::forget(put.remove());
        // What the program has open there no longer matters.
        temporary.map(fs::remove_dir_all);
    });
    let directory = directory.or(started.dir.clone());
    let format = format(options);
    announce(&listener, format)?;
    let first = Target::numbers();
    // The index server must listen before the program starts.
    let launch = Launch {
        sweep: Arc::new(|| {
            end_left();
            Ok(())
        }),
        ..Launch::of(words)
    };
    let driven = Driven::start(launch, menu, reachable(address), first, directory, document)
        .map_err(|cause| Error::Start { command: started.start.clone(), cause })?;
    let session = Session::new(listener, first, Operator::Driven(Box::new(driven)));
    let outcomes = session.map_err(Error::Threads)?.run(&cases, &uploads);
    outcomes.iter().try_for_each(|outcome| results.print(outcome))?;
    results.finish(&outcomes)
}

fn included(cases: Vec<&'static Case>, options: &Options) -> Vec<&'static Case> {
    cases.into_iter().filter(|case| options.includes(case)).collect()
}

/// Kills the processes that have left the process group of the program.
fn end_left() {
    #[cfg(target_os = "linux")]
    confined::kill_descendants();
}

fn bind(listen: Listen) -> Result<TcpListener, Error> {
    listen.bind().map_err(|cause| {
        let remedy = remedy(cause.kind(), listen.port(), "--listen");
        let remedy = remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default();
        Error::Listen { address: listen.to_string(), cause, remedy }
    })
}

/// The address at which a program on this computer reaches a socket.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Says where the index server is.
fn announce(listener: &TcpListener, format: Format) -> Result<(), Error> {
    let address = listener.local_addr().map_err(Error::Threads)?;
    print_text(format, format_args!("listening on {address}")).map_err(Error::Output)
}

/// With `--json` standard output has one object only.
fn format(options: &Options) -> Format {
    if options.json { Format::Json } else { Format::Raw }
}

/// Receives the lines that are typed.
fn lines() -> io::Result<Receiver<String>> {
    let (sender, receiver) = channel();
    let read = move || {
        let mut lines = BoundedLines::new(LINE);
        // A longer line says as much as its beginning.
        while let Ok(Some(line)) = lines.next(&mut io::stdin().lock()) {
            let line = line.unwrap_or_else(|too_long| too_long.beginning);
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("enter".into()).spawn(read)?;
    Ok(receiver)
}
