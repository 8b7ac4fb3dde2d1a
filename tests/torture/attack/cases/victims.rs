//! Records that lead peers to a victim (protocol.md section 9).

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::attack::Setting;
use crate::attack::report::Report;
use crate::common::programs::{Index, peer_command};
use crate::common::talk::Talk;

/// A victim that counts connections and does not reply.
fn victim(address: IpAddr) -> io::Result<(SocketAddr, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind((address, 0))?;
    let (address, count) = (listener.local_addr()?, Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
                let _ = stream.read(&mut [0; 4096]);
            });
        }
    });
    Ok((address, count))
}

pub(super) fn victims(setting: &Setting, report: &mut Report) -> io::Result<()> {
    // One index on loopback, where everything may be named.
    let index = Index::with(&["--log", "quiet"])?;
    let (address, count) = victim(IpAddr::from([127, 0, 0, 1]))?;
    let (of_rfcs, rfcs_asked) = victim(IpAddr::from([127, 0, 0, 1]))?;
    let mut attacker = Talk::to(index.address)?;
    for number in 1..=50 {
        let name = format!("bait-{number}.md");
        for (document, port) in
            [(format!("FILE {name}"), address.port()), (format!("RFC {number}"), of_rfcs.port())]
        {
            attacker.ask(format!(
                "ADD {document} P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: {port}\r\n\
                 Title: {name}\r\n\r\n"
            ))?;
        }
    }
    let directory = tempfile::tempdir()?;
    let time = Duration::from_secs(setting.size(50, 15));
    // Repeated `get` commands, and a `sync`.
    let mut shell = peer_command(&index.address.to_string(), directory.path(), &[])?;
    let mut shell =
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let begun = Instant::now();
    if let Some(input) = &mut shell.stdin {
        while begun.elapsed() < time {
            let commands = "get bait-1.md\nget bait-2.md bait-3.md\nget 1 2\nsync\n";
            let _ = io::Write::write_all(input, commands.as_bytes());
            thread::sleep(Duration::from_secs(1));
        }
    }
    drop(shell.stdin.take());
    let seen = count.load(Ordering::Relaxed);
    let _ = shell.kill();
    let _ = shell.wait();
    report.figure("connections of one peer to a victim, 50 records", seen as f64, "");
    report.require("asked once within a minute", seen == 1);
    let rfcs_asked = rfcs_asked.load(Ordering::Relaxed);
    report.figure("connections to a victim of records of RFCs", rfcs_asked as f64, "");
    report.require("asked once more, without extensions", rfcs_asked == 2);

    let mut privileged = Talk::to(index.address)?;
    privileged
        .ask("ADD FILE low.md P2P-CI/1.0\r\nHost: 192.0.2.1\r\nPort: 22\r\nTitle: low\r\n\r\n")?;
    let output =
        peer_command(&index.address.to_string(), directory.path(), &["get", "low.md"])?.output()?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    report.require("ports below 1024 are refused off loopback", {
        errors.contains("expected a port from 1024")
    });
    from_afar(report)
}

/// An index at an address of this machine's network names loopback.
fn from_afar(report: &mut Report) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    // Nothing is sent: the system only chooses its own address.
    let own = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
    let Some(own) = own.ok().map(|own| own.ip()).filter(|own| !own.is_loopback()) else {
        report.skip("this machine has no address but loopback");
        return Ok(());
    };
    let mut command = crate::common::programs::command("server")?;
    command.args(["--listen", &format!("{own}:0"), "--log", "quiet", "--host-policy", "literal"]);
    let index = Index::of(crate::common::programs::Program::start(command)?)?;
    let (address, count) = victim(IpAddr::from([127, 0, 0, 1]))?;
    let mut attacker = Talk::to(index.address)?;
    for host in ["127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1", "0.0.0.0", "169.254.1.1"] {
        attacker.ask(format!(
            "ADD FILE near.md P2P-CI/1.0\r\nHost: {host}\r\nPort: {}\r\nTitle: near\r\n\r\n",
            address.port()
        ))?;
    }
    let directory = tempfile::tempdir()?;
    let get = |more: &[&str]| -> io::Result<String> {
        let arguments = [&["get", "near.md"], more].concat();
        let output =
            peer_command(&index.address.to_string(), directory.path(), &arguments)?.output()?;
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let errors = get(&[])?;
    report.require("an index of the network names nothing more local", {
        count.load(Ordering::Relaxed) == 0 && errors.matches("more local than").count() >= 3
    });
    get(&["--allow-net", "127.0.0.0/8"])?;
    report.require("--allow-net opens it", count.load(Ordering::Relaxed) > 0);
    Ok(())
}
