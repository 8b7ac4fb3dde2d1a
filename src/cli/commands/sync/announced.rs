//! The content that holders announce, for documents of which a vote can decide (protocol.md sections 4.11
//! and 7).
//!
//! A list has no attributes. Without the announced digests, a holder would be asked first for its place in the list
//! or its speed, though the holders of more networks have another version.

use std::collections::HashMap;
use std::time::Instant;

use crate::cli::context::Context;
use crate::cli::downloads::versions::warn_of_versions;
use crate::error_chain::error_chain;
use crate::limits;
use crate::peer::{AskIndex, DownloadJob, IndexError, Provenance, Source, vote_can_decide};
use crate::protocol::{Attribute, Document, Endpoint, Record, ReplyPart};

/// Sets the content that holders have announced to an index with attributes, for documents of which a vote can
/// decide, and warns of different versions. These are hints: without them the documents are downloaded, too.
pub(super) fn set_announced(context: &Context, jobs: &mut [DownloadJob]) {
    let can_decide = |job: &DownloadJob| {
        job.request.digest.is_none() && vote_can_decide(&context.downloader, &job.request.sources)
    };
    let voted = (0..).zip(&*jobs).filter(|(_, job)| can_decide(job));
    let voted: Vec<usize> = voted.map(|(place, _)| place).collect();
    if voted.is_empty() {
        return;
    }
    if let Err(error) = look_up(&context.index, jobs, &voted)
        && !context.cancel().is_cancelled()
    {
        let error = error_chain(&error);
        log::warn!("the index did not send the digests that holders announce: {error}");
    }
    for job in voted.iter().filter_map(|place| jobs.get(*place)) {
        warn_of_versions(&job.request.document, &job.request.sources);
    }
}

/// Looks up the jobs at these places at each index that lists their holders.
fn look_up(
    index: &dyn AskIndex,
    jobs: &mut [DownloadJob],
    places: &[usize],
) -> Result<(), IndexError> {
    let members = index.members()?;
    if members.is_empty() {
        return look_up_at(index, jobs, places);
    }
    members.into_iter().try_for_each(|member| look_up_at(member, jobs, places))
}

/// The same at one index.
fn look_up_at(
    index: &dyn AskIndex,
    jobs: &mut [DownloadJob],
    places: &[usize],
) -> Result<(), IndexError> {
    if !index.dialect().shows_extensions() {
        return Ok(());
    }
    let listed = index.provenance()?;
    let until = limits::ends_after(limits::ANNOUNCED);
    for places in places.chunks(limits::LOOKUPS_TOGETHER) {
        if Instant::now() >= until {
            log::warn!("the index is slow: not all digests that holders announce are looked up");
            break;
        }
        let is_listed = |source: &Source| source.provenance == listed;
        let jobs_here = places.iter().filter_map(|place| jobs.get(*place));
        let jobs_here = jobs_here.filter(|job| job.request.sources.iter().any(is_listed));
        // Copies, because the jobs change while the replies are read.
        let documents: Vec<Document> = jobs_here.map(|job| job.request.document.clone()).collect();
        let documents: Vec<&Document> = documents.iter().collect();
        let mut reader = Reader { jobs, listed, places, left: None, source: None };
        index.look_up_all(&documents, &mut |part| reader.take(part))?;
    }
    Ok(())
}

/// Reads replies to LOOKUPs. An index may send any records: only those of requested documents count, in the order of
/// the requests, and of each holder only the first one.
struct Reader<'a> {
    jobs: &'a mut [DownloadJob],
    listed: Provenance,
    /// The places of the jobs that are looked up, from the one that is read.
    places: &'a [usize],
    /// The holders of that job of which no record was read, with their places.
    left: Option<HashMap<Endpoint, usize>>,
    /// The place of the holder whose record was read last.
    source: Option<usize>,
}

impl Reader<'_> {
    fn take(&mut self, part: ReplyPart) {
        match part {
            ReplyPart::Record(record) => self.source = self.place_of(&record),
            ReplyPart::Attribute(attribute) => self.set(attribute),
            _ => {}
        }
    }

    /// The place of the holder of a record among the holders of its document, if the record counts.
    fn place_of(&mut self, record: &Record) -> Option<usize> {
        let is_its = |place: &usize| {
            self.jobs.get(*place).is_some_and(|job| job.request.document == record.document)
        };
        match self.places.iter().position(is_its)? {
            0 => {}
            skipped => {
                self.places = self.places.get(skipped..).unwrap_or_default();
                self.left = None;
            }
        }
        let sources = &self.jobs.get(*self.places.first()?)?.request.sources;
        let listed = self.listed;
        let left = self.left.get_or_insert_with(|| {
            let listed = sources.iter().zip(0..).filter(|(one, _)| one.provenance == listed);
            listed.map(|(one, place)| (one.holder.clone(), place)).collect()
        });
        left.remove(&record.holder)
    }

    fn set(&mut self, attribute: Attribute) {
        let job = self.places.first().and_then(|place| self.jobs.get_mut(*place));
        let sources = job.map(|job| &mut job.request.sources);
        let source = sources.zip(self.source).and_then(|(sources, place)| sources.get_mut(place));
        let Some(Source { content, .. }) = source else { return };
        match attribute {
            Attribute::Digest(digest) => content.digest = Some(digest),
            Attribute::Length(length) => content.length = Some(length),
            Attribute::Added(_) | Attribute::Address(_) => {}
        }
    }
}
