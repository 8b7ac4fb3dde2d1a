//! What a role finds in the bytes that arrive: the form of all its events.

/// One event on a connection: some bytes, what they mean, and the section of protocol.md that defines it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event<M> {
    /// How many bytes it took, at the start of the input. The next input must begin after them.
    pub used: usize,
    /// The meaning of these bytes, or of their absence.
    pub meaning: M,
    /// The section of protocol.md that defines it.
    pub section: &'static str,
}

impl<M> Event<M> {
    /// An event that took no bytes, such as the end of the connection.
    pub(super) const fn without_bytes(meaning: M, section: &'static str) -> Self {
        Self { used: 0, meaning, section }
    }

    /// The bytes of the event. `input` is the input in which it was found.
    pub fn bytes<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        input.get(..self.used).unwrap_or(input)
    }
}
