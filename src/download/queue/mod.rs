//! Many downloads, several concurrently (protocol.md sections 7 and 9).
//!
//! | file | subject |
//! |---|---|
//! | `events` | one of many downloads, and the events that are reported |
//! | `task` | a download between its attempts |
//! | `running` | the downloads that are running, and which of them must yield |
//! | `cancelling` | downloads that are cancelled one by one |
//! | `turns` | how long a download occupies its worker while other holders wait |
//! | `usage` | the time of workers that parties have used |
//! | `lines` | the downloads that can run, in lines by party and holder |
//! | `job_queue` | the downloads that wait |
//! | `worker` | a thread that downloads one document after another |
//! | `download_all` | starts the workers, and gives complete files their names |

mod cancelling;
mod download_all;
mod events;
mod job_queue;
mod lines;
mod running;
mod task;
mod turns;
mod usage;
mod worker;

pub use download_all::download_all;
pub use events::{DownloadEvent, DownloadJob};
