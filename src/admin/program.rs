//! A program that is observed, and the paths that every program has.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::exposition::{Exposition, exposed};
use super::process::expose_process;
use crate::http::{HttpStatus, Reply, Router};

/// The media type of the text format of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A program that is observed.
pub trait Observed: Send + Sync + 'static {
    /// Its name in metrics.
    fn name(&self) -> &'static str;

    /// Returns if the program works; waits for ever if it hangs.
    fn check(&self);

    /// Why it cannot serve others now.
    ///
    /// # Errors
    /// When it cannot.
    fn check_ready(&self) -> Result<(), String>;

    /// Writes its metrics.
    ///
    /// # Errors
    /// When they cannot be written.
    fn expose(&self, to: &mut Exposition<'_>) -> fmt::Result;
}

/// The paths that every program has: metrics and health.
pub fn router(program: Arc<impl Observed>) -> Router {
    let started = SystemTime::now();
    let (healthy, ready) = (Arc::clone(&program), Arc::clone(&program));
    Router::default()
        .get("/healthz", move |_| {
            healthy.check();
            Reply::text(HttpStatus::Ok, "ok")
        })
        .get("/readyz", move |_| match ready.check_ready() {
            Ok(()) => Reply::text(HttpStatus::Ok, "ready"),
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
