//! The paths that every program has.

use std::sync::Arc;
use std::time::SystemTime;

use super::control::with_commands;
use super::exposition::exposed;
use super::process::expose_process;
use super::program::Observed;
use crate::http::{HttpStatus, Reply, Router};

/// The media type of the text format of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The paths that every program has: metrics, health, and the commands of operators.
pub fn router(program: Arc<impl Observed>) -> Router {
    let router = with_commands(Router::default(), &program);
    let started = SystemTime::now();
    let (healthy, ready) = (Arc::clone(&program), Arc::clone(&program));
    router
        .get("/healthz", move |_| {
            healthy.check();
            Reply::text(HttpStatus::Ok, "ok")
        })
        .get("/readyz", move |_| match ready.check_ready() {
            Ok(None) => Reply::text(HttpStatus::Ok, "ready"),
            Ok(Some(limited)) => Reply::text(HttpStatus::Ok, format_args!("ready; {limited}")),
            Err(reason) => {
                Reply::text(HttpStatus::ServiceUnavailable, format_args!("not ready: {reason}"))
            }
        })
        .get("/metrics", move |_| {
            let program = Arc::clone(&program);
            let written = exposed(move |to| {
                expose_process(to, program.name(), started)?;
                program.expose(to)
            });
            match written {
                Ok(text) => Reply::new(HttpStatus::Ok, OPEN_METRICS, text),
                Err(error) => Reply::text(HttpStatus::InternalServerError, error),
            }
        })
}
