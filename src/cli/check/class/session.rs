//! Runs the cases of a submission, next to its program.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::super::case_result::CaseResult;
use super::job::Job;
use super::kind::Kind;
use super::ports;
use super::program::{ENDING, Watched};
use super::report::Report;
use crate::check::{self, Outcome, Target};
use crate::cli::output::print::print_json;
use crate::confined::{self, Isolation};
use crate::limits;
use crate::protocol::dialect::StyleSettings;
use crate::server::{Config, Server};

/// The directories of a submission.
pub(super) struct Places {
    pub(super) submission: PathBuf,
    pub(super) home: PathBuf,
    pub(super) temporary: PathBuf,
}

impl Places {
    pub(super) fn below(private: &Path) -> Self {
        let [submission, home, temporary] =
            ["submission", "home", "temporary"].map(|name| private.join(name));
        Self { submission, home, temporary }
    }
}

/// Runs as a process of its own. With namespaces it is the first process of its PID namespace.
pub(in crate::cli::check) fn run_session(job: &Job) -> ExitCode {
    let mut isolation = Isolation::from_words(&job.isolation);
    let begun = if isolation.namespaces {
        let ended = confined::end_with_parent();
        isolation.memory = confined::mount_processes();
        ended.and_then(|()| confined::drop_capabilities())
    } else {
        isolation = Isolation { memory: true, user: job.user.is_some(), ..isolation };
        confined::refuse_tracing().and_then(|()| confined::adopt_orphans())
    };
    let ending = end_with_input(job.work.clone());
    let report = match begun {
        Err(error) => Report::untested(isolation, format!("isolation is not possible: {error}")),
        Ok(()) if job.probe => Report { isolation, is_tested: true, ..Report::default() },
        Ok(()) => Session { job, isolation }.run(),
    };
    // Waits for its end, if the input has ended.
    let _running = ending.lock().unwrap_or_else(PoisonError::into_inner);
    // If nobody reads the report, its reader reports that.
    let _ = print_json(&report.to_json());
    ExitCode::SUCCESS
}

/// Ends with the process that has started this one: the other end of standard input is then closed. The files
/// of the submission are removed, if the kernel does not do it. The result is locked as soon as this process is
/// being ended.
fn end_with_input(work: Option<PathBuf>) -> Arc<Mutex<()>> {
    let ending = Arc::<Mutex<()>>::default();
    let result = Arc::clone(&ending);
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ending = ending.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing is started afterwards.
        check::kill_all();
        confined::kill_descendants();
        if let Some(work) = work {
            let _ = confined::remove_tree(&work);
        }
        std::process::exit(1);
    });
    result
}

struct Session<'a> {
    job: &'a Job,
    isolation: Isolation,
}

