//! The distributed hash table (docs/dht.md): as many nodes as the machine can run, of which 30 % leave.

#[cfg(feature = "dht")]
mod inside;
#[cfg(feature = "dht")]
mod traffic;

use std::io;

use crate::run::findings::Findings;
use crate::run::{Setting, Suite};

pub(crate) const SUITES: &[Suite] = &[Suite {
    name: "dht",
    what: "a distributed hash table of 1,000 nodes, of which 30 % leave",
    run,
}];

/// The name under which this program runs in a network namespace of its own.
pub(crate) const INSIDE: &str = "dht-network";

#[cfg(not(feature = "dht"))]
fn run(_: &Setting, findings: &mut Findings) -> io::Result<()> {
    findings.skip("dht: expected a build with `--features dht`");
    Ok(())
}

/// Starts this program again, in a namespace without a route to other machines, and takes over its figures.
#[cfg(feature = "dht")]
fn run(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    const SECTION: &str = "a distributed hash table";
    const UNITS: [&str; 5] = ["ms", "%", "bytes", "s", ""];
    let script = "ip link set lo up && exec \"$0\" \"$@\"";
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "sh", "-c", script]);
        command
    };
    let is_permitted = unshare().arg("true").output().is_ok_and(|output| output.status.success());
    if !is_permitted {
        findings.skip("dht: expected network namespaces (`unshare`, `ip`)");
        return Ok(());
    }
    let size = setting.size("full", "quick");
    let program = std::env::current_exe()?;
    let mut command = unshare();
    command.arg(program).args([INSIDE, size]).arg(setting.seed.to_string());
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or_else(|| io::Error::other("a pipe is missing"))?;
    for line in BufReader::new(output).lines() {
        let figure: serde_json::Value = serde_json::from_str(&line?).map_err(io::Error::other)?;
        let unit = UNITS.into_iter().find(|unit| figure["unit"] == *unit).unwrap_or_default();
        let work = figure["work"].as_str().unwrap_or_default();
        findings.figure(SECTION, work, &[figure["figure"].as_f64().unwrap_or(f64::NAN)], unit);
    }
    match child.wait()? {
        status if status.success() => Ok(()),
        status => Err(io::Error::other(format!("the network has failed: {status}"))),
    }
}

/// Measures the network in which this program runs.
#[cfg(feature = "dht")]
pub(crate) use inside::main as inside;

/// A build without the feature has no table.
#[cfg(not(feature = "dht"))]
pub(crate) fn inside() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
