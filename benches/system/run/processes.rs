//! The processor time of processes.

use std::fs;
use std::io;

/// Ticks of the times in /proc/PID/stat (`USER_HZ`), the same on every Linux.
const TICKS: f64 = 100.0;

/// Seconds of processor time of a process and its children, until now.
pub(crate) fn processor_seconds(process: u32) -> io::Result<f64> {
    let mut total = stat(&process.to_string())?.1;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // One that ends meanwhile has no file any more.
        if name.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok((parent, seconds)) = stat(&name)
            && parent == process
        {
            total += seconds;
        }
    }
    Ok(total)
}

/// The parent of a process, and its processor time.
fn stat(process: &str) -> io::Result<(u32, f64)> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // After the name in brackets: state, parent, and so on.
    let fields: Vec<&str> =
        text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let field = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let ticks = field(11).unwrap_or(0) + field(12).unwrap_or(0);
    Ok((field(1).unwrap_or(0) as u32, ticks as f64 / TICKS))
}
