//! What a download does, on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::error_chain::error_chain;
use crate::peer::Attempt;

/// Failures always, how far it is on a terminal.
#[derive(Default)]
pub(super) struct Progress {
    shown: Option<Instant>,
}

impl Progress {
    const EVERY: Duration = Duration::from_millis(200);

    pub(super) fn show(&mut self, attempt: &Attempt<'_>) {
        match attempt {
            Attempt::Asking(holder) => log::info!("asking {holder}"),
            Attempt::Failed(holder, error) => {
                self.clear();
                log::warn!("{holder}: {}", error_chain(error));
            }
            Attempt::Progress(done, all) => {
                let due = self.shown.is_none_or(|last| last.elapsed() >= Self::EVERY);
                if due && io::stderr().is_terminal() {
                    self.shown = Some(Instant::now());
                    let text = match all {
                        Some(all) if *all > 0 => format!("{:3} % of {all} bytes", done * 100 / all),
                        _ => format!("{done} bytes"),
                    };
                    // With the terminal gone there is nobody left to tell.
                    let _ = write!(io::stderr(), "\r{text}");
                }
            }
        }
    }

    pub(super) fn clear(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(io::stderr(), "\r{:40}\r", "");
        }
    }
}
