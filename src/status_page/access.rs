//! Which clients may see addresses, and which may change something.
//!
//! Every change needs the token, also on loopback: a page of another site can send requests to an address of
//! this machine, but it does not know the token, and a browser does not let it send the header.

use super::token::Token;
use crate::admin::Refused;
use crate::http::{Client, HttpStatus, Request};

/// What a client may see and do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sight {
    /// Whether it may see the addresses of other programs.
    pub addresses: bool,
    /// Whether it may change something.
    pub may_change: bool,
}

/// Decides what clients may see and do.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The token. Without one nothing can be changed.
    pub token: Option<Token>,
    /// Whether the token is valid beyond loopback, too: `admin.token_file` is set.
    pub is_valid_beyond_loopback: bool,
    /// Whether the program listens for operators only on loopback and at Unix sockets.
    pub listens_on_loopback: bool,
}

impl Access {
    /// What the client of a request for data may see and do.
    pub(super) fn sight(&self, request: &Request) -> Result<Sight, Refused> {
        if is_from_another_site(request) {
            let reason = "a page of another site may not read this";
            return Err((HttpStatus::Forbidden, reason.into()));
        }
        let is_here = self.listens_on_loopback && is_on_this_machine(request);
        let is_valid_here = is_here || self.is_valid_beyond_loopback;
        let may_change = match (&self.token, given_token(request)) {
            (_, None) => false,
            (Some(token), Some(given)) if token.is(given) => is_valid_here,
            (_, Some(_)) => {
                let reason = "the token is wrong, or of an earlier run; open the address that \
                              `p2p-ci admin url` prints";
                return Err((HttpStatus::Unauthorized, reason.into()));
            }
        };
        Ok(Sight { addresses: is_here || may_change, may_change })
    }

    /// Whether the client of a request may change something.
    pub(super) fn check_change(&self, request: &Request) -> Result<(), Refused> {
        if self.sight(request)?.may_change {
            return Ok(());
        }
        let is_here = self.listens_on_loopback && is_on_this_machine(request);
        Err(if self.token.is_none() {
            let reason = "nothing can be changed: the program could not store a token";
            (HttpStatus::Forbidden, reason.into())
        } else if is_here || self.is_valid_beyond_loopback {
            let reason = "changes need the token; open the address that `p2p-ci admin url` prints";
            (HttpStatus::Unauthorized, reason.into())
        } else {
            let reason = "beyond loopback nothing can be changed unless admin.token_file is set";
            (HttpStatus::Forbidden, reason.into())
        })
    }
}

fn given_token(request: &Request) -> Option<&str> {
    let bearer = || request.header("authorization")?.strip_prefix("Bearer ");
    request.header("x-p2p-ci-token").or_else(bearer).map(str::trim)
}

/// Whether a client runs on this machine, and not on another one for which a proxy asks.
fn is_on_this_machine(request: &Request) -> bool {
    const OF_PROXIES: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];
    if OF_PROXIES.iter().any(|name| request.header(name).is_some()) {
        return false;
    }
    match request.client {
        Client::Tcp(_) => request.client.is_on_this_machine(),
        #[cfg(unix)]
        Client::Unix(user) => user.is_none_or(crate::system::LocalUser::may_control),
    }
}

/// Whether a browser has sent the request for a page of another site.
fn is_from_another_site(request: &Request) -> bool {
    let host = request.header("host").unwrap_or_default();
    let is_other = |origin: &str| {
        let site = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        site.is_none_or(|site| !site.eq_ignore_ascii_case(host))
    };
    request.header("origin").is_some_and(is_other)
        || matches!(request.header("sec-fetch-site"), Some("cross-site" | "same-site"))
}
