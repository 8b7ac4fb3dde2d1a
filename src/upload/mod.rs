//! The upload server of a peer (protocol.md section 5).
//!
//! | file | subject |
//! |---|---|
//! | `server` | the upload server, with a thread for each connection |
//! | `slots`, `send_meter` | which large uploads run; the progress of an upload |

mod send_meter;
mod server;
mod slots;

pub use server::{RunningUpload, UPLOAD_METHODS, UploadServer, UploadTotals, Uploads};
pub use slots::Slots;
