//! The downloads of a peer: find the holders, download, and share the document, as `get` does.

use std::time::Duration;

use super::history::{History, Step};
use super::member::Member;
use crate::error_chain::error_chain;
use crate::library::PartialFile;
use crate::peer::{DownloadProgress, DownloadRequest, Source, TransferError, lookup};
use crate::protocol::{Document, Endpoint};

/// How often a document is tried.
const TRIES: u32 = 4;
/// The pause before the second try, which doubles.
const PAUSE: Duration = Duration::from_millis(250);

/// What is reported of a download.
pub(super) enum Progress<'a> {
    /// An event of the download.
    Event(&'a DownloadProgress<'a>),
    /// A holder did not deliver the document.
    HolderFailed(&'a Endpoint, &'a TransferError),
    /// The document is here: its length, and its holders.
    Delivered(u64, &'a [Endpoint]),
    /// It is tried again.
    Retried(String),
    /// It is given up.
    Failed(String),
}

/// Downloads a document, unless the peer has it.
pub(super) fn get(
    member: &Member,
    document: &Document,
    history: &History,
    report: &mut dyn FnMut(Progress<'_>),
) {
    if member.has(document) || member.cancel.is_cancelled() {
        return;
    }
    history.add(Step::Wanted);
    for number in 0..TRIES {
        let mut told = |progress: Progress<'_>| {
            if matches!(progress, Progress::HolderFailed(..)) {
                history.add(Step::HolderFailed);
            }
            report(progress);
        };
        match try_once(member, document, &mut told) {
            Ok((length, holders)) => {
                history.add(Step::Delivered(length));
                return report(Progress::Delivered(length, &holders));
            }
            Err(why) if number + 1 == TRIES || member.cancel.is_cancelled() => {
                history.add(Step::Failed);
                return report(Progress::Failed(why));
            }
            Err(why) => {
                history.add(Step::Retried);
                report(Progress::Retried(why));
            }
        }
        member.cancel.sleep(PAUSE * 2_u32.pow(number));
    }
}

/// Whether a holder has failed now. Those that have failed before are not asked for a while.
fn was_asked(error: &TransferError) -> bool {
    !matches!(error, TransferError::BackedOff(_) | TransferError::GivenUp)
}

fn try_once(
    member: &Member,
    document: &Document,
    report: &mut dyn FnMut(Progress<'_>),
) -> Result<(u64, Vec<Endpoint>), String> {
    let text = |error: &dyn std::error::Error| error_chain(error).to_string();
    member.registration.wait(&member.cancel).map_err(|error| text(&error))?;
    let own = member.registration.own();
    let mut found = lookup(&member.queries, document, None).map_err(|error| text(&error))?.found;
    found.retain(|holder| Some(&holder.record.holder) != own.as_ref());
    let sources = found.into_iter().map(Source::from).collect();
    let request = DownloadRequest { document: document.clone(), sources, digest: None };
    let target = member.library.read().target_for(document);
    let path = target.map_err(|error| text(&error))?.path();
    let mut file = PartialFile::begin(&path).map_err(|error| text(&error))?;
    let completed = member.downloader.download(&request, &mut file, &mut |event| {
        report(Progress::Event(&event));
        if let DownloadProgress::Failed(holder, error) = event
            && was_asked(error)
        {
            report(Progress::HolderFailed(holder, error));
        }
    });
    let completed = completed.map_err(|error| text(&error))?;
    let saved = file.commit(false).map_err(|error| text(&error))?;
    let added = member.library.add_saved(document, None, saved, completed.digest);
    added.map_err(|error| text(&error))?;
    // The document is here, whether or not the index can be reached.
    let documents = std::slice::from_ref(document);
    if let Err(error) = member.registration.update(documents, &member.cancel) {
        log::debug!("{document} is not registered: {error}");
    }
    Ok((completed.length, completed.holders))
}
