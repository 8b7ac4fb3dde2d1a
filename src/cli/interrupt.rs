//! Ending by a signal without leaving half a download behind.

use std::fs::{remove_dir_all, remove_file};
use std::io;
use std::path::PathBuf;
use std::process::exit;
use std::sync::{Arc, Mutex, PoisonError};

use super::exit::Failure;
use super::signals::on_signal;

/// The temporary file or folder of the running download. Cloning it shares the place.
#[derive(Clone, Default)]
pub(super) struct Unfinished(Arc<Mutex<Option<PathBuf>>>);

impl Unfinished {
    /// From now on a signal removes the temporary file and ends the program.
    pub(super) fn remove_on_signal(&self) -> io::Result<()> {
        let unfinished = self.clone();
        on_signal(move |_| {
            if let Some(path) = unfinished.replace(None) {
                // If it has its name by now, there is nothing to remove.
                let _ = remove_file(&path).or_else(|_| remove_dir_all(&path));
            }
            exit(Failure::Other as i32);
        })
    }

    /// Names the file of the download that begins, or none when it has ended.
    pub(super) fn replace(&self, path: Option<PathBuf>) -> Option<PathBuf> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), path)
    }
}
