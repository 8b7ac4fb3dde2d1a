//! Several index servers with one index, on a Redis of their own (docs/cluster.md).

mod costs;
mod rates;
mod store;
mod visible;

use std::io;

use crate::run::anchors::is_installed;
use crate::run::findings::Findings;
use crate::run::{Setting, Suite};

pub(crate) const SUITES: &[Suite] =
    &[Suite { name: "cluster", what: "several servers with one index", run: cluster }];

fn cluster(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    if !cfg!(feature = "cluster") {
        findings.skip("cluster: expected a build with `--features cluster`");
        return Ok(());
    }
    if !is_installed("redis-server") {
        findings.skip("cluster: expected `redis-server` to be installed");
        return Ok(());
    }
    let unpipelined = rates::adds(setting, findings)?;
    rates::lookups(setting, findings)?;
    rates::three_servers(setting, findings)?;
    visible::visible(setting, findings, unpipelined / 2.0)?;
    costs::costs(setting, findings)
}
