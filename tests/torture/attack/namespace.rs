//! A case that runs in namespaces of its own: it starts this program again inside, and reports what that
//! has reported.

use std::process::Command;
use std::{env, io};

use serde_json::Value;

use super::Setting;
use super::report::Report;

/// Set inside the namespaces.
const INSIDE: &str = "P2P_CI_TORTURE_NAMESPACE";

/// The units of the figures that are reported from inside.
const UNITS: [&str; 4] = ["s", "ms", "MiB", "B"];

/// Whether this process runs inside.
pub(super) fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Whether namespaces can be set up here: that needs root, `unshare` and `ip`.
fn can_unshare() -> Result<(), String> {
    let script = "ip link set lo up && mount --bind /dev/null /etc/hosts";
    let outcome = Command::new("unshare").args(["--net", "--mount", "sh", "-c", script]).output();
    let why = match outcome {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_string(),
        Err(error) => error.to_string(),
    };
    Err(format!("there is no network namespace: this needs root, ip and unshare ({why})"))
}

/// Runs a case in a network and a mount namespace, which `script` sets up; they end with the case. The
/// script gets a path for a file as `$0`, and runs `"$@"` at its end.
pub(super) fn run_inside(
    case: &str,
    script: &str,
    setting: &Setting,
    report: &mut Report,
) -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "sh", "-c", script]).arg(directory.path().join("file"));
    command.arg(env::current_exe()?).args(["--json", case]).env(INSIDE, "1");
    if setting.quick {
        command.arg("--quick");
    }
    // The case itself may fail in any way; only a namespace that cannot be set up is no failure.
    if let Err(why) = can_unshare() {
        report.skip(&why);
        return Ok(());
    }
    let output = command.output()?;
    if output.stdout.is_empty() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let text = format!("{}, without a report: {}", output.status, errors.trim());
        return Err(io::Error::other(text));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let result: Value = serde_json::from_str(text.trim()).map_err(io::Error::other)?;
    for requirement in result["requirements"].as_array().into_iter().flatten() {
        let what = requirement["what"].as_str().unwrap_or_default();
        report.require(what, requirement["seen"] == Value::Bool(true));
    }
    for figure in result["figures"].as_array().into_iter().flatten() {
        let what = figure["what"].as_str().unwrap_or_default();
        let unit = UNITS.into_iter().find(|unit| figure["unit"] == *unit).unwrap_or_default();
        report.figure(what, figure["value"].as_f64().unwrap_or_default(), unit);
    }
    Ok(())
}
