//! Reading replies without regard to the lines before them (protocol.md section 3.2).

use super::{Found, IndexReplyDecoder};
use crate::limits;
use crate::protocol::SyntaxError;
use crate::protocol::message::decode_error::DecodeError;
use crate::protocol::message::index_reply::{IndexReply, ReplyPart};

impl IndexReply {
    /// Reads one whole reply from the start of `input`.
    ///
    /// # Errors
    /// When the bytes are not a reply of an index server.
    pub fn decode(input: &[u8]) -> Result<Option<(Self, usize)>, DecodeError> {
        let mut decoder = IndexReplyDecoder::default();
        let mut reply = Self::Found(Vec::new());
        let mut used = 0;
        while let Some((part, taken)) = decoder.decode(input.get(used..).unwrap_or_default())? {
            used += taken;
            match (part, &mut reply) {
                (ReplyPart::Refused(refusal), _) => {
                    reply = Self::Refused { refusal, reason: None };
                }
                (ReplyPart::Reason(text), Self::Refused { reason, .. }) => *reason = Some(text),
                (ReplyPart::Record(record), Self::Found(records)) => records.push(record),
                (ReplyPart::End, _) => return Ok(Some((reply, used))),
                (
                    ReplyPart::Found
                    | ReplyPart::Reason(_)
                    | ReplyPart::Cluster(_)
                    | ReplyPart::ClusterServer(_)
                    | ReplyPart::Record(_)
                    | ReplyPart::Attribute(_),
                    _,
                ) => {}
            }
        }
        Ok(None)
    }
}

impl IndexReplyDecoder {
    /// Looks for the next part at the start of `input`, which begins after the last part. Lines
    /// before a reply that are no part of it count as bytes of its first part.
    ///
    /// `Ok(None)`: call again with the same bytes and more after them.
    ///
    /// # Errors
    /// When the bytes are no reply of an index. The connection cannot be used any more.
    pub fn decode(&mut self, input: &[u8]) -> Result<Option<(ReplyPart, usize)>, DecodeError> {
        loop {
            match self.next(input.get(self.skipped..).unwrap_or_default())? {
                Found::Part(part, used) => {
                    return Ok(Some((part, std::mem::take(&mut self.skipped) + used)));
                }
                Found::EmptyLine(used) | Found::Skipped(used) => {
                    self.skipped = self.skipped.saturating_add(used);
                    if self.skipped > limits::HEAD {
                        let expected = "a reply after at most 16384 bytes of other lines";
                        let fault = SyntaxError::new(expected, "more of them", "7");
                        return Err(DecodeError::new(1, fault));
                    }
                }
                Found::Incomplete => return Ok(None),
            }
        }
    }
}
