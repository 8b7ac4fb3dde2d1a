//! A request as handlers see it.

use std::net::SocketAddr;

use percent_encoding::percent_decode_str;

use crate::net::Connection;
#[cfg(unix)]
use crate::system::LocalUser;

/// The method of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD: answered like GET, without the body.
    Head,
    /// POST.
    Post,
    /// Any other one.
    Other,
}

/// The program that has sent a request.
#[derive(Clone, Copy, Debug)]
pub enum Client {
    /// It has connected from this address.
    Tcp(SocketAddr),
    /// It has connected over a Unix socket. The user is known where the system tells.
    #[cfg(unix)]
    Unix(Option<LocalUser>),
}

impl Client {
    pub(super) fn of(connection: &Connection, address: SocketAddr) -> Self {
        #[cfg(unix)]
        if connection.peer_addr().is_err() {
            return Self::Unix(connection.local_user());
        }
        Self::Tcp(address)
    }

    /// Whether it runs on this machine, as far as its address shows. A proxy on this machine has such an
    /// address, too.
    pub fn is_on_this_machine(self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            #[cfg(unix)]
            Self::Unix(_) => true,
        }
    }
}

/// A complete request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, as it was sent.
    pub path: String,
    /// What follows the first `?` of the target.
    pub(super) query: String,
    /// Names in lower case, and values.
    pub(super) headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The program that has sent it.
    pub client: Client,
}

impl Request {
    /// The value of the first header line with this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| &**value)
    }

    /// The value of a parameter of the query, decoded; invalid UTF-8 is replaced.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameters(&self.query).find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// The value of a field of the body of a form (`application/x-www-form-urlencoded`).
    pub fn field(&self, name: &str) -> Option<String> {
        let body = String::from_utf8_lossy(&self.body);
        parameters(&body).find(|(found, _)| found == name).map(|(_, value)| value)
    }
}

fn parameters(text: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}
