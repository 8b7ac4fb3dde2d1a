//! The forms in which other programs send requests and expect replies, and in which they expect requests
//! (protocol.md appendix B).
//!
//! Pure, like all of `protocol`: the caller reports silence, and times are data.
//!
//! | file | subject |
//! |---|---|
//! | `reader` | reading requests in any of the forms |
//! | `framing` | length prefixes before a request |
//! | `request_end` | the end of a request without a prefix |
//! | `vocabulary` | other words for the same request |
//! | `request_line` | the words of its first line |
//! | `header_names` | the names of its headers |
//! | `pickle` | lists and strings in the format of Python's pickle module |
//! | `pickled_request` | the lines of a request that was sent as such a value |
//! | `reply_style` | the form of replies, learned from requests or set by an option |
//! | `reply_writer` | writing replies in that form |
//! | `request_form` | the form of requests to the index server of another program |
//! | `form_trials` | the order in which such forms are tried |

mod form_trials;
mod framing;
mod header_names;
mod pickle;
mod pickled_request;
mod reader;
mod reply_style;
mod reply_writer;
mod request_end;
mod request_form;
mod request_line;
mod vocabulary;

pub use form_trials::{FormFailure, FormTrials};
pub use reader::{CompatReader, CompatRequest, Reading};
pub use reply_style::{ReplyStyle, StyleSettings};
pub use reply_writer::{ReplyTo, ReplyWriter};
pub use request_form::RequestForm;
