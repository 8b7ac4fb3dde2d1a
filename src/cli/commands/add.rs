//! `add`: share a file, or an RFC of the shared directory (protocol.md section 4.2).

use std::io;
use std::path::{Path, PathBuf};

use super::print_reply::print_reply;
use crate::cli::command::Add;
use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::escape::escaped;
use crate::library::{candidates, document_of, file_name_of};
use crate::peer::Query;
use crate::protocol::RfcNumber;

pub(in crate::cli) fn add(context: &Context, command: &Add) -> Result<(), CommandError> {
    let library = context.library()?;
    let path = path_of(context, &command.what);
    let document = library.add_file(&path, command.title.clone()).map_err(|source| {
        let what = format!("cannot share `{}`", escaped(path.as_os_str().as_encoded_bytes()));
        match source.kind() {
            io::ErrorKind::NotFound => CommandError::NotFound(format!(
                "{what}: {source}; `add` shares a file that is here, and `get` downloads one"
            )),
            _ => CommandError::File { what, source },
        }
    })?;
    let title = library.read().entry(&document).map(|entry| entry.title().clone());
    let title = title.unwrap_or_default();
    let asked = print_reply(context, Query::Add { document: &document, title: &title });
    let is_interrupted = matches!(asked, Err(CommandError::Interrupted(_)));
    if !is_interrupted {
        asked?;
    }
    if let Some(hashing) = &context.hashing {
        // The digest is announced later. If the thread has ended, the session ends, too.
        let _ = hashing.send(document.clone());
    }
    if is_interrupted {
        context.announce_later(&document);
        return Err(CommandError::Interrupted(format!(
            "interrupted: {document} is shared, and is registered when the index answers"
        )));
    }
    Ok(())
}

/// The path of a file to share. A number is an RFC of the shared directory; a path that does not exist in
/// the current directory may be a name in the shared one.
fn path_of(context: &Context, what: &str) -> PathBuf {
    // The shell of a peer does not expand `~` elsewhere.
    if let Some(rest) = what.strip_prefix("~/")
        && let Some(home) = std::env::home_dir()
    {
        return home.join(rest);
    }
    let path = Path::new(what);
    match what.parse::<RfcNumber>() {
        Ok(number) => context.directory.join(format!("rfc{number}.txt")),
        Err(_) if !path.exists() && context.directory.join(path).exists() => {
            context.directory.join(path)
        }
        Err(_) if !path.exists() => escaped_path(context, what).unwrap_or_else(|| path.into()),
        Err(_) => path.into(),
    }
}

/// The file of the shared directory whose name lists print in this percent-encoded form.
fn escaped_path(context: &Context, what: &str) -> Option<PathBuf> {
    let forms = candidates(&document_of(what)?);
    let paths = forms.iter().filter_map(|form| file_name_of(form).ok());
    paths.map(|name| context.directory.join(name)).find(|path| path.exists())
}
