//! From the names of index servers to their endpoints: a name without a port may have servers in DNS
//! (docs/cluster.md).
//!
//! They are looked up once, when the program starts. A build without the feature `cluster` does not look them up.

#[cfg(feature = "cluster")]
mod lookup;

use super::args::{Args, Single};
use super::command::Command;
use super::errors::command_error::CommandError;
use super::values::endpoints::{NamedServer, Servers};
use crate::limits;
use crate::peer::IndexError;
use crate::protocol::Endpoint;

/// The index servers that the user has named, or DNS in their place.
///
/// # Errors
/// When DNS says that none of the names has an index server.
pub(super) fn located(args: &Args) -> Result<Servers, CommandError> {
    let named: Vec<&NamedServer> = args.server.all().collect();
    let found: Vec<Result<Vec<Endpoint>, IndexError>> = match asks_index(args) {
        #[cfg(feature = "cluster")]
        true => lookup::look_up_all(&named),
        _ => named.iter().map(|server| Ok(vec![server.endpoint()])).collect(),
    };
    let (mut all, mut failure): (Vec<Endpoint>, _) = (Vec::new(), None);
    for found in found {
        match found {
            Ok(endpoints) => {
                let new: Vec<_> =
                    endpoints.into_iter().filter(|endpoint| !all.contains(endpoint)).collect();
                all.extend(new);
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    all.truncate(limits::INDEX_SERVERS);
    let mut all = all.into_iter();
    match (all.next(), failure) {
        (Some(first), _) => Ok(Servers { first, others: all.collect() }),
        (None, Some(error)) => Err(CommandError::Index(error)),
        (None, None) => Ok(Servers { first: args.server.first.endpoint(), others: Vec::new() }),
    }
}

/// Whether the program asks an index server: some commands concern only files of this machine.
fn asks_index(args: &Args) -> bool {
    match &args.command {
        None | Some(Single::Share) => true,
        Some(Single::Remove(_)) => false,
        Some(Single::Both(command)) => match command {
            Command::List(_)
            | Command::Lookup(_)
            | Command::Search(_)
            | Command::Browse(_)
            | Command::Peers
            | Command::Get(_)
            | Command::Sync(_)
            | Command::Status => true,
            Command::Add(_)
            | Command::Verify(_)
            | Command::Why(_)
            | Command::Read(_)
            | Command::Open(_)
            | Command::Docs => false,
        },
    }
}
