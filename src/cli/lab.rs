//! `p2p-ci lab`: an index server and several peers in this process (docs/lab.md).

mod error;
mod file;
mod page;
mod results;
mod screen;
mod session;
mod sniffer;
mod typing;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::admin::{AdminArgs, AdminListeners, AdminServer};
use super::errors::report::report;
use super::output::print::{print_json, print_line};
use super::record::RecordArgs;
use super::values::quantity::{byte_factor, quantity};
use super::values::rate::Rate;
use crate::capture::Recorder;
use crate::escape::{escaped, escaped_path};
use crate::lab::{
    BUILTIN, Builtin, Documents, Figures, Group, Laboratory, MOST_PEERS, Phase, Scenario, Schedule,
    Settings, builtin, plot,
};
use error::Error;
use page::LabPage;
use screen::{Place, Screen};
use session::Ending;
use sniffer::Sniffer;
use typing::Prompt;

const AFTER_HELP: &str = "\
Without a scenario, commands are read from the terminal or from standard input;
`help` lists them. docs/lab.md describes scenarios.

Examples:
  p2p-ci lab 3
  p2p-ci lab list
  p2p-ci lab run flash-crowd
  p2p-ci lab print churn >my.toml; p2p-ci lab run my.toml --record my.pcapng";

/// The longest time that downloads continue after the last command of a script.
const AFTER_SCRIPT: Duration = Duration::from_secs(120);

/// The arguments of `p2p-ci lab`.
#[derive(Debug, Args)]
#[command(
    after_help = AFTER_HELP,
    disable_help_subcommand = true,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,

    /// The number of peers
    #[arg(value_name = "PEERS", value_parser = count_of_peers)]
    peers: Option<u64>,

    /// Deal the files of this directory to the peers, in place of generated documents
    #[arg(long, value_name = "DIR")]
    share: Option<PathBuf>,

    /// The number of documents that are generated for each peer [default: 2]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=99))]
    documents: Option<u32>,

    /// The length of each generated document [default: 64KiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    size: Option<u64>,

    /// Milliseconds that each peer adds to the time of a round trip [default: 0]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(0..=2000))]
    latency: Option<u64>,

    /// Bytes per second that each peer sends, such as `1M` (decimal) or `1MiB` [default: unlimited]
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,

    #[command(flatten)]
    record: RecordArgs,

    #[command(flatten)]
    admin: AdminArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run a scenario, and print its figures
    Run(RunArgs),
    /// List the scenarios that this program contains
    List,
    /// Print a scenario of this program
    Print {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The name of a scenario of this program, or a file
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,

    /// Print the figures as one JSON object
    #[arg(long)]
    json: bool,

    /// Print the exchange on all connections, too
    #[arg(long)]
    exchange: bool,

    /// Write the plot to this file [default: the name of the scenario, with `.svg`]
    #[arg(long, value_name = "FILE", conflicts_with = "no_plot")]
    plot: Option<PathBuf>,

    /// Write no plot
    #[arg(long)]
    no_plot: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let result = match &arguments.action {
        Some(Action::List) => list(),
        Some(Action::Print { name }) => print(name),
        Some(Action::Run(run)) => run_scenario(run, arguments),
        None => run_peers(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A reader that has closed its pipe, and a signal, need no message.
            if !error.is_silent() {
                report("p2p-ci lab", &error);
            }
            error.failure().into()
        }
    }
}

fn list() -> Result<(), Error> {
    for Builtin { name, text } in BUILTIN {
        let scenario = Scenario::parse(text).map_err(|error| Error::scenario(name, error))?;
        let seconds = scenario.duration.as_secs();
        let about = scenario.about.lines().next().unwrap_or_default().to_string();
        let line =
            format!("{name:<18} {:>3} peers, {seconds:>2} s at most: {about}", scenario.peers());
        print_line(line).map_err(Error::Output)?;
    }
    Ok(())
}

fn print(name: &str) -> Result<(), Error> {
    let builtin = builtin(name).ok_or_else(|| Error::Unknown(escaped(name).to_string()))?;
    print_line(builtin.text.trim_end()).map_err(Error::Output)
}

/// Peers that do what is typed.
fn run_peers(arguments: &Arguments) -> Result<(), Error> {
    let group = Group {
        name: "peer".into(),
        count: usize::try_from(arguments.peers.unwrap_or(1)).unwrap_or(1),
        latency: Duration::from_millis(arguments.latency.unwrap_or(0)),
        rate: arguments.rate.map(|rate| rate.bytes_per_second().get()),
        documents: Documents {
            first: 101,
            count: arguments.documents.unwrap_or(2),
            size: arguments.size.unwrap_or(64 * 1024),
            own: true,
        },
        ..Group::default()
    };
    let scenario = Scenario::of_peers(group);
    let settings = Settings {
        scenario: scenario.clone(),
        share: arguments.share.clone(),
        recorder: recorder(&arguments.record)?,
        shows_exchange: true,
    };
    let listeners = arguments.admin.listen()?;
    let ending = Ending::start().map_err(Error::Start)?;
    let typed =
        Prompt::start(ending.interrupt()).map_err(|error| Error::Start(io::Error::other(error)))?;
    let (prompt, place) = match typed {
        Some((prompt, notices)) => (Some(prompt), Place::AbovePrompt(notices)),
        None => (None, Place::Output),
    };
    let screen = Screen::start(place, ending.cancel.clone()).map_err(Error::Start)?;
    let print = screen.printer();
    let laboratory = Arc::new(Laboratory::start(settings, print).map_err(Error::Start)?);
    ending.remove_at_end(laboratory.root());
    for index in laboratory.indexes() {
        screen.note(&format!("the index server listens on {index}"));
    }
    let admin = show(&arguments.admin, listeners, &laboratory, &screen)?;
    Schedule::of(&scenario).run(&laboratory, &ending.cancel).map_err(Error::Step)?;
    laboratory.wait_until_registered();
    laboratory.enter(Phase::Commands);
    session::serve(&laboratory, &screen, &ending, prompt, AFTER_SCRIPT).map_err(Error::Output)?;
    let figures = laboratory.figures();
    // It has the laboratory, too.
    drop(admin);
    drop(laboratory);
    screen.end().map_err(Error::Output)?;
    ending.check()?;
    results::lines(&figures, None).iter().try_for_each(print_line).map_err(Error::Output)
}

