//! Runs a supervisor for each submission, several in parallel, and collects the results.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use super::super::case_result::CaseResult;
use super::super::command_words::words;
use super::super::error::{Error, shown};
use super::super::menu_file::menu_text;
use super::super::options::ChosenLevel;
use super::job::Job;
use super::kind::Kind;
use super::options::{ClassOptions, Tested};
use super::results::Graded;
use super::submissions::{Submission, submissions};
use super::supervision::{probe, supervise_job};
use crate::check::Case;
use crate::cli::output::print::print_note;
use crate::confined::{self, Isolation};
use crate::limits;

/// What is tested, and how.
struct Class {
    kind: Kind,
    level: ChosenLevel,
    cases: Vec<(usize, &'static Case)>,
    /// The command for all submissions.
    words: Option<Vec<String>>,
    /// The menu for all clients.
    menu: Option<String>,
    /// The directory of the documents, in a submission.
    documents: Option<PathBuf>,
    port: Option<u16>,
    rfc: u64,
    directory: PathBuf,
    changes_user: bool,
    isolation: Isolation,
    /// How many submissions have their results.
    done: AtomicUsize,
}

/// Programs of a class run as this user and the next ones, if this program runs as root. They share it with
/// no program of the system, so their processes are counted apart, and with no other submission, so that it
/// cannot read their keys in the kernel.
const FIRST_USER: u32 = 64_000;
/// The number of those users; a larger class uses them again. The next ones after them have other meanings.
const USERS: u32 = 1500;

/// The user of the submission at this place.
fn user_at(place: usize) -> u32 {
    let place = u32::try_from(place).unwrap_or_default();
    FIRST_USER.saturating_add(place.checked_rem(USERS).unwrap_or_default())
}

/// Tests all submissions of the directory; the results are in the order of their names.
///
/// # Errors
/// When the directory cannot be read or has no submission, or the command or the menu is wrong.
pub(super) fn grade_all(
    directory: &Path,
    tested: &Tested<'_>,
    level: ChosenLevel,
    options: &ClassOptions,
) -> Result<Vec<Graded>, Error> {
    let unreadable = |error| Error::file("test", directory, error);
    let Tested { kind, start, rfc, menu, documents } = *tested;
    let command = start.map(|start| words(start, kind.placeholders()));
    let words = command.transpose().map_err(Error::Command)?;
    let menu = menu.map(menu_text).transpose()?;
    let is_below = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if let Some(outside) = documents.filter(|path| !path.components().all(is_below)) {
        return Err(Error::Documents(shown(outside)));
    }
    let directory = fs::canonicalize(directory).map_err(unreadable)?;
    let submissions = submissions(&directory).map_err(unreadable)?;
    // All of them must exist: the last one as well.
    let last = submissions.len().min(USERS as usize).saturating_sub(1);
    let mut class = Class {
        kind,
        level,
        cases: kind.cases(level),
        words,
        menu,
        documents: documents.map(Path::to_path_buf),
        port: options.port,
        rfc,
        directory,
        changes_user: confined::can_change_user(FIRST_USER)
            && confined::can_change_user(user_at(last)),
        isolation: Isolation::default(),
        done: AtomicUsize::new(0),
    };
    let user = class.changes_user.then_some(FIRST_USER);
    class.isolation = probe(class.job(&class.directory, Vec::new(), None, user));
    let processors = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut jobs = options.jobs.unwrap_or_else(processors).get().min(submissions.len());
    if !class.isolation.namespaces {
        print_note(
            "p2p-ci check: namespaces are not possible here: submissions share the network, run one after \
             the other, and can reach other processes and files",
        );
        confined::adopt_orphans().map_err(Error::Threads)?;
        jobs = 1;
    }
    Ok(class.grade(&submissions, jobs))
}

impl Class {
    fn grade(&self, submissions: &[Submission], jobs: usize) -> Vec<Graded> {
        let next = AtomicUsize::new(0);
        let results: Vec<Mutex<Option<Graded>>> =
            submissions.iter().map(|_| Mutex::default()).collect();
        thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let (Some(submission), Some(result)) =
                            (submissions.get(place), results.get(place))
                        else {
                            return;
                        };
                        let user = self.changes_user.then(|| user_at(place));
                        let graded = self.test(submission, user);
                        self.note(&graded, submissions.len());
                        *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(graded);
                    }
                });
            }
        });
        let results = results.into_iter();
        results.filter_map(|one| one.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
    }

    fn note(&self, graded: &Graded, count: usize) {
        let done = self.done.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let passed = graded.passed();
        let (name, all) = (&graded.name, graded.results.len());
        let result = match all {
            0 => "not tested".into(),
            _ => format!("{passed} of {all} cases passed"),
        };
        print_note(format!("{name}: {result} ({done} of {count} submissions)"));
    }

    /// Tests a submission, and starts it again if it has ended or does not reply any more.
    fn test(&self, submission: &Submission, user: Option<u32>) -> Graded {
        let mut graded = Graded {
            name: submission.name.clone(),
            results: Vec::new(),
            isolation: self.isolation,
            problems: Vec::new(),
        };
        let started = self.command_and_menu(submission);
        let (words, menu) = match started {
            Ok(started) => started,
            Err(problem) => {
                graded.problems.push(problem);
                return graded;
            }
        };
        let end = Instant::now() + limits::SUBMISSION_TIME;
        let mut from = 0;
        let mut restarts = if self.isolation.namespaces { limits::PROGRAM_RESTARTS } else { 0 };
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let mut job = self.job(&submission.path, words.clone(), menu.clone(), user);
            (job.from, job.restarts, job.seconds) = (from, restarts > 0, left.as_secs());
            let report = supervise_job(job, self.isolation, &self.cases);
            graded.isolation = report.isolation;
            graded.results.extend(report.results);
            for problem in report.problems {
                if !graded.problems.contains(&problem) {
                    graded.problems.push(problem);
                }
            }
            if !report.is_tested && graded.results.is_empty() {
                return graded;
            }
            let Some(next) = report.next.filter(|_| restarts > 0) else { break };
            (from, restarts) = (next, restarts.saturating_sub(1));
            if restarts == 0 && graded.passed() == 0 {
                break;
            }
        }
        // The remaining cases have failed.
        let reason = graded.problems.last().cloned().unwrap_or_default();
        let remaining = self.cases.iter().skip(graded.results.len());
        let remaining = remaining.map(|(_, case)| CaseResult::not_run(case, &reason));
        graded.results.extend(remaining);
        graded
    }

    /// How a submission is started, and what is typed into it.
    fn command_and_menu(
        &self,
        submission: &Submission,
    ) -> Result<(Vec<String>, Option<String>), String> {
        let command = || submission.command(self.kind.placeholders());
        let words = self.words.clone().map_or_else(command, Ok)?;
        let menu = match &self.menu {
            None if self.kind.has_menu() => submission.menu()?,
            menu => menu.clone(),
        };
        Ok((words, menu))
    }

    fn job(
        &self,
        submission: &Path,
        words: Vec<String>,
        menu: Option<String>,
        user: Option<u32>,
    ) -> Job {
        let default = self.kind.default_port();
        let is_told = words.iter().any(|word| word.contains("{port}"));
        // In a network of its own every port is free.
        let port =
            self.port.unwrap_or(if is_told && !self.isolation.namespaces { 0 } else { default });
        Job {
            kind: self.kind,
            level: self.level,
            from: 0,
            restarts: false,
            seconds: limits::SUBMISSION_TIME.as_secs(),
            port,
            rfc: self.rfc,
            menu,
            documents: self.documents.clone(),
            user,
            work: None,
            isolation: String::new(),
            probe: false,
            class: self.directory.clone(),
            submission: submission.to_path_buf(),
            words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_have_different_users() {
        let users: std::collections::BTreeSet<u32> = (0..1500).map(user_at).collect();
        assert_eq!(
            (users.len(), users.first(), users.last()),
            (1500, Some(&64_000), Some(&65_499))
        );
        assert_eq!(user_at(1500), 64_000);
    }
}
