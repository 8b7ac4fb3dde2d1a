//! A program that is observed.

use std::fmt;

use serde_json::{Map, Value};

use super::exposition::Exposition;
use crate::net::{AccessPolicy, OpenConnection, Stop};

/// A program that is observed.
pub trait Observed: Send + Sync + 'static {
    /// Its name in metrics.
    fn name(&self) -> &'static str;

    /// Returns if the program works; waits for ever if it hangs.
    fn check(&self);

    /// What is limited while it serves others, if anything is.
    ///
    /// # Errors
    /// Why it cannot serve others now.
    fn check_ready(&self) -> Result<Option<String>, String>;

    /// Its connections, and its end.
    fn stop(&self) -> &Stop;

    /// The addresses that may connect.
    fn access(&self) -> &AccessPolicy;

    /// Adds what a connection does to an object about it.
    fn describe(&self, connection: &OpenConnection, to: &mut Map<String, Value>);

    /// Adds totals to an object about the program.
    fn summarize(&self, to: &mut Map<String, Value>);

    /// Writes its metrics.
    ///
    /// # Errors
    /// When they cannot be written.
    fn expose(&self, to: &mut Exposition<'_>) -> fmt::Result;
}
