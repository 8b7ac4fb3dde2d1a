//! What the program under test is asked to do.

use std::net::SocketAddr;

use super::exchange::Operation;
use super::received::Received;

/// An operation and its values.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) operation: Operation,
    pub(crate) number: u64,
    /// The title of the RFC. `None`: the program chooses it.
    pub(crate) title: Option<String>,
    /// The upload server from which it is downloaded.
    pub(crate) holder: Option<SocketAddr>,
}

/// The title of the RFC of a step.
pub(super) fn title(number: u64) -> String {
    format!("Check t{number}")
}

impl Asked {
    /// Whether a request belongs to it.
    pub(super) fn is_answered_by(&self, received: &Received) -> bool {
        let is_listed = self.operation == Operation::List;
        received.operation == Some(self.operation)
            && (is_listed || received.number() == Some(self.number))
    }

    /// The beginning of its request.
    pub(super) fn request_line(&self) -> String {
        let object = match self.operation {
            Operation::List => "ALL".into(),
            _ => format!("RFC {}", self.number),
        };
        format!("{} {object} P2P-CI/1.0\r\n...", self.operation.method())
    }

    /// What a person must do.
    pub(super) fn instruction(&self) -> String {
        let number = self.number;
        let title = self.title.as_deref().unwrap_or_default();
        match self.operation {
            Operation::Add => format!("Now add RFC {number} with the title `{title}`."),
            Operation::List => "Now list all RFCs.".into(),
            Operation::Lookup => format!("Now look up RFC {number} with the title `{title}`."),
            Operation::Get => {
                let (host, port) = self.host_and_port();
                format!("Now download RFC {number} from {host} port {port}.")
            }
            Operation::Leave => "Now leave: end the program as its users do.".into(),
        }
    }

    /// Host and port of the holder, as a person types them.
    pub(super) fn host_and_port(&self) -> (String, String) {
        let texts = |address: SocketAddr| (address.ip().to_string(), address.port().to_string());
        self.holder.map(texts).unwrap_or_default()
    }
}
