//! Resolves a typed name to a document: as it was typed, or in another form
//! ([`crate::library::candidates`]). Messages name another document that may be meant
//! (protocol.md section 2.3).

use super::context::Context;
use super::errors::command_error::CommandError;
use super::values::named::{range_meant_by, typed};
use crate::error_chain::error_chain;
use crate::library::{SharedLibrary, candidate_groups, candidates};
use crate::peer::{AskIndex, Holders, IndexError, lookup};
use crate::protocol::{Document, FileName, Refusal};

/// The first form that is known; if there is none, the typed form.
pub(super) fn meant(typed: &Document, is_known: impl Fn(&Document) -> bool) -> Document {
    candidates(typed).into_iter().find(is_known).unwrap_or_else(|| typed.clone())
}

/// Looks typed names up in an index.
pub(super) struct NameLookup<'a> {
    pub(super) index: &'a dyn AskIndex,
    /// The library whose titles are sent, if there is one: some index servers compare titles.
    pub(super) library: Option<&'a SharedLibrary>,
}

impl<'a> NameLookup<'a> {
    /// For a command.
    pub(super) fn of(context: &'a Context) -> Self {
        Self { index: &context.index, library: context.library.get() }
    }

    /// The first form that the index lists; if there is none, the typed form.
    pub(super) fn listed_form(&self, typed: &Document) -> Document {
        let forms = candidates(typed);
        if forms.len() == 1 {
            return typed.clone();
        }
        if let Some(rfc) = self.rfc_for_unknown_index(typed) {
            return rfc;
        }
        for form in forms {
            match self.is_listed(&form) {
                Ok(true) => return form,
                Ok(false) => {}
                // The caller reports the error.
                Err(_) => break,
            }
        }
        typed.clone()
    }

    /// The RFC that is meant by a name such as `rfc793`, if the index has shown no extension. Such an index
    /// may not support files, and is not sent a request for one.
    pub(super) fn rfc_for_unknown_index(&self, typed: &Document) -> Option<Document> {
        let Document::File(_) = typed else { return None };
        let forms = candidates(typed);
        let rfc = forms.into_iter().find(|form| matches!(form, Document::Rfc(_)))?;
        let dialect = self.index.dialect();
        if !dialect.shows_extensions()
            && let Err(error) = self.is_listed(&rfc)
        {
            // The caller reports the error.
            log::debug!("it is not known what the index knows: {}", error_chain(&error));
        }
        (!dialect.shows_extensions()).then_some(rfc)
    }

    /// Whether the index has a record of a document.
    pub(super) fn is_listed(&self, document: &Document) -> Result<bool, IndexError> {
        match self.holders(document) {
            Ok(holders) => Ok(!holders.found.is_empty()),
            Err(IndexError::Refused {
                refusal: Refusal::NotFound | Refusal::BadRequest, ..
            }) => Ok(false),
            Err(IndexError::OtherDocument { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The holders of a document.
    pub(super) fn holders(&self, document: &Document) -> Result<Holders, IndexError> {
        let title = self.library.and_then(|library| library.read().known_title(document));
        lookup(self.index, document, title.as_ref())
    }
}

/// The first form that is shared here, or that `is_known`. Among the normalization forms of one name,
/// shared documents have priority.
pub(super) fn here_or_known(
    context: &Context,
    typed: &Document,
    is_known: impl Fn(&Document) -> bool,
) -> Document {
    let is_here = |form: &&Document| {
        context.library().is_ok_and(|library| library.read().entry(form).is_some())
    };
    let groups = candidate_groups(typed);
    let found = groups.iter().find_map(|forms| {
        forms.iter().find(is_here).or_else(|| forms.iter().find(|form| is_known(form)))
    });
    found.unwrap_or(typed).clone()
}

/// The file whose name is the number of an RFC.
pub(super) fn file_of_number(document: &Document) -> Option<Document> {
    let Document::Rfc(number) = document else { return None };
    FileName::from_decoded(&number.to_string()).ok().map(Document::File)
}

/// The error that no peer has a document. It names a file whose name is the number of the RFC, if one
/// is listed, or the range of RFCs that may be meant.
pub(super) fn no_holder(context: &Context, document: &Document) -> CommandError {
    let hint = match document {
        Document::Rfc(_) => hint_at_file(context, document),
        Document::File(_) => hint_at_range(document),
    };
    CommandError::NoHolder { document: document.clone(), hint }
}

fn hint_at_range(file: &Document) -> String {
    match range_meant_by(&file.name()) {
        Some(range) => {
            format!("; a range of RFCs has its first and its last number: `get {range}`")
        }
        None => String::new(),
    }
}

fn hint_at_file(context: &Context, document: &Document) -> String {
    let file = file_of_number(document).filter(|_| context.index.dialect().shows_extensions());
    match file.filter(|file| NameLookup::of(context).is_listed(file).unwrap_or(false)) {
        Some(file) => hint(&file),
        None => String::new(),
    }
}

/// The end of a message that names a file instead of an RFC.
pub(super) fn hint(file: &Document) -> String {
    let (name, typed) = (file.name(), typed(file));
    format!("; there is a file named `{name}`: `{typed}`")
}
