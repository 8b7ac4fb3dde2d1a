//! The programs as services of systemd: messages to it, and its watchdog.

use std::thread;

use crate::system::{ServiceChange, notify_service_manager, watchdog_time};

/// Tells the service manager, if there is one.
pub(super) fn tell(change: ServiceChange<'_>) {
    if let Err(error) = notify_service_manager(change) {
        log::debug!("cannot tell the service manager: {error}");
    }
}

/// Reads the configuration again, as the service manager or a user has asked.
pub(super) fn reload(read: impl FnOnce()) {
    tell(ServiceChange::Reloading);
    read();
    tell(ServiceChange::Ready("serving"));
}

/// Tells the service manager regularly that the program works, if it asks for that. `check` returns only if it
/// does.
pub(super) fn start_watchdog(check: impl Fn() + Send + 'static) {
    let Some(time) = watchdog_time() else { return };
    let watch = move || {
        loop {
            check();
            tell(ServiceChange::Alive);
            // Half of the time, as sd_watchdog_enabled(3) recommends.
            thread::sleep(time / 2);
        }
    };
    if let Err(error) = thread::Builder::new().name("watchdog".into()).spawn(watch) {
        log::warn!("cannot start the thread of the watchdog, so the service is restarted: {error}");
    }
}
