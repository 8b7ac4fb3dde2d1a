//! The role of a client at an index server, with what the server has shown of itself (protocol.md
//! section 4.9).

use std::time::Duration;

use crate::discovery::index_dialect::IndexDialect;
use crate::driver::Role;
use crate::escape::excerpt;
use crate::protocol::Endpoint;
use crate::protocol::dialect::RequestForm;
use crate::protocol::role::{IndexClient, ReplyEvent};

/// A client that records what the server shows, and waits accordingly.
pub(super) struct LearningClient<'a> {
    pub(super) index: &'a Endpoint,
    pub(super) dialect: &'a IndexDialect,
    /// The form of requests on the connection.
    pub(super) form: RequestForm,
    pub(super) client: IndexClient,
}

impl LearningClient<'_> {
    /// Records what the server has shown.
    pub(super) fn learn(&mut self) {
        if let Some(greeting) = self.client.take_greeting()
            && self.dialect.show_greeting()
        {
            let found = excerpt(greeting.trim_ascii().as_bytes());
            log::warn!("the index {} sent {found} before its first reply", self.index);
        }
        if let Some(row) = self.client.decoder_mut().take_odd_row()
            && self.dialect.show_odd_rows()
        {
            let found = excerpt(row.as_bytes());
            log::warn!(
                "the index {} sent {found}, which is no record of number, title, host and port; such rows are not used",
                self.index
            );
        }
        self.dialect.show(self.client.has_shown());
    }
}

impl Role for LearningClient<'_> {
    type Event = ReplyEvent;

    fn next(&mut self, input: &[u8], now: impl Fn() -> Duration) -> Option<ReplyEvent> {
        self.client.next(input, now)
    }

    fn wait(&mut self, input: &[u8], now: impl Fn() -> Duration) -> Option<Duration> {
        self.learn();
        self.client.wait(input, self.dialect.traits(), now())
    }

    fn received(&mut self, count: usize, now: impl Fn() -> Duration) -> Option<ReplyEvent> {
        self.client.received(count, now())
    }

    fn on_timeout(&mut self, input: &[u8], now: Duration) -> Option<ReplyEvent> {
        self.client.on_timeout(input, now)
    }

    fn on_end(&mut self, input: &[u8], now: impl Fn() -> Duration) -> Option<ReplyEvent> {
        Some(self.client.on_end(input, now()))
    }
}
