//! Index servers on the local network: `server --announce`, and how a peer finds them (docs/lan.md).
//!
//! A build without the feature `lan` has the options, and refuses them.

#[cfg(feature = "lan")]
mod offer;

use std::net::SocketAddr;

use super::args::{Args, Single};
use super::command::Command;
use super::errors::command_error::CommandError;
use super::values::endpoints::Servers;

/// An option of the feature in a build without it.
#[cfg(not(feature = "lan"))]
const NOT_BUILT: &str = "needs a program with discovery on the local network: the packages have it, and \
                         `cargo install --path . --features lan` builds it";

/// The announcement of a program that runs.
#[cfg(feature = "lan")]
pub(super) type Announced = Option<crate::lan::Announcement>;
/// The announcement of a program that runs: none in this build.
#[cfg(not(feature = "lan"))]
pub(super) type Announced = Option<std::convert::Infallible>;

/// Checks that this build has `--announce`.
pub(super) fn check_announce(is_asked: bool) -> Result<(), CommandError> {
    #[cfg(not(feature = "lan"))]
    if is_asked {
        return Err(CommandError::Usage(format!("`--announce` {NOT_BUILT}")));
    }
    let _ = is_asked;
    Ok(())
}

/// Announces an index server that listens at these addresses. Without multicast DNS it runs unannounced.
pub(super) fn announce(is_asked: bool, addresses: &[SocketAddr]) -> Announced {
    #[cfg(feature = "lan")]
    if is_asked {
        return offer::announce(addresses);
    }
    let _ = (is_asked, addresses);
    None
}

/// The index server that a peer uses in place of `localhost`, if another one is found and chosen.
///
/// With `--discover` it is the only server that is announced. Otherwise a user at a terminal who has named no server
/// is asked, if none answers on this machine. A server is never used unasked.
///
/// # Errors
/// When `--discover` finds none, or several.
pub(super) fn discovered(
    args: &Args,
    is_named: bool,
    interactive: bool,
) -> Result<Option<Servers>, CommandError> {
    #[cfg(not(feature = "lan"))]
    if args.discover {
        return Err(CommandError::Usage(format!("`--discover` {NOT_BUILT}")));
    }
    #[cfg(feature = "lan")]
    {
        if args.discover {
            return offer::only(is_named).map(Some);
        }
        if interactive && !is_named && asks_index(args) {
            return Ok(offer::choose(&args.server.first));
        }
    }
    let _ = (is_named, interactive, asks_index(args));
    Ok(None)
}

/// Whether the program asks an index server: some commands concern only files of this machine.
fn asks_index(args: &Args) -> bool {
    match &args.command {
        None | Some(Single::Share) => true,
        Some(Single::Both(command)) => matches!(
            command,
            Command::List(_)
                | Command::Lookup(_)
                | Command::Search(_)
                | Command::Get(_)
                | Command::Sync(_)
        ),
        Some(Single::Remove(_)) => false,
    }
}
