//! Cancelling transfers from another thread.
//!
//! A blocked read does not check a flag. So cancelling shuts down the sockets of the running transfers,
//! and their threads see the end of input.

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::connection::Connection;

/// A handle that cancels everything that was started with it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_cancelled: AtomicBool,
    streams: Mutex<Streams>,
    cancelled: Condvar,
}

#[derive(Debug, Default)]
struct Streams {
    open: HashMap<u64, Arc<Connection>>,
    next: u64,
    /// The handles that are cancelled with this one.
    children: Vec<Weak<Shared>>,
}

impl Cancel {
    /// A handle that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shuts down all connections that were started with this handle, and ends all pauses. It is
    /// permanent: operations that are started later with the same handle end immediately.
    pub fn cancel(&self) {
        let mut streams = self.lock();
        self.0.is_cancelled.store(true, Ordering::Release);
        for stream in streams.open.values() {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        let children = std::mem::take(&mut streams.children);
        drop(streams);
        self.0.cancelled.notify_all();
        children.iter().filter_map(Weak::upgrade).for_each(|child| Self(child).cancel());
    }

    /// A handle that is cancelled with this one, or alone.
    pub(crate) fn child(&self) -> Self {
        let child = Self::new();
        let mut streams = self.lock();
        streams.children.retain(|child| child.strong_count() > 0);
        streams.children.push(Arc::downgrade(&child.0));
        drop(streams);
        if self.is_cancelled() {
            child.cancel();
        }
        child
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Acquire)
    }

    /// Fails if [`Cancel::cancel`] was called.
    ///
    /// # Errors
    /// With [`io::ErrorKind::Interrupted`].
    pub(crate) fn check(&self) -> io::Result<()> {
        match self.is_cancelled() {
            true => Err(io::Error::new(io::ErrorKind::Interrupted, "cancelled")),
            false => Ok(()),
        }
    }

    /// Sleeps for this time, or until [`Cancel::cancel`] is called; returns whether it was called.
    pub fn sleep(&self, time: Duration) -> bool {
        let waited =
            self.0.cancelled.wait_timeout_while(self.lock(), time, |_| !self.is_cancelled());
        drop(waited);
        self.is_cancelled()
    }

    /// Shuts the connection down when this handle is cancelled, which may have happened already.
    pub(crate) fn watch(&self, stream: impl Into<Arc<Connection>>) -> WatchedStream {
        let stream = stream.into();
        let mut streams = self.lock();
        if self.is_cancelled() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let id = streams.next;
        streams.next = id.wrapping_add(1);
        streams.open.insert(id, Arc::clone(&stream));
        drop(streams);
        WatchedStream { stream, cancel: self.clone(), id }
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        // Each change is one insertion or removal: a poisoned map is still whole.
        self.0.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that ends when its [`Cancel`] is cancelled.
#[derive(Debug)]
pub(crate) struct WatchedStream {
    stream: Arc<Connection>,
    cancel: Cancel,
    id: u64,
}

impl Deref for WatchedStream {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.stream
    }
}

impl Drop for WatchedStream {
    fn drop(&mut self) {
        self.cancel.lock().open.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::net::pipe;

    #[test]
    fn reads_and_pauses_end_when_they_are_cancelled() {
        let ((first, _other), (second, _another)) = (pipe(), pipe());
        let cancel = Cancel::new();
        let begun = Instant::now();
        thread::scope(|scope| {
            let (sender, started) = channel();
            let read_sender = sender.clone();
            let cancel = &cancel;
            scope.spawn(move || {
                let stream = cancel.watch(first);
                read_sender.send(()).unwrap();
                assert_eq!(stream.read(&mut [0], None).unwrap(), 0);
            });
            scope.spawn(move || {
                sender.send(()).unwrap();
                assert!(cancel.sleep(Duration::from_secs(600)));
            });
            started.iter().take(2).for_each(drop);
            cancel.cancel();
        });
        assert!(cancel.lock().open.is_empty());
        assert!(cancel.sleep(Duration::from_secs(600)));
        let late = cancel.watch(second);
        assert_eq!(late.read(&mut [0], None).unwrap(), 0);
        assert!(begun.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn a_child_is_cancelled_alone_or_with_its_parent() {
        let parent = Cancel::new();
        let [first, second] = [(); 2].map(|()| parent.child());
        let cancelled = || [&parent, &first, &second].map(Cancel::is_cancelled);
        first.cancel();
        assert_eq!(cancelled(), [false, true, false]);
        parent.cancel();
        assert_eq!(cancelled(), [true; 3]);
        assert!(parent.child().is_cancelled());
    }

    #[test]
    fn a_pause_that_nobody_cancels_ends_by_itself() {
        assert!(!Cancel::new().sleep(Duration::from_millis(1)));
    }
}
