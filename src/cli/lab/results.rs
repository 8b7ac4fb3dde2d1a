//! The figures of a laboratory as text and as JSON, and the file of the plot.

use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::error::Error;
use super::sniffer::{Outcome, Sniffed};
use crate::counted::counted;
use crate::escape::{escaped, escaped_path};
use crate::lab::{Availability, Counts, Figures, Lookups, Outage, PLOT_BEGINS};
use crate::system::{is_link_or_socket, open_existing};

/// The figures, a line each.
pub(super) fn lines(figures: &Figures, sniffed: Option<&Outcome>) -> Vec<String> {
    let Counts { joined, left, wanted, delivered, failed, retried, holders_failed, bytes } =
        figures.counts;
    let mut lines = vec![
        format!(
            "{}: {} in {}",
            escaped(&figures.title),
            counted(joined, "peer"),
            seconds(figures.time)
        ),
        format!("  documents    {delivered} of {wanted} delivered, {} bytes", grouped(bytes)),
    ];
    if wanted > 0 {
        let time = |time: Option<Duration>| time.map_or("not reached".into(), seconds);
        let (half, most, all) = (time(figures.half), time(figures.most), time(figures.all));
        lines.push(format!("  time         50 %: {half}, 90 %: {most}, all: {all}"));
    }
    lines.push(format!(
        "  failures     {} given up, {} unfinished, {}, {} of holders; {} left",
        counted(failed, "document"),
        wanted.saturating_sub(delivered + failed),
        if retried == 1 { "1 retry".into() } else { format!("{retried} retries") },
        counted(holders_failed, "failure"),
        counted(left, "peer"),
    ));
    lines.push(format!(
        "  connections  {}, {} packets of the record, {} bytes",
        figures.connections,
        grouped(figures.packets),
        grouped(figures.carried)
    ));
    let requests: Vec<String> =
        figures.requests.iter().map(|(method, count)| format!("{method} {count}")).collect();
    lines.push(format!("  requests     {}", requests.join(", ")));
    if let Some(availability) = &figures.availability {
        lines.extend(availability_lines(availability));
    }
    if let Some(published) = figures.published {
        lines.push(format!("  {:<14}{:>10}{:>14}{:>12}", "", "packets", "bytes", "time"));
        let row = |name: &str, packets: u64, bytes: String, time: String| {
            format!("  {name:<14}{:>10}{bytes:>14}{time:>12}", grouped(packets))
        };
        let ours = figures.all.map_or("not reached".into(), seconds);
        lines.push(row("this record", figures.packets, grouped(figures.carried), ours));
        match sniffed {
            Some(Ok(Sniffed { packets, bytes, first, last })) => {
                lines.push(row(
                    "tshark on lo",
                    *packets,
                    grouped(*bytes),
                    format!("{:.3} s", last - first),
                ));
            }
            Some(Err(why)) => lines.push(format!("  tshark on lo  not counted: {}", escaped(why))),
            None => {}
        }
        lines.push(row(
            "published",
            published.packets,
            grouped(published.bytes),
            seconds(published.time),
        ));
        lines.push(
            "  The published figures are of another program on another machine: for comparison, not reproduced.\n  \
             The time of tshark includes joining and leaving."
                .into(),
        );
    }
    lines
}

/// The figures of several index servers.
fn availability_lines(availability: &Availability) -> Vec<String> {
    let shown = |Lookups { found, missing, wrong, unanswered }: Lookups| {
        format!(
            "{} found, {} not found, {wrong} wrong, {} without a reply",
            grouped(found as u64),
            grouped(missing as u64),
            grouped(unanswered as u64)
        )
    };
    let time = |time: Option<Duration>| time.map_or("never".into(), seconds);
    let servers = counted(availability.servers, "index server");
    let mut lines = vec![format!("  lookups      {servers}: {}", shown(availability.lookups))];
    for outage in &availability.outages {
        let end = match outage.ended {
            Some(ended) => format!("{} to {}", seconds(outage.begun), seconds(ended)),
            None => format!("{} to the end", seconds(outage.begun)),
        };
        lines.push(format!("  disconnected server {} from {end}", outage.server));
        lines.push(format!(
            "    {} of it, all registered again after {}",
            counted(outage.peers, "peer"),
            time(outage.registered_again)
        ));
        let last = outage
            .last_missing
            .map(|last| format!("; the last one not found after {}", seconds(last)));
        lines.push(format!(
            "    lookups at the others meanwhile: {}{}",
            shown(outage.lookups),
            last.unwrap_or_default()
        ));
        if outage.ended.is_some() {
            let listed = time(outage.listed_again);
            lines.push(format!(
                "    all records listed by it again {listed} after it was connected"
            ));
        }
    }
    lines
}

