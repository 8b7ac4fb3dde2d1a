//! A server without descriptors or threads, and one without standard output or error (protocol.md
//! section 7).

use std::fs::OpenOptions;
use std::io;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use crate::attack::Setting;
use crate::attack::report::Report;
use crate::common::programs::{Index, PATIENCE, Program, command};
use crate::common::talk::{Talk, lookup, status};

/// Attempts that must wait.
const WAITING: usize = 20;

pub(super) fn starved(setting: &Setting, report: &mut Report) -> io::Result<()> {
    without_descriptors(setting, report)?;
    without_threads(report)?;
    with_connections_that_are_gone(report)
}

fn limit(program: &Program, resource: Resource, value: usize) -> io::Result<()> {
    let id = i32::try_from(program.id()).ok().and_then(Pid::from_raw);
    let limit = Rlimit { current: Some(value as u64), maximum: Some(value as u64) };
    prlimit(id, resource, limit)?;
    Ok(())
}

fn without_descriptors(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let mut index = Index::with(&["--log", "sessions"])?;
    let address = index.address;
    let mut here: Vec<Talk> = (0..50).map(|_| Talk::to(address)).collect::<io::Result<_>>()?;
    for talk in &mut here {
        talk.ask(lookup(1))?;
    }
    let program = index.program()?;
    limit(program, Resource::Nofile, program.usage()?.files)?;
    let mut waiting: Vec<Talk> =
        (0..WAITING).map(|_| Talk::to(address)).collect::<io::Result<_>>()?;
    for talk in &mut waiting {
        talk.say(lookup(1))?;
    }
    let time = Duration::from_secs(setting.size(60, 10));
    let (before, lines) = (program.usage()?, program.errors().lines().count());
    thread::sleep(time);
    let after = program.usage()?;
    let share = (after.processor - before.processor) / time.as_secs_f64() * 100.0;
    let lines = (program.errors().lines().count() - lines) as f64 / time.as_secs_f64();
    report.figure("processor without a descriptor", share, "%");
    report.figure("log lines a second", lines, "");
    report.require("less than 2 % of a processor", share < 2.0);
    report.require("at most 10 lines a second", lines <= 10.0);
    let is_here = here.iter_mut().all(|talk| talk.ask(lookup(1)).is_ok());
    report.require("connected peers are served", is_here);
    let begun = Instant::now();
    here.truncate(here.len() - WAITING);
    let served = waiting.iter_mut().filter_map(|talk| talk.reply().ok());
    report.require("waiting peers are served when others leave", served.count() == WAITING);
    report.figure("all of them after", begun.elapsed().as_secs_f64(), "s");
    Ok(())
}

/// The limit on threads is one of users, and none of root. What the server computes from it does
/// not know of the user's other programs, which are here in its way.
fn without_threads(report: &mut Report) -> io::Result<()> {
    const NOBODY: u32 = 65534;
    let mut others = Vec::new();
    let mut server = Command::new("bash");
    let ours = command("server")?;
    server.args(["-c", "ulimit -u 40; exec -a server \"$0\" \"$@\""]).arg(ours.get_program());
    server.args(["--listen", "127.0.0.1:0", "--log", "sessions"]).env_remove("RUST_LOG");
    server.uid(NOBODY).gid(NOBODY);
    let mut index = match Program::start(server).and_then(Index::of) {
        Ok(index) if rustix::process::geteuid().is_root() => index,
        _ => {
            report.skip("no server can be started as another user");
            return Ok(());
        }
    };
    let mut here: Vec<Talk> = Vec::new();
    for _ in 0..5 {
        let mut talk = Talk::to(index.address)?;
        talk.ask(lookup(1))?;
        here.push(talk);
    }
    for _ in 0..25 {
        let mut sleep = Command::new("sleep");
        others.push(sleep.arg("60").uid(NOBODY).gid(NOBODY).spawn()?);
    }
    let (mut refused, mut served) = (0, 0);
    for _ in 0..WAITING {
        let mut talk = Talk::to(index.address)?;
        let _ = talk.say(lookup(1));
        match talk.reply() {
            Ok(reply) if status(&reply) == "503" => refused += 1,
            Ok(_) => {
                served += 1;
                here.push(talk);
            }
            Err(_) => {}
        }
    }
    report.figure("served until there was no thread", f64::from(served), "");
    report.figure("refused without a thread", f64::from(refused), "");
    let is_said = index.program()?.says("cannot start a thread");
    report.require("a connection without a thread gets 503, and the log says why", {
        refused > 0 && refused + served == WAITING as i32 && is_said
    });
    report.require(
        "connected peers are served",
        here.iter_mut().all(|talk| talk.ask(lookup(1)).is_ok()),
    );
    here.pop();
    let address = index.address;
    let is_served =
        || -> io::Result<bool> { Ok(status(&Talk::to(address)?.ask(lookup(1))?) != "503") };
    let begun = Instant::now();
    while !is_served().unwrap_or(false) && begun.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(10));
    }
    report.require("the next is served when one goes", begun.elapsed() < Duration::from_secs(2));
    for mut other in others {
        other.kill()?;
        other.wait()?;
    }
    Ok(())
}

