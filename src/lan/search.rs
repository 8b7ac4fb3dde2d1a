//! Finding programs on the local network once.

use super::browser::Browser;
use super::found::Found;
use super::service::{LanError, Service};

/// Looks for programs of this kind, and returns them in the order of their addresses.
pub(crate) fn search(service: Service) -> Result<Vec<Found>, LanError> {
    Browser::start(service).map(|browser| browser.found())
}