/// The same as an object.
fn availability_object(availability: &Availability) -> Value {
    let lookups = |Lookups { found, missing, wrong, unanswered }: Lookups| json!({"found": found, "missing": missing, "wrong": wrong, "unanswered": unanswered});
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let outage = |outage: &Outage| {
        json!({
            "server": outage.server,
            "begun": outage.begun.as_secs_f64(),
            "ended": seconds(outage.ended),
            "peers": outage.peers,
            "registered_again": seconds(outage.registered_again),
            "last_missing": seconds(outage.last_missing),
            "listed_again": seconds(outage.listed_again),
            "lookups": lookups(outage.lookups),
        })
    };
    json!({
        "servers": availability.servers,
        "lookups": lookups(availability.lookups),
        "outages": availability.outages.iter().map(outage).collect::<Vec<Value>>(),
    })
}

/// The figures as an object.
pub(super) fn object(figures: &Figures, sniffed: Option<&Outcome>) -> Value {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let mut object = json!({
        "v": 1,
        "title": figures.title,
        "seconds": figures.time.as_secs_f64(),
        "peers": figures.counts.joined,
        "left": figures.counts.left,
        "wanted": figures.counts.wanted,
        "delivered": figures.counts.delivered,
        "bytes": figures.counts.bytes,
        "p50": seconds(figures.half),
        "p90": seconds(figures.most),
        "all": seconds(figures.all),
        "failed": figures.counts.failed,
        "retried": figures.counts.retried,
        "holders_failed": figures.counts.holders_failed,
        "connections": figures.connections,
        "packets": figures.packets,
        "carried": figures.carried,
        "requests": figures.requests,
    });
    if let (Some(availability), Some(object)) = (&figures.availability, object.as_object_mut()) {
        object.insert("availability".into(), availability_object(availability));
    }
    if let (Some(published), Some(object)) = (figures.published, object.as_object_mut()) {
        let tshark = match sniffed {
            Some(Ok(Sniffed { packets, bytes, first, last })) => {
                json!({"packets": packets, "bytes": bytes, "seconds": last - first})
            }
            Some(Err(why)) => json!({"not_counted": why}),
            None => Value::Null,
        };
        object.insert("tshark".into(), tshark);
        let published = json!({"packets": published.packets, "bytes": published.bytes, "seconds": published.time.as_secs_f64()});
        object.insert("published".into(), published);
    }
    object
}

/// Checks that the plot may be written: the path does not exist, or is a regular file that is a plot.
pub(super) fn check_plot(path: &Path) -> Result<(), Error> {
    let shown = || escaped_path(path).to_string();
    let file = match open_existing(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == ErrorKind::InvalidInput || is_link_or_socket(&error) => {
            return Err(Error::NoPlot(shown()));
        }
        Err(source) => return Err(Error::File { what: "write", path: shown(), source }),
    };
    let mut beginning = Vec::new();
    let is_read = file.take(PLOT_BEGINS.len() as u64).read_to_end(&mut beginning).is_ok();
    if is_read && beginning == PLOT_BEGINS.as_bytes() {
        Ok(())
    } else {
        Err(Error::NoPlot(shown()))
    }
}

/// Writes the plot to a temporary file, and renames that: no link is followed, and a reader sees a whole plot.
pub(super) fn write_plot(path: &Path, plot: &str) -> Result<(), Error> {
    check_plot(path)?;
    replace(path, plot).map_err(|source| Error::File {
        what: "write",
        path: escaped_path(path).to_string(),
        source,
    })
}

fn replace(path: &Path, plot: &str) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".p2p-ci-lab-");
    // The system removes what the umask forbids, as for any other new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory.unwrap_or(Path::new(".")))?;
    file.write_all(plot.as_bytes())?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (10_730_000, "10,730,000")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn only_a_plot_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.svg");
        write_plot(&path, &format!("{PLOT_BEGINS}1")).unwrap();
        write_plot(&path, &format!("{PLOT_BEGINS}2")).unwrap();
        fs::write(&path, "<svg of another program>").unwrap();
        assert!(matches!(write_plot(&path, PLOT_BEGINS), Err(Error::NoPlot(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "<svg of another program>");
        assert!(matches!(check_plot(directory.path()), Err(Error::NoPlot(_))));
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed_and_nothing_waits_for_a_fifo() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};

        let directory = tempfile::tempdir().unwrap();
        let in_it = |name| directory.path().join(name);
        std::os::unix::fs::symlink(in_it("target.svg"), in_it("link.svg")).unwrap();
        mknodat(CWD, in_it("fifo.svg"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        for name in ["link.svg", "fifo.svg"] {
            assert!(matches!(write_plot(&in_it(name), PLOT_BEGINS), Err(Error::NoPlot(_))));
        }
        // A link to a plot stays, too.
        fs::write(in_it("target.svg"), PLOT_BEGINS).unwrap();
        assert!(matches!(check_plot(&in_it("link.svg")), Err(Error::NoPlot(_))));
        write_plot(&in_it("target.svg"), &format!("{PLOT_BEGINS}1")).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    }
}
