//! Runs the cases of a submission that is a client or a peer: its menu is operated, and this process is the index
//! server.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::case_result::CaseResult;
use super::job::Job;
use super::kind::Kind;
use super::launching::Launching;
use super::program::{ending, last_line};
use super::report::{Problem, Report};
use super::results::{SHOWN, first_of};
use crate::check::{Case, Document, Driven, Menu, Operator, Outcome, Session, Target};
use crate::check::{client_program, upload_server};
use crate::confined::{self, Isolation};
use crate::limits;

/// Starts the program, and runs the cases.
pub(super) fn test(job: &Job, isolation: Isolation) -> Result<Report, Problem> {
    let until = Instant::now() + Duration::from_secs(job.seconds);
    let menu = job.menu.as_deref().map_or(Ok(Menu::default()), Menu::parse);
    let menu = menu.map_err(Problem::OfSystem)?;
    let listener = listen(job, isolation)?;
    let index = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.local_addr()?.port()));
    let launching = Launching::new(job, isolation, job.words.clone())?;
    let directory = documents(job, &launching)?;
    let (first, launch) = (Target::numbers(), launching.launch.clone());
    let driven = Driven::start(launch, menu, index, first, Some(directory), Document::default())?;
    let session = Session::new(listener, first, Operator::Driven(Box::new(driven)))?.until(until);
    let of_level = |cases: Vec<&'static Case>| -> Vec<&'static Case> {
        cases.into_iter().filter(|case| case.level <= job.level.into()).collect()
    };
    let uploads = if job.kind == Kind::Peer { of_level(upload_server()) } else { Vec::new() };
    let outcomes = session.run(&of_level(client_program()), &uploads);
    let has_passed = |outcome: &Outcome| outcome.failed.is_none();
    let is_dead = !outcomes.iter().any(has_passed);
    if is_dead && let Some(failure) = launching.failure(job) {
        return Err(Problem::OfSystem(failure));
    }
    let mut problems: Vec<String> =
        launching.watch.exceeded().map(String::from).into_iter().collect();
    if Instant::now() >= until {
        let seconds = limits::SUBMISSION_TIME.as_secs();
        problems.push(format!("its cases took more than {seconds} s"));
    }
    if is_dead && problems.is_empty() {
        problems.push(silence(&outcomes));
    }
    problems.extend(endings(&outcomes));
    let results = outcomes.iter().map(CaseResult::from).collect();
    Ok(Report { isolation, problems, is_tested: true, next: None, results })
}

/// What is wrong with a program that has passed no case.
fn silence(outcomes: &[Outcome]) -> String {
    let mut outputs = outcomes.iter().filter_map(|outcome| outcome.failed.as_ref());
    let line = outputs.find_map(|failed| last_line(&failed.output));
    let line = line.map(|line| format!("; last output {line}")).unwrap_or_default();
    format!("sent no request that could be used{line}")
}

/// How the program has ended by itself, and in which cases.
fn endings(outcomes: &[Outcome]) -> Vec<String> {
    let mut endings: Vec<(String, Vec<&str>)> = Vec::new();
    for outcome in outcomes {
        let Some(status) = outcome.failed.as_ref().and_then(|failed| failed.ended) else {
            continue;
        };
        let (ending, id) = (ending(status), outcome.case.id);
        match endings.iter_mut().find(|(other, _)| *other == ending) {
            Some((_, cases)) => cases.push(id),
            None => endings.push((ending, vec![id])),
        }
    }
    let problem = |(ending, cases): (String, Vec<&str>)| {
        format!("{ending} (in {})", first_of(cases.into_iter(), SHOWN))
    };
    endings.into_iter().map(problem).collect()
}

/// Listens as the index server. Without a network of its own it does so for this computer alone.
fn listen(job: &Job, isolation: Isolation) -> Result<TcpListener, Problem> {
    let addresses: &[SocketAddr] = match isolation.namespaces {
        true => {
            &[(Ipv6Addr::UNSPECIFIED, job.port).into(), (Ipv4Addr::UNSPECIFIED, job.port).into()]
        }
        false => &[(Ipv4Addr::LOCALHOST, job.port).into()],
    };
    TcpListener::bind(addresses).map_err(|error| {
        Problem::OfSystem(format!("port {} cannot be used here: {error}", job.port))
    })
}

/// The directory in which the program keeps its documents: a directory of the submission, a new one if its command
/// has `{dir}`, or the submission itself.
fn documents(job: &Job, launching: &Launching) -> Result<PathBuf, Problem> {
    let places = &launching.places;
    match &job.documents {
        Some(path) => below(&places.submission, path, job.user)
            .map_err(|error| Problem::OfSystem(format!("no directory for documents: {error}"))),
        None if job.words.iter().any(|word| word.contains("{dir}")) => Ok(places.documents.clone()),
        None => Ok(places.submission.clone()),
    }
}

/// A directory in a submission. It is created if it does not exist. Links are not followed.
fn below(submission: &Path, path: &Path, owner: Option<u32>) -> io::Result<PathBuf> {
    let mut directory = submission.to_path_buf();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => directory.push(name),
            _ => return Err(io::Error::other("expected a path in the submission")),
        }
        match directory.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(io::Error::other("expected a directory, found another file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                confined::make_directory(&directory, 0o700, owner)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn documents_stay_in_the_submission() {
        let root = tempfile::tempdir().unwrap();
        let below = |path: &str| below(root.path(), Path::new(path), None);
        assert_eq!(below(".").unwrap(), root.path());
        assert!(below("a/./b").unwrap().is_dir());
        fs::write(root.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("/tmp", root.path().join("link")).unwrap();
        for path in ["..", "a/../../b", "/tmp", "file", "link", "link/a"] {
            assert!(below(path).is_err(), "{path}");
        }
    }
}
