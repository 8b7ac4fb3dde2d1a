//! The holders of a document, and the one that is asked first (protocol.md section 7).

use std::collections::BTreeMap;

use super::choose::choose_for_many;
use crate::cli::context::Context;
use crate::cli::downloads::found::record_found;
use crate::cli::downloads::versions::warn_of_versions;
use crate::cli::errors::command_error::CommandError;
use crate::cli::meant::no_holder;
use crate::cli::output::incomplete::note_missing_holders;
use crate::peer::{HolderInfo, Holders, Source, lookup};
use crate::protocol::{Document, Endpoint};

/// The holder that the user wants to be asked first.
pub(super) enum Chosen {
    None,
    /// The holder at this position in the list.
    Number(usize),
    Holder(Endpoint),
}

/// The records of all holders of a document except this peer.
pub(super) fn find_holders(
    context: &Context,
    document: &Document,
) -> Result<Holders, CommandError> {
    let title = context.known_title(document);
    let found = lookup(&context.index, document, title.as_ref());
    context.check_interrupt_before_download(|| {
        format!(
            "interrupted: {document} was not requested yet; the same `get` resumes what an earlier \
             one received"
        )
    })?;
    let mut holders = found?;
    let owns = context.index.owns();
    holders.found.retain(|holder| !owns.contains(&holder.record.holder));
    let holders = holders.known(document)?;
    note_missing_holders(document, &holders.completeness);
    if holders.found.is_empty() {
        return Err(no_holder(context, document));
    }
    record_found(&context.journal, document, &holders.found);
    Ok(holders)
}

/// The holders of a document, the chosen one first.
pub(super) fn sources(
    document: &Document,
    mut holders: Vec<HolderInfo>,
    chosen: &Chosen,
) -> Vec<Source> {
    let at = match chosen {
        Chosen::None => None,
        Chosen::Number(at) => Some(*at),
        Chosen::Holder(chosen) => holders.iter().position(|holder| holder.record.holder == *chosen),
    };
    let at = at.filter(|at| *at < holders.len());
    if let Some(at) = at {
        let holder = holders.remove(at);
        holders.insert(0, holder);
    }
    let mut sources = Source::distinct(holders.into_iter().map(Source::from));
    if let Some(first) = sources.first_mut() {
        first.is_chosen = at.is_some();
    }
    warn_of_versions(document, &sources);
    sources
}

/// Asks the user once which holder is asked first for all these documents.
pub(super) fn choose_once<'a>(
    context: &Context,
    all: impl Iterator<Item = &'a Vec<HolderInfo>>,
) -> Result<Chosen, CommandError> {
    if !context.interactive {
        return Ok(Chosen::None);
    }
    let mut counts: BTreeMap<Endpoint, usize> = BTreeMap::new();
    let mut has_choice = false;
    for holders in all {
        let mut endpoints: Vec<&Endpoint> =
            holders.iter().map(|holder| &holder.record.holder).collect();
        endpoints.sort();
        endpoints.dedup();
        has_choice |= endpoints.len() > 1;
        for holder in endpoints {
            *counts.entry(holder.clone()).or_default() += 1;
        }
    }
    if !has_choice {
        return Ok(Chosen::None);
    }
    let mut counts: Vec<(Endpoint, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, documents)| std::cmp::Reverse(*documents));
    Ok(match choose_for_many(&counts, context.cancel())? {
        Some(holder) => Chosen::Holder(holder.clone()),
        None => Chosen::None,
    })
}
