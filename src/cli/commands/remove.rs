//! `remove`: stop sharing a document (protocol.md section 4.5).

use super::print_reply::print_reply_unless_done;
use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::meant::{file_of_number, hint, meant};
use crate::peer::Query;
use crate::protocol::Document;

/// Stops sharing a document. Only a session can do that.
pub(in crate::cli) fn remove(context: &Context, typed: &Document) -> Result<(), CommandError> {
    context.index.cancel_queries_with(context.cancel());
    let mut document = typed.clone();
    let mut was_shared = false;
    if let Some(library) = context.library.get() {
        let mut library = library.write();
        document = meant(typed, |form| library.entry(form).is_some());
        let file = file_of_number(&document).filter(|file| library.entry(file).is_some());
        if let Some(file) = file.filter(|_| library.entry(&document).is_none()) {
            let message = format!("{document} is not shared here{}", hint(&file));
            return Err(CommandError::NotFound(message));
        }
        was_shared = library.forget(&document).is_some();
    }
    let asked = print_reply_unless_done(context, Query::Remove(&document), was_shared);
    if let Err(CommandError::Interrupted(_)) = &asked {
        context.announce_later(&document);
        return Err(CommandError::Interrupted(format!(
            "interrupted: {document} is not shared any more, and the index is told when it \
             answers"
        )));
    }
    asked
}
