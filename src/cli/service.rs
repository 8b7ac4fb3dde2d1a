//! The programs as services of systemd: messages to it, and its watchdog.

use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::system::{ServiceChange, has_service_manager, notify_service_manager, watchdog_time};

/// Messages that wait while the service manager does not read.
const WAITING: usize = 16;

/// How long the end of the program is delayed by a manager that does not read.
const LAST_MESSAGE: Duration = Duration::from_millis(500);

/// A message to the service manager.
struct Message {
    change: ServiceChange,
    /// Dropped when the message was sent, or left out.
    sent: Option<SyncSender<()>>,
}

/// The messages for the thread that sends them: only it waits for a manager that does not read.
static MESSAGES: OnceLock<Option<SyncSender<Message>>> = OnceLock::new();

/// Tells the service manager, if there is one.
pub(super) fn notify(change: ServiceChange) {
    send(Message { change, sent: None });
}

/// Tells the service manager that the program ends, and waits for a short time until that is sent: the thread that
/// sends it ends with the program.
pub(super) fn notify_end() {
    let (sent, wait) = sync_channel(0);
    send(Message { change: ServiceChange::Stopping, sent: Some(sent) });
    // An error says that nobody will send it, or that it was sent.
    let _ = wait.recv_timeout(LAST_MESSAGE);
}

fn send(message: Message) {
    if let Some(messages) = MESSAGES.get_or_init(start_sending)
        && messages.try_send(message).is_err()
    {
        log::debug!("the service manager does not read: a message is left out");
    }
}

fn start_sending() -> Option<SyncSender<Message>> {
    if !has_service_manager() {
        return None;
    }
    let (messages, waiting) = sync_channel::<Message>(WAITING);
    let send = move || {
        for Message { change, sent } in waiting {
            if let Err(error) = notify_service_manager(change) {
                log::debug!("cannot tell the service manager: {error}");
            }
            drop(sent);
        }
    };
    match thread::Builder::new().name("manager".into()).spawn(send) {
        Ok(_) => Some(messages),
        Err(error) => {
            log::warn!("cannot start the thread that tells the service manager: {error}");
            None
        }
    }
}

/// Reads the configuration again, as the service manager or a user has asked.
/// `state` is what the program does.
pub(super) fn reload(state: &'static str, read: impl FnOnce()) {
    notify(ServiceChange::Reloading);
    read();
    notify(ServiceChange::Ready(state));
}

/// Tells the service manager regularly that the program works, if it asks for that. `check` returns only if it
/// does.
pub(super) fn start_watchdog(check: impl Fn() + Send + 'static) {
    let Some(time) = watchdog_time() else { return };
    let watch = move || {
        loop {
            check();
            notify(ServiceChange::Alive);
            // Half of the time, as sd_watchdog_enabled(3) recommends.
            thread::sleep(time / 2);
        }
    };
    if let Err(error) = thread::Builder::new().name("watchdog".into()).spawn(watch) {
        log::warn!("cannot start the thread of the watchdog, so the service is restarted: {error}");
    }
}
