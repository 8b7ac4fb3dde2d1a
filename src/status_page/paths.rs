//! The paths that a program adds to its status page.

use std::sync::Arc;

use serde_json::Value;

use super::access::{Access, Sight};
use crate::admin::Refused;
use crate::http::{HttpStatus, Reply, Request, Router};

/// Adds paths to a router. Each path checks what the client may see or change.
#[derive(Debug)]
pub struct Paths {
    pub(super) router: Router,
    pub(super) access: Arc<Access>,
}

impl Paths {
    /// The same with a path that replies to GET with an object.
    #[must_use]
    pub fn read(
        self,
        path: &'static str,
        handler: impl Fn(&Request, Sight) -> Result<Value, Refused> + Send + Sync + 'static,
    ) -> Self {
        let access = Arc::clone(&self.access);
        let reply = move |request: &Request| {
            reply(access.sight(request).and_then(|sight| handler(request, sight)))
        };
        Self { router: self.router.get(path, reply), ..self }
    }

    /// The same with a path that changes something when it is sent a POST with the token. The handler logs the
    /// change and the client that has requested it.
    #[must_use]
    pub fn change(
        self,
        path: &'static str,
        handler: impl Fn(&Request) -> Result<Value, Refused> + Send + Sync + 'static,
    ) -> Self {
        let access = Arc::clone(&self.access);
        let reply = move |request: &Request| {
            reply(access.check_change(request).and_then(|()| handler(request)))
        };
        Self { router: self.router.post(path, reply), ..self }
    }
}

fn reply(result: Result<Value, Refused>) -> Reply {
    match result {
        Ok(object) => Reply::new(HttpStatus::Ok, "application/json", format!("{object}\n")),
        Err((status, reason)) => refusal(status, reason),
    }
}

pub(super) fn refusal(status: HttpStatus, reason: String) -> Reply {
    let reply = Reply::text(status, reason);
    match status {
        HttpStatus::Unauthorized => reply.with_header("WWW-Authenticate", "Bearer"),
        _ => reply,
    }
}
