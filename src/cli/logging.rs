//! Diagnostics on standard error: one line each, with the time.

use std::io::Write;

use chrono::Local;
use env_logger::{Builder, Env};
use log::LevelFilter;

/// Starts logging. `targets` are the levels that the program's options chose; `RUST_LOG` comes
/// behind them and refines.
pub(super) fn start(level: LevelFilter, targets: &[(&str, LevelFilter)]) {
    let mut builder = Builder::new();
    builder.filter_level(level);
    for (target, level) in targets {
        builder.filter_module(target, *level);
    }
    builder.parse_env(Env::default());
    builder.format(|output, record| {
        let time = Local::now().format("%H:%M:%S");
        match record.level() {
            log::Level::Error | log::Level::Warn => {
                let level = record.level().as_str().to_ascii_lowercase();
                writeln!(output, "{time} {level}: {}", record.args())
            }
            log::Level::Info | log::Level::Debug | log::Level::Trace => {
                writeln!(output, "{time} {}", record.args())
            }
        }
    });
    builder.init();
}
