//! The progress of downloads, on standard error: a bar on a terminal, plain lines elsewhere. Failures are
//! reported in both places.
//!
//! | file | subject |
//! |---|---|
//! | `one_download`, `many_downloads` | the display of one download, and of several |
//! | `display` | bars and plain lines |
//! | `recent_rate`, `remaining` | rates, and the bytes that are left |

mod display;
mod many_downloads;
mod one_download;
mod recent_rate;
mod remaining;

pub(super) use display::warn_of_length;
pub(super) use many_downloads::ManyDownloads;
pub(super) use one_download::{OneDownload, Transfer};
pub(super) use recent_rate::{RecentRate, time_left};
