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
    let document = shared_form(context, typed)?;
    let registrations = context.index.registrations();
    let removal = registrations.map(|all| all.leave_to_user(&document));
    let library = context.library.get();
    let was_shared = library.is_some_and(|library| library.write().forget(&document).is_some());
    let asked = print_reply_unless_done(context, Query::Remove(&document), was_shared);
    // From now on another thread may report the removal.
    drop(removal);
    if let Err(CommandError::Interrupted(_)) = &asked {
        context.announce_later(&document);
        return Err(CommandError::Interrupted(format!(
            "interrupted: {document} is not shared any more, and the index is told when it \
             answers"
        )));
    }
    asked
}

/// The form of a name under which the document is shared; if there is none, the typed form.
fn shared_form(context: &Context, typed: &Document) -> Result<Document, CommandError> {
    let Some(library) = context.library.get() else { return Ok(typed.clone()) };
    let library = library.read();
    let document = meant(typed, |form| library.entry(form).is_some());
    let file = file_of_number(&document).filter(|file| library.entry(file).is_some());
    match file.filter(|_| library.entry(&document).is_none()) {
        Some(file) => {
            let message = format!("{document} is not shared here{}", hint(&file));
            Err(CommandError::NotFound(message))
        }
        None => Ok(document),
    }
}
