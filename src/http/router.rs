//! Which handler replies to a request.

use std::fmt::{self, Formatter};

use super::reply::Reply;
use super::request::{Method, Request};
use super::status::HttpStatus;

type Handler = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

/// Handlers by path and method. GET handlers also reply to HEAD.
#[derive(Default)]
pub struct Router(Vec<(Method, &'static str, Handler)>);

impl Router {
    /// The same with a handler of GET for this path.
    #[must_use]
    pub fn get(
        mut self,
        path: &'static str,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.0.push((Method::Get, path, Box::new(handler)));
        self
    }

    /// The same with a handler of POST for this path.
    #[must_use]
    pub fn post(
        mut self,
        path: &'static str,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.0.push((Method::Post, path, Box::new(handler)));
        self
    }

    pub(super) fn reply(&self, request: &Request) -> Reply {
        let wanted = match request.method {
            Method::Head => Method::Get,
            method => method,
        };
        let mut allowed = Vec::new();
        for (method, path, handler) in &self.0 {
            if *path != request.path {
                continue;
            }
            if *method == wanted {
                return handler(request);
            }
            allowed.push(if *method == Method::Get { "GET, HEAD" } else { "POST" });
        }
        if allowed.is_empty() {
            return Reply::text(HttpStatus::NotFound, "there is nothing at this path");
        }
        let allowed = allowed.join(", ");
        let text = format!("expected one of these methods: {allowed}");
        Reply::text(HttpStatus::MethodNotAllowed, text).with_header("Allow", allowed)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(method, path, _)| (method, path))).finish()
    }
}
