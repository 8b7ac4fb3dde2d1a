//! Holders that begin to deliver a document, and then stop or are slow (protocol.md section 7).

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::holders::{Kind, Scene, holder, is_right};
use crate::attack::Setting;
use crate::attack::report::Report;

pub(super) fn stopping(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let count: u8 = setting.size(20, 10);
    for (name, kind) in [
        ("stop", Kind::Stops(17_000)),
        ("trickle", Kind::Trickles),
        ("lack the last byte", Kind::LacksLast),
    ] {
        let mut scene = Scene::new(1)?;
        scene.add(1, scene.honest)?;
        for number in 0..count {
            let at = holder(Ipv4Addr::new(127, 10, number, 1), kind, &scene.open)?;
            scene.add(1, at)?;
        }
        let (mine, _, time, _) = scene.run(name, &["get", "1"])?;
        let what = format!("holders that {name} after the beginning of the document");
        report.figure(&what, f64::from(count), "");
        report.figure("the document is here after", time.as_secs_f64(), "s");
        report.require("the honest holder is found", is_right(&mine, 1));
        report.require_time("in time", time < Duration::from_secs(25));
    }

    let (documents, count) = setting.size((50, 12), (8, 4));
    let mut scene = Scene::new(documents)?;
    for number in 1..=documents {
        scene.add(number, scene.honest)?;
    }
    for number in 0..count {
        let at = holder(Ipv4Addr::new(127, 11, number, 1), Kind::Stops(17_000), &scene.open)?;
        for number in 1..=documents {
            scene.add(number, at)?;
        }
    }
    let (mine, _, time, _) = scene.run("sync", &["sync"])?;
    report.figure("documents of a sync, all of which they have", f64::from(documents), "");
    report.figure("are here after", time.as_secs_f64(), "s");
    report.require("all are right", (1..=documents).all(|number| is_right(&mine, number)));
    report.require_time("in time", time < Duration::from_secs(40));
    Ok(())
}