impl Session<'_> {
    fn run(&self) -> Report {
        let tested = self.start().and_then(|(program, port)| self.test(&program, port));
        tested.unwrap_or_else(|problem| match problem {
            Problem::OfProgram(text) => {
                let untested = Report::untested(self.isolation, text);
                Report { is_tested: true, ..untested }
            }
            Problem::OfSystem(text) => Report::untested(self.isolation, text),
        })
    }

    /// Starts the program.
    fn start(&self) -> Result<(Watched, u16), Problem> {
        let job = self.job;
        let private = job.work.as_deref().unwrap_or(Path::new(confined::PRIVATE));
        let places = Places::below(private);
        let port = if job.port == 0 { ports::free_port().map_err(of_system)? } else { job.port };
        ports::wait_until_free(port).map_err(Problem::OfSystem)?;
        if job.kind == Kind::Uploader {
            start_index().map_err(Problem::OfSystem)?;
        }
        let processes = match (self.isolation.namespaces, job.user) {
            // Those of the user, or of the user in this namespace, are all of the program.
            (true, _) | (_, Some(_)) => limits::PROGRAM_PROCESSES,
            (false, None) => limits::PROGRAM_PROCESSES.saturating_add(confined::tasks_of_user()),
        };
        let mut words = vec![confined::own_program().to_string(), "check".into(), "execute".into()];
        words.push(format!("--home={}", places.home.display()));
        words.push(format!("--temporary={}", places.temporary.display()));
        words.push(format!("--processes={processes}"));
        words.extend(job.user.map(|user| format!("--user={user}")));
        words.push("--".into());
        let directory = places.submission.display().to_string();
        words.extend(job.words.iter().map(|word| {
            let word = word.replace("{dir}", &directory).replace("{port}", &port.to_string());
            word.replace("{rfc}", &job.rfc.to_string())
        }));
        let files = (!self.isolation.namespaces).then_some(private);
        let program = Watched::start(&words, &places.submission, files);
        let program = program.map_err(of_system)?;
        Ok((program, port))
    }

    fn test(&self, program: &Watched, port: u16) -> Result<Report, Problem> {
        let job = self.job;
        let begun = Instant::now();
        let target = self.wait_for_listener(program, port).map_err(Problem::OfProgram)?;
        let mut report = Report { isolation: self.isolation, is_tested: true, ..Report::default() };
        let end = begun + Duration::from_secs(job.seconds);
        let mut silent = 0_usize;
        let cases = job.kind.cases(job.level);
        for (place, case) in cases.into_iter().skip_while(|(place, _)| *place < job.from) {
            if Instant::now() >= end {
                let seconds = limits::SUBMISSION_TIME.as_secs();
                report.problems.push(format!("its cases took more than {seconds} s"));
                break;
            }
            let outcome = check::run(case, place, target);
            report.results.push(CaseResult::from(&outcome));
            silent = if is_silent(&outcome) { silent.saturating_add(1) } else { 0 };
            let stopped = match program.exceeded() {
                Some(exceeded) => Some(exceeded.to_string()),
                None if is_gone(program, target, &outcome) => Some(program.ending()),
                None if silent >= limits::SILENT_CASES && job.restarts => {
                    silent = 0;
                    Some("did not reply any more".to_string())
                }
                None => None,
            };
            if let Some(stopped) = stopped {
                if let Some(result) = report.results.last_mut() {
                    result.fail(&format!("{stopped}; serve on, whatever a client sends"));
                }
                report.problems.push(format!("{stopped} (in {})", case.id));
                report.next = Some(place.saturating_add(1));
                break;
            }
        }
        Ok(report)
    }

    /// Waits until the program accepts connections.
    fn wait_for_listener(&self, program: &Watched, port: u16) -> Result<Target, String> {
        let deadline = Instant::now() + limits::PROGRAM_START;
        let shared = (self.job.kind == Kind::Uploader).then_some(self.job.rfc);
        loop {
            for address in [ports::addresses(port).to_vec(), self.other_addresses()].concat() {
                if TcpStream::connect_timeout(&address, Duration::from_millis(250)).is_ok() {
                    return Target::reach(&[address], shared).map_err(|error| error.to_string());
                }
            }
            if let Some(exceeded) = program.exceeded() {
                return Err(format!("{exceeded} (before it listened)"));
            }
            // A process of it may run in the background.
            if program.has_ended() && confined::descendants().is_ok_and(|left| left.is_empty()) {
                return Err(format!("{} (before it listened)", program.ending()));
            }
            if Instant::now() >= deadline {
                let seconds = limits::PROGRAM_START.as_secs();
                let mut text = format!("did not listen on port {port} within {seconds} s");
                let others: Vec<String> = self.listening().map(|port| port.to_string()).collect();
                if !others.is_empty() {
                    text += &format!(", but on {}", others.join(", "));
                } else if program.has_ended() {
                    text += &format!("; {}", program.ending());
                }
                return Err(text);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The ports on which the program listens, if no other program can listen in this network.
    fn listening(&self) -> impl Iterator<Item = u16> {
        let ports = if self.isolation.namespaces { confined::listening_ports() } else { [].into() };
        let index = Kind::Server.default_port();
        ports.into_iter().filter(move |port| *port != index)
    }

    /// An upload server may choose its port, unless it is told it.
    fn other_addresses(&self) -> Vec<SocketAddr> {
        let is_told = self.job.words.iter().any(|word| word.contains("{port}"));
        match self.job.kind {
            Kind::Uploader if !is_told => self.listening().flat_map(ports::addresses).collect(),
            Kind::Uploader | Kind::Server => Vec::new(),
        }
    }
}

/// Why there are no results.
enum Problem {
    OfProgram(String),
    OfSystem(String),
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn of_system(error: io::Error) -> Problem {
    Problem::OfSystem(error.to_string())
}

/// Whether the program has ended, and no other process of it accepts connections.
fn is_gone(program: &Watched, target: Target, outcome: &Outcome) -> bool {
    let may_have_ended = program.has_ended() || outcome.failed.is_some();
    may_have_ended && !target.accepts() && program.ends_within(ENDING)
}

/// Whether nothing was received, after a wait.
fn is_silent(outcome: &Outcome) -> bool {
    let is_without_reply = outcome.failed.as_ref().is_some_and(|failed| failed.received.is_empty());
    is_without_reply && outcome.time >= Duration::from_secs(2)
}

/// Starts an index server, which peers expect. It ends with this process.
fn start_index() -> Result<(), String> {
    let port = Kind::Server.default_port();
    let config = Config {
        listen: ports::addresses(port).to_vec(),
        compat: Some(StyleSettings::default()),
        ..Config::default()
    };
    let server =
        Server::bind(&config).map_err(|error| format!("no index server for it: {error}"))?;
    thread::spawn(move || server.run());
    Ok(())
}
