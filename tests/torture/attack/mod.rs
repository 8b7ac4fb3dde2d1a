//! The cases, what they attack, and how hard.

mod cases;
mod fleet;
mod latency;
mod namespace;
mod report;
mod trap;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, io};

use clap::Parser;

use crate::common::output::{print_error, print_line};
use crate::common::programs;
use cases::{CASES, Case};
use report::{Report, Verdict};

/// Attacks an index server and peers as hostile and broken programs do, and prints the results.
#[derive(Debug, Parser)]
#[command(
    name = "torture",
    after_help = "Exit codes: 0 all was seen, 1 something was not, 2 usage, 3 nothing but times was not held."
)]
struct Args {
    /// Cases, or `all` [see --list]
    #[arg(value_name = "CASE")]
    cases: Vec<String>,

    /// Attack this index instead of one that is started: only for cases that need no more
    #[arg(long, value_name = "ADDR:PORT")]
    target: Option<SocketAddr>,

    /// Smaller, so that all cases take less than ten minutes
    #[arg(long)]
    quick: bool,

    /// One JSON object for each case
    #[arg(long)]
    json: bool,

    /// List the cases and leave
    #[arg(long)]
    list: bool,
}

/// The target and the size of the attacks.
struct Setting {
    target: Option<SocketAddr>,
    quick: bool,
}

impl Setting {
    /// The full size, or the one that fits.
    fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// Runs the attacks, or the program under whose name this one was started.
pub(crate) fn main() -> ExitCode {
    let name = env::args_os().next().unwrap_or_default();
    if Path::new(&name).file_name().is_some_and(|name| name == "panicking-server") {
        return trap::panicking_server();
    }
    let args = Args::parse();
    if args.list {
        for (number, case) in CASES.iter().enumerate() {
            print_line(format_args!("{:2}  {:<16} {}", number + 1, case.name, case.what));
        }
        return ExitCode::SUCCESS;
    }
    let outcome = run(&args);
    programs::remove_state();
    match outcome {
        Ok(Verdict::Seen) => ExitCode::SUCCESS,
        Ok(Verdict::Broken) => ExitCode::FAILURE,
        Ok(Verdict::Late) => ExitCode::from(3),
        Err(error) => {
            print_error(format_args!("torture: {error}"));
            ExitCode::from(2)
        }
    }
}

/// Runs what was asked for; returns the worst that came of it.
fn run(args: &Args) -> io::Result<Verdict> {
    let chosen = |case: &&Case| args.cases.iter().any(|name| name == case.name || name == "all");
    if let Some(unknown) = args
        .cases
        .iter()
        .find(|name| *name != "all" && CASES.iter().all(|case| case.name != name.as_str()))
    {
        return Err(io::Error::other(format!("expected a case of --list, found `{unknown}`")));
    }
    programs::raise_limits();
    let setting = Setting { target: args.target, quick: args.quick };
    let mut worst = Verdict::Seen;
    for case in CASES.iter().filter(chosen) {
        let begun = Instant::now();
        let mut verdict = attempt(case, &setting, args.json);
        // Other work of the machine may violate limits of time, but no other requirement.
        if verdict == Verdict::Late && begun.elapsed() < REPEATED {
            print_error(format_args!(
                "torture: {}: only times were not held: once more",
                case.name
            ));
            verdict = attempt(case, &setting, args.json);
        }
        worst = worst.max(verdict);
    }
    Ok(worst)
}

/// A case that held everything but its times is repeated once if it took less than this time.
const REPEATED: Duration = Duration::from_secs(60);

fn attempt(case: &Case, setting: &Setting, is_json: bool) -> Verdict {
    let mut report = Report::new(case.name, is_json);
    if let Err(error) = (case.run)(setting, &mut report) {
        report.require(&format!("the case runs to its end: {error}"), false);
    }
    report.finish()
}
