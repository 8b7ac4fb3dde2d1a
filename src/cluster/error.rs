//! Why an operation of the store has failed.

use std::sync::Arc;

use redis::RedisError;

/// Why an operation of the store has failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// No connection, or none any more, or the store refuses commands.
    #[error("{0}")]
    Unavailable(Arc<str>),
    /// The store does not accept the password, or wants one.
    #[error("the store refuses the user or the password: {0}")]
    Password(Arc<str>),
    /// The lease of this server has expired.
    #[error("the lease has expired")]
    Fenced,
    /// The store has lost the last batch of this server, or all data.
    #[error("the store has lost changes")]
    Lost,
    /// Another server has the name of this one.
    #[error("another server of the cluster has this name")]
    NameTaken,
    /// The store does not reply as Redis does.
    #[error("expected {0} in the reply of the store, found something else")]
    Reply(&'static str),
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        let message = || Arc::from(crate::escape::escaped(&error.to_string()).to_string());
        match error.code() {
            Some("FENCED") => Self::Fenced,
            Some("LOST") => Self::Lost,
            Some("TAKEN") => Self::NameTaken,
            Some("NOAUTH" | "WRONGPASS" | "NOPERM") => Self::Password(message()),
            _ if error.kind() == redis::ErrorKind::AuthenticationFailed => {
                Self::Password(message())
            }
            _ => Self::Unavailable(message()),
        }
    }
}
