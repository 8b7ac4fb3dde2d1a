//! The cases.

mod bytes;
mod churn;
mod connections;
mod downloads;
mod endless;
mod files;
mod holders;
mod leaving;
mod many;
mod memory;
mod networks;
mod operators;
mod other_protocols;
mod parts;
mod readers;
mod removed;
mod requests;
mod searching;
mod slow;
mod starved;
mod stopping;
mod table;
mod unresolved;
mod uploaders;
mod victims;

use std::io;

use crate::attack::Setting;
use crate::attack::report::Report;

/// One case.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) run: fn(&Setting, &mut Report) -> io::Result<()>,
}

const fn case(
    name: &'static str,
    what: &'static str,
    run: fn(&Setting, &mut Report) -> io::Result<()>,
) -> Case {
    Case { name, what, run }
}

pub(crate) const CASES: &[Case] = &[
    case("connections", "more connections than the limit", connections::too_many),
    case("starved", "no descriptor, no thread, connections that are gone", starved::starved),
    case("slow-writers", "a byte a second", slow::slow_writers),
    case("silent-readers", "a long LIST that is not read", slow::silent_readers),
    case("slow-readers", "an honest reader at 10 KB/s", slow::slow_readers),
    case("gone", "a peer that is killed, and a machine that is cut off", leaving::gone),
    case("strangers", "records of others", leaving::strangers),
    case("victims", "records that lead to a victim", victims::victims),
    case("bytes", "each byte in each field, and on a terminal", bytes::bytes),
    case("numbers", "numbers at and past every edge", requests::numbers),
    case("large", "a line of 1 GiB, a million headers", requests::large),
    case("splits", "messages in any pieces, long pipelines", requests::splits),
    case("other-protocols", "HTTP, TLS, pickles, noise", other_protocols::other_protocols),
    case("operators", "attacks on the address for operators", operators::operators),
    case("bad-requests", "bad requests as fast as one can send them", connections::bad_requests),
    case("limits", "records up to the limits, and a large peer that leaves", leaving::limits),
    case("networks", "limits per network, and a name that was verified", networks::networks),
    case("memory", "records of every shape in little memory, until it refuses", memory::memory),
    case("removed", "records that are removed, to fill the memory of others", removed::removed),
    case("address-space", "a server in a small address space", removed::address_space),
    case("pipelines", "64 connections that pipeline large requests", searching::pipelines),
    case("titles", "titles that are made to slow SEARCH down", searching::titles),
    case(
        "dishonest-holders",
        "holders that send wrong bytes, stall and break off",
        uploaders::dishonest_holders,
    ),
    case("silent-holders", "holders that never answer, among honest ones", holders::silent),
    case("stopping-holders", "holders that begin and then stop or are slow", stopping::stopping),
    case("unresolved", "holders whose names do not resolve", unresolved::unresolved),
    case("false-records", "records with false digests and lengths", holders::false_records),
    case("slow-uploads", "readers below the minimum rate, and above it", readers::slow_uploads),
    case("slots", "two networks that hold all slots for uploads", readers::slots),
    case("crowd", "slow readers of many networks in all slots and places", readers::crowd),
    case("hand-over", "readers that do not take what is handed over", readers::hand_over),
    case("table", "a node of the hash table that announces itself for everything", table::table),
    case("squat", "records that are in the way of others", many::squat),
    case("bait", "documents that are slow or only grow, among many", many::bait),
    case(
        "part-files",
        "part files of dishonest holders, for one document and many",
        parts::parts_of_dishonest_holders,
    ),
    case("processes", "three processes download into one directory", many::processes),
    case("hostile-index", "an index whose replies are endless, large or slow", endless::endless),
    case("names", "names that lead elsewhere, links, pipes, devices", files::names),
    case("faults", "a fault at each system call of a download; kill -9", downloads::faults),
    case("changes", "a file that changes while it is sent", files::changes),
    case("panics", "a panic in a session, again and again", leaving::panics),
    case("streams", "standard output and error closed or full", starved::streams),
    case("stop", "stopping with all connections open", connections::stop),
    case("churn", "peers that join and leave continuously", churn::churn),
];