/// Every second accept fails as if the connection had gone before it was taken.
fn with_connections_that_are_gone(report: &mut Report) -> io::Result<()> {
    if Command::new("strace").arg("-V").output().is_err() {
        report.skip("strace is not installed");
        return Ok(());
    }
    let server = command("server")?;
    let mut strace = Command::new("strace");
    // With `-o` it would hold back the signal that ends it.
    strace.args(["-f", "-qq", "-I", "2", "-o", "/dev/null", "-e", "trace=accept4"]);
    strace.args(["-e", "inject=accept4:error=ECONNABORTED:when=1+2"]);
    strace.arg(server.get_program()).args(["--listen", "127.0.0.1:0", "--log", "sessions"]);
    let mut index = match Program::start(strace).and_then(Index::of) {
        Ok(index) => index,
        Err(error) => {
            report.skip(&format!("strace does not run it: {error}"));
            return Ok(());
        }
    };
    let begun = Instant::now();
    let served = (0..100)
        .filter(|_| Talk::to(index.address).and_then(|mut talk| talk.ask(lookup(1))).is_ok())
        .count();
    report.figure("served while accept fails every second time", served as f64, "");
    report.figure("in", begun.elapsed().as_secs_f64(), "s");
    report.require("all are served", served == 100);
    // A killed strace would leave the server running. After SIGTERM it ends the server, too.
    index.program()?.signal(Signal::TERM)?;
    index.program()?.wait().map(drop)
}

/// A server whose output and errors go somewhere.
type Redirected = fn() -> io::Result<Command>;

fn full() -> io::Result<std::fs::File> {
    OpenOptions::new().write(true).open("/dev/full")
}

pub(super) fn streams(_: &Setting, report: &mut Report) -> io::Result<()> {
    let ways: [(&str, Redirected); 4] = [
        ("both closed", || {
            let mut bash = Command::new("bash");
            bash.args(["-c", "exec -a server \"$0\" \"$@\" >&- 2>&-"]);
            bash.arg(command("server")?.get_program());
            Ok(bash)
        }),
        ("output full", || {
            let mut command = command("server")?;
            command.stdout(full()?).stderr(Stdio::null());
            Ok(command)
        }),
        ("both full", || {
            let mut command = command("server")?;
            command.stdout(full()?).stderr(full()?);
            Ok(command)
        }),
        ("pipes whose readers are gone", || {
            let mut command = command("server")?;
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            Ok(command)
        }),
    ];
    for (way, redirected) in ways {
        // Port 0 would not be told to anybody.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = redirected()?;
        command.args(["--listen", &port.to_string(), "--log", "requests"]).stdin(Stdio::null());
        let mut child = command.spawn()?;
        drop((child.stdout.take(), child.stderr.take()));
        let begun = Instant::now();
        while TcpStream::connect(port).is_err() && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(5));
        }
        let served = (0..100)
            .filter(|_| {
                let outcome = Talk::to(port).and_then(|mut talk| {
                    talk.ask(lookup(1))?;
                    talk.ask("NONSENSE\r\n\r\n")
                });
                outcome.is_ok()
            })
            .count();
        let lives = child.try_wait()?.is_none();
        let ended = Command::new("kill").arg(child.id().to_string()).status()?.success();
        let status = child.wait()?;
        report.require(&format!("{way}: the server lives, and serves"), lives && served == 100);
        report.require(&format!("{way}: it ends with code 0"), ended && status.code() == Some(0));
    }
    // A peer whose standard error is full.
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("rfc1.txt"), "one")?;
    let index = Index::with(&["--log", "quiet"])?;
    let arguments = ["--upload", "127.0.0.1:0", "share"];
    let mut command = crate::common::programs::peer_command(
        &index.address.to_string(),
        directory.path(),
        &arguments,
    )?;
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(full()?);
    let mut child = command.spawn()?;
    let mut talk = Talk::to(index.address)?;
    let begun = Instant::now();
    while status(&talk.ask(lookup(1))?) != "200" && begun.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(5));
    }
    report.require("a peer whose error stream is full registers", begun.elapsed() < PATIENCE);
    let ended = Command::new("kill").arg(child.id().to_string()).status()?.success();
    report.require("and ends with code 0", ended && child.wait()?.code() == Some(0));
    Ok(())
}