fn run_scenario(arguments: &RunArgs, all: &Arguments) -> Result<(), Error> {
    let (name, text) = read(&arguments.scenario)?;
    let scenario = Scenario::parse(&text).map_err(|error| Error::scenario(&name, error))?;
    let plotted = match (&arguments.plot, arguments.no_plot) {
        (_, true) => None,
        (Some(path), _) => Some(path.clone()),
        (None, _) => {
            Some(Path::new(&name).with_extension("svg").file_name().unwrap_or_default().into())
        }
    };
    if let Some(path) = &plotted {
        results::check_plot(path)?;
    }
    let settings = Settings {
        scenario: scenario.clone(),
        share: None,
        recorder: recorder(&all.record)?,
        shows_exchange: arguments.exchange,
    };
    let listeners = all.admin.listen()?;
    let ending = Ending::start().map_err(Error::Start)?;
    let place = if arguments.json { Place::Errors } else { Place::Output };
    let screen = Screen::start(place, ending.cancel.clone()).map_err(Error::Start)?;
    if !scenario.about.is_empty() {
        screen.note(&format!("{}\n{}", escaped(&scenario.title), scenario.about));
        screen.note("");
    }
    let sniffer = scenario
        .published
        .map(|_| Sniffer::start(&ending.cancel, |process| ending.terminate_at_end(process)));
    let laboratory = Laboratory::start(settings, screen.printer()).map_err(Error::Start)?;
    let laboratory = Arc::new(laboratory);
    ending.remove_at_end(laboratory.root());
    ending.run_at_end(laboratory.end_store());
    let admin = show(&all.admin, listeners, &laboratory, &screen)?;
    Schedule::of(&scenario).run(&laboratory, &ending.cancel).map_err(Error::Step)?;
    let figures = laboratory.figures();
    drop(admin);
    drop(laboratory);
    let sniffed = sniffer.map(|sniffer| sniffer.and_then(Sniffer::end));
    screen.end().map_err(Error::Output)?;
    ending.check()?;
    if let Some(path) = &plotted {
        results::write_plot(path, &plot(&figures))?;
    }
    print_results(arguments.json, &figures, sniffed.as_ref(), plotted.as_deref())
        .map_err(Error::Output)
}

/// Shows the laboratory at the addresses for operators.
fn show(
    arguments: &AdminArgs,
    listeners: AdminListeners,
    laboratory: &Arc<Laboratory>,
    screen: &Screen,
) -> Result<Option<AdminServer>, Error> {
    for address in listeners.addresses() {
        screen.note(&format!("admin at {address}"));
    }
    Ok(arguments.serve(listeners, LabPage::new(Arc::clone(laboratory)))?)
}

fn print_results(
    json: bool,
    figures: &Figures,
    sniffed: Option<&sniffer::Outcome>,
    plotted: Option<&Path>,
) -> io::Result<()> {
    if json {
        return print_json(&results::object(figures, sniffed));
    }
    results::lines(figures, sniffed).iter().try_for_each(print_line)?;
    plotted.map_or(Ok(()), |path| print_line(format!("  plot         {}", escaped_path(path))))
}

/// The name and the text of a scenario: of a file, or of this program if there is no such file.
fn read(scenario: &Path) -> Result<(String, String), Error> {
    let shown = escaped_path(scenario).to_string();
    let name = scenario.to_str().unwrap_or_default();
    match builtin(name) {
        Some(builtin) if !scenario.exists() => Ok((builtin.name.into(), builtin.text.into())),
        None if !scenario.exists()
            && scenario.components().count() == 1
            && scenario.extension().is_none() =>
        {
            Err(Error::Unknown(escaped(name).to_string()))
        }
        _ => match file::read(scenario) {
            Ok(text) => Ok((shown, text)),
            Err(source) => Err(Error::File { what: "read", path: shown, source }),
        },
    }
}

fn recorder(record: &RecordArgs) -> Result<Recorder, Error> {
    Ok(record.recorder()?.unwrap_or_else(Recorder::without_file))
}

fn count_of_peers(text: &str) -> Result<u64, String> {
    let count = text.parse().ok().filter(|count| (1..=MOST_PEERS).contains(count));
    count.ok_or_else(|| {
        format!(
            "expected a number of peers from 1 to {MOST_PEERS}, or a command such as `run churn`"
        )
    })
}

fn size(text: &str) -> Result<u64, String> {
    const MOST: u64 = 16 << 20;
    quantity(text, byte_factor).filter(|size| *size <= MOST).ok_or_else(|| {
        format!("expected a size of at most 16MiB, such as `100k` (decimal) or `1MiB` (binary), found `{text}`")
    })
}
