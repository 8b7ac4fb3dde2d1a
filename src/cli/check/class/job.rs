//! The arguments of the processes that this program starts for a submission.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::super::options::ChosenLevel;
use super::kind::Kind;

/// Testing a submission, from a case on.
#[derive(Args, Clone, Debug)]
pub(in crate::cli::check) struct Job {
    #[arg(long, value_enum)]
    pub(super) kind: Kind,
    #[arg(long, value_enum)]
    pub(super) level: ChosenLevel,
    /// The place of the first case.
    #[arg(long)]
    pub(super) from: usize,
    /// Whether the test ends when the program does not reply any more, so that it is started again.
    #[arg(long)]
    pub(super) restarts: bool,
    /// The time for all cases.
    #[arg(long)]
    pub(super) seconds: u64,
    /// 0: any port.
    #[arg(long)]
    pub(super) port: u16,
    #[arg(long)]
    pub(super) rfc: u64,
    /// What is typed into a client.
    #[arg(long)]
    pub(super) menu: Option<String>,
    /// The directory of its documents, in the submission.
    #[arg(long)]
    pub(super) documents: Option<PathBuf>,
    /// The user as which the program runs.
    #[arg(long)]
    pub(super) user: Option<u32>,
    /// An empty directory for its files. None: the test uses namespaces, where it is private.
    #[arg(long)]
    pub(super) work: Option<PathBuf>,
    /// What is isolated, as the supervisor found it.
    #[arg(long, default_value = "")]
    pub(super) isolation: String,
    /// Starts nothing, and reports only what is isolated.
    #[arg(long)]
    pub(super) probe: bool,
    /// The directory of all submissions.
    #[arg(long)]
    pub(super) class: PathBuf,
    /// That of this one.
    #[arg(long)]
    pub(super) submission: PathBuf,
    #[arg(last = true)]
    pub(super) words: Vec<String>,
}

impl Job {
    /// The arguments of a process of this kind.
    pub(super) fn arguments(&self, process: &str) -> Vec<OsString> {
        let name = |value: Option<clap::builder::PossibleValue>| {
            value.map(|value| value.get_name().to_string()).unwrap_or_default()
        };
        let mut arguments: Vec<OsString> = vec!["check".into(), process.into()];
        let mut add = |name: &str, value: OsString| {
            let mut argument = OsString::from(format!("--{name}="));
            argument.push(value);
            arguments.push(argument);
        };
        add("kind", name(self.kind.to_possible_value()).into());
        add("level", name(self.level.to_possible_value()).into());
        add("from", self.from.to_string().into());
        add("seconds", self.seconds.to_string().into());
        add("port", self.port.to_string().into());
        add("rfc", self.rfc.to_string().into());
        add("isolation", self.isolation.clone().into());
        add("class", self.class.clone().into());
        add("submission", self.submission.clone().into());
        if let Some(menu) = &self.menu {
            add("menu", menu.into());
        }
        if let Some(documents) = &self.documents {
            add("documents", documents.into());
        }
        if let Some(user) = self.user {
            add("user", user.to_string().into());
        }
        if let Some(work) = &self.work {
            add("work", work.clone().into());
        }
        for (name, is_set) in [("--restarts", self.restarts), ("--probe", self.probe)] {
            arguments.extend(is_set.then(|| OsString::from(name)));
        }
        arguments.push("--".into());
        arguments.extend(self.words.iter().map(OsString::from));
        arguments
    }
}
