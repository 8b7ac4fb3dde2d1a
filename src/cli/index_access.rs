//! How a command reaches the index: a member by its membership, a single command by a connection
//! that is made when it is needed.

use std::cell::OnceCell;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use crate::peer::{
    AskIndex, Completeness, Extensions, IndexConnection, IndexError, Membership, Query,
};
use crate::protocol::{Endpoint, Host, Port, ReplyPart};

/// The way to the index.
pub(super) enum IndexAccess {
    Member(Arc<Membership>),
    Once(Once),
}

/// A connection for one command.
pub(super) struct Once {
    pub(super) index: Endpoint,
    pub(super) host: Option<Host>,
    pub(super) port: Option<Port>,
    pub(super) connection: OnceCell<IndexConnection>,
    pub(super) extensions: Extensions,
}

impl IndexAccess {
    /// What this peer calls itself, if it is connected.
    pub(super) fn own(&self) -> Option<Endpoint> {
        match self {
            Self::Member(membership) => membership.own(),
            Self::Once(once) => once.connection.get().map(|connection| connection.own().clone()),
        }
    }

    /// The membership, if this is a session.
    pub(super) fn membership(&self) -> Option<&Membership> {
        match self {
            Self::Member(membership) => Some(membership),
            Self::Once(_) => None,
        }
    }
}

impl AskIndex for IndexAccess {
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        match self {
            Self::Member(membership) => membership.ask(query, take),
            Self::Once(once) => once.connection()?.ask(query, take),
        }
    }

    fn server(&self) -> &Endpoint {
        match self {
            Self::Member(membership) => membership.server(),
            Self::Once(once) => &once.index,
        }
    }

    fn address(&self) -> Result<IpAddr, IndexError> {
        match self {
            Self::Member(membership) => membership.address(),
            Self::Once(once) => once.connection()?.address(),
        }
    }

    fn extensions(&self) -> &Extensions {
        match self {
            Self::Member(membership) => membership.extensions(),
            Self::Once(once) => &once.extensions,
        }
    }
}

impl Once {
    fn connection(&self) -> Result<&IndexConnection, IndexError> {
        if let Some(connection) = self.connection.get() {
            return Ok(connection);
        }
        let connection = IndexConnection::connect(&self.index, self.host.as_ref(), self.port)?;
        Ok(self.connection.get_or_init(|| connection))
    }
}
