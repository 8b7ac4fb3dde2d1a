//! Holders whose names do not resolve (protocol.md section 7).
//!
//! The case runs with the name service of this machine, and again in a namespace where the name service
//! never answers.

use std::io;
use std::net::{ToSocketAddrs, UdpSocket};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::holders::{Scene, is_right};
use crate::attack::Setting;
use crate::attack::namespace::{is_inside, run_inside};
use crate::attack::report::Report;

/// A name service that receives queries and never answers.
const SCRIPT: &str = r#"
set -e
ip link set lo up
echo 'nameserver 127.0.0.53' > "$0"
mount --bind "$0" /etc/resolv.conf
exec "$@"
"#;

/// The documents of the honest holder must be here after this time.
const SOON: Duration = Duration::from_secs(30);

pub(super) fn unresolved(setting: &Setting, report: &mut Report) -> io::Result<()> {
    if !is_inside() {
        sync_among_names("names that do not resolve", setting, report)?;
        return run_inside("unresolved", SCRIPT, setting, report);
    }
    let _silent = UdpSocket::bind("127.0.0.53:53")?;
    let begun = Instant::now();
    let resolved = ("holder.example", 1).to_socket_addrs().is_ok();
    let time = begun.elapsed();
    report.figure("a lookup takes", time.as_secs_f64(), "s");
    report.require("it is not answered", !resolved && time > Duration::from_secs(1));
    sync_among_names("a name service that does not answer", setting, report)
}

/// A `sync` of documents of an honest holder. Each has records of names, too, and as many other documents
/// have records of names alone.
fn sync_among_names(what: &str, setting: &Setting, report: &mut Report) -> io::Result<()> {
    let (documents, names) = setting.size((50, 8), (8, 3));
    let mut scene = Scene::new(documents)?;
    for number in 1..=documents {
        scene.add(number, scene.honest)?;
        for name in 0..names {
            scene.add_host(number, &format!("h{name}-{number}.example"))?;
            scene.add_host(documents + number, &format!("g{name}-{number}.example"))?;
        }
    }
    let mine = scene.directory("mine")?;
    let mut command = scene.command(&mine, &["sync"])?;
    let begun = Instant::now();
    let mut peer = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let are_here = || (1..=documents).all(|number| is_right(&mine, number));
    while !are_here() && peer.try_wait()?.is_none() && begun.elapsed() < 3 * SOON {
        thread::sleep(Duration::from_millis(50));
    }
    let time = begun.elapsed();
    // The others may be tried for minutes.
    peer.kill()?;
    peer.wait()?;
    report.figure(&format!("{what}: documents of an honest holder"), f64::from(documents), "");
    report.figure(&format!("{what}: they are here after"), time.as_secs_f64(), "s");
    report.require(&format!("{what}: all are right"), are_here());
    report.require_time(&format!("{what}: in time"), time < SOON);
    Ok(())
}
