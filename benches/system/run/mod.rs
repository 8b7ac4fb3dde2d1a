//! The suites, their sizes, and the output of a run.

mod anchors;
mod cluster;
mod findings;
mod index;
mod load;
mod memory;
mod network;
mod probe;
mod processes;
mod report;
mod samples;
mod table;
mod transfer;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use clap::Parser;

use crate::common::output::{print_error, print_line};
use crate::common::programs;
use anchors::{Anchor, is_installed};
use findings::Findings;

/// Starts an index and peers, measures what they do, and writes a table, a report and CSV.
#[derive(Debug, Parser)]
#[command(name = "system")]
struct Args {
    /// Suites to measure [see --list; default: all]
    #[arg(value_name = "SUITE")]
    suites: Vec<String>,

    /// Smaller and shorter: everything within a minute
    #[arg(long)]
    quick: bool,

    /// Rounds, of whose figures the median is taken [default: 5, with --quick 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: Option<u16>,

    /// Chooses documents and sizes; the same seed makes the same requests
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Measure in the same rounds what is installed of `redis` and `nginx`, and P2P-CI servers
    #[arg(long, value_name = "WHAT", value_delimiter = ',', default_value = "redis,nginx")]
    against: Vec<Against>,

    /// A directory with RFCs to transfer; without it documents of their sizes are made
    #[arg(long, value_name = "DIRECTORY")]
    library: Option<PathBuf>,

    /// Let tshark count what the networks have on the wire, if it is installed and may
    #[arg(long)]
    capture: bool,

    /// Where report.html and bench.csv go
    #[arg(long, value_name = "DIRECTORY", default_value = "target/bench")]
    out: PathBuf,

    /// List the suites and leave
    #[arg(long)]
    list: bool,

    /// Given by `cargo bench`, without effect
    #[arg(long, hide = true)]
    bench: bool,
}

/// The programs that are measured for comparison.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Against {
    Redis,
    Nginx,
    Server(SocketAddr),
}

impl std::str::FromStr for Against {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "redis" => Ok(Self::Redis),
            "nginx" => Ok(Self::Nginx),
            _ => text.parse().map(Self::Server).map_err(|_| {
                format!(
                    "expected `redis`, `nginx` or an address such as 127.0.0.1:7734, found `{text}`"
                )
            }),
        }
    }
}

/// Something that is measured.
struct Suite {
    name: &'static str,
    what: &'static str,
    run: fn(&Setting, &mut Findings) -> io::Result<()>,
}

/// How it is measured.
struct Setting {
    quick: bool,
    rounds: usize,
    /// How long a load lasts that has no end of its own.
    time: Duration,
    seed: u64,
    against: Vec<Against>,
    library: Option<PathBuf>,
    capture: bool,
    /// Other P2P-CI servers to compare with.
    others: Vec<SocketAddr>,
}

impl Setting {
    /// The full size, or the one that fits.
    fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// Redis in its configurations, if it is wanted and installed.
    fn redis(&self, findings: &mut Findings) -> io::Result<Vec<Anchor>> {
        if !self.against.contains(&Against::Redis) {
            return Ok(Vec::new());
        }
        if !is_installed("redis-server") {
            findings.skip("Redis: expected `redis-server` to be installed");
            return Ok(Vec::new());
        }
        Anchor::redis()
    }

    /// nginx in its configurations in front of a directory, if it is wanted and installed.
    fn nginx(&self, root: &Path, findings: &mut Findings) -> io::Result<Vec<Anchor>> {
        if !self.against.contains(&Against::Nginx) {
            return Ok(Vec::new());
        }
        if !is_installed("nginx") {
            findings.skip("nginx: expected `nginx` to be installed");
            return Ok(Vec::new());
        }
        Anchor::nginx(root)
    }
}

fn suites() -> impl Iterator<Item = &'static Suite> {
    let suites = [index::SUITES, cluster::SUITES, transfer::SUITES, network::SUITES, table::SUITES];
    suites.into_iter().flatten()
}

/// Runs the measurements, or the program under whose name this one was started.
pub(crate) fn main() -> ExitCode {
    let name = env::args_os().next().unwrap_or_default();
    let name = Path::new(&name).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some(code) = anchors::run_as(name) {
        return code;
    }
    if env::args().nth(1).is_some_and(|first| first == table::INSIDE) {
        return match table::inside() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                print_error(format_args!("{}: {error}", table::INSIDE));
                ExitCode::FAILURE
            }
        };
    }
    let args = Args::parse();
    if args.list {
        for suite in suites() {
            print_line(format_args!("{:<12} {}", suite.name, suite.what));
        }
        return ExitCode::SUCCESS;
    }
    let outcome = run(&args);
    programs::remove_state();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(format_args!("system: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let known = |name: &str| name == "all" || suites().any(|suite| suite.name == name);
    if let Some(unknown) = args.suites.iter().find(|name| !known(name)) {
        return Err(io::Error::other(format!("expected a suite of --list, found `{unknown}`")));
    }
    programs::raise_limits();
    let setting = Setting {
        quick: args.quick,
        rounds: usize::from(args.rounds.unwrap_or(if args.quick { 3 } else { 5 })),
        time: Duration::from_millis(if args.quick { 150 } else { 2000 }),
        seed: args.seed,
        against: args.against.clone(),
        library: args.library.clone(),
        capture: args.capture,
        others: args
            .against
            .iter()
            .filter_map(|against| match against {
                Against::Server(address) => Some(*address),
                Against::Redis | Against::Nginx => None,
            })
            .collect(),
    };
    let mut findings = Findings::default();
    let chosen = |suite: &&Suite| {
        args.suites.is_empty() || args.suites.iter().any(|name| name == suite.name || name == "all")
    };
    let mut failed = 0;
    for suite in suites().filter(chosen) {
        // A machine that does not let one thing be measured lets others.
        if let Err(error) = (suite.run)(&setting, &mut findings) {
            findings.skip(format!("{}: {error}", suite.name));
            failed += 1;
        }
    }
    for table in findings.tables() {
        print_line(format_args!("{table}\n"));
    }
    print_line(format_args!("Ratios, also those in parentheses, are ours by the other's."));
    for what in &findings.skipped {
        print_line(format_args!("left out: {what}"));
    }
    fs::create_dir_all(&args.out)?;
    findings.write_csv(&args.out.join("bench.csv"))?;
    let path = args.out.join("report.html");
    report::write(&findings, &path)?;
    print_line(format_args!("{}", path.display()));
    match failed {
        0 => Ok(()),
        _ => Err(io::Error::other(format!("{failed} suites failed, see above"))),
    }
}
