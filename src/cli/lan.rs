//! The local network: `server --announce`, how a peer finds index servers, and peers without one (docs/lan.md).
//!
//! A build without the feature `lan` has the options, and refuses them (`not_built`).

#[cfg(feature = "lan")]
mod joined;
#[cfg(feature = "lan")]
mod offer;

#[cfg(feature = "lan")]
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::args::{Args, Single};
use super::command::Command;
use super::errors::command_error::CommandError;
use super::values::endpoints::Servers;
use crate::peer::HolderSource;

/// The announcement of a program that runs.
#[cfg(feature = "lan")]
pub(super) type Announced = Option<crate::lan::Announcement>;
/// The announcement of a program that runs: none in this build.
#[cfg(not(feature = "lan"))]
pub(super) type Announced = Option<std::convert::Infallible>;

/// The other peers of the local network. This one is not announced any more when it is dropped.
#[derive(Debug, Default)]
pub(super) struct LanPeers {
    #[cfg(feature = "lan")]
    joined: Option<joined::Joined>,
}

impl LanPeers {
    /// Looks for peers, if the user asks for it. A peer with an upload server announces it.
    ///
    /// # Errors
    /// When multicast DNS does not work.
    pub(super) fn join(is_asked: bool, uploads: Option<SocketAddr>) -> Result<Self, CommandError> {
        if !is_asked {
            return Ok(Self::default());
        }
        #[cfg(feature = "lan")]
        return joined::Joined::start(uploads)
            .map(|joined| Self { joined: Some(joined) })
            .map_err(|error| CommandError::Start(io::Error::other(error)));
        #[cfg(not(feature = "lan"))]
        {
            let _ = uploads;
            Ok(Self::default())
        }
    }

    /// The peers as a source of holders.
    pub(super) fn sources(&self) -> Vec<Arc<dyn HolderSource>> {
        #[cfg(feature = "lan")]
        return self.joined.iter().map(joined::Joined::source).collect();
        #[cfg(not(feature = "lan"))]
        Vec::new()
    }
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
/// With `--discover` it is the only announced server. Without it, the program asks the user, provided that the user
/// is at a terminal and has named no server, and that none replies on this machine. A server is never used unasked.
///
/// # Errors
/// When `--discover` finds none, or several.
pub(super) fn discovered(
    args: &Args,
    is_named: bool,
    interactive: bool,
) -> Result<Option<Servers>, CommandError> {
    #[cfg(feature = "lan")]
    {
        if args.discover {
            return offer::only().map(Some);
        }
        if interactive && !is_named && !args.lan && asks_index(args) {
            return Ok(offer::choose(&args.server.first.endpoint()));
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
