//! Commands of an operator: a list of connections, closing them, bans, and an orderly end.
//!
//! As paths they are only for a Unix socket, and there for the user of the program and root. The status page has
//! some of them at paths of its own, which check the token.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::program::Observed;
use crate::counted::counted;
use crate::escape::excerpt;
use crate::http::{Client, HttpStatus, Reply, Request, Router};
use crate::net::{OpenConnection, Stop};
use crate::system;

/// The time that connections get if the operator names none.
const DRAIN: Duration = Duration::from_secs(60);
/// The longest time that an operator may name.
const DRAIN_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Adds the commands to the paths of a program.
pub(super) fn with_commands(router: Router, program: &Arc<impl Observed>) -> Router {
    let [peers, listed, kicked, banned] = [(); 4].map(|()| Arc::clone(program));
    let [unbanned, drain, stats] = [(); 3].map(|()| Arc::clone(program));
    let started = SystemTime::now();
    router
        .get("/admin/peers", permitted(move |_| Ok(list(&*peers))))
        .get("/admin/stats", permitted(move |_| Ok(totals(&*stats, started))))
        .get("/admin/bans", permitted(move |_| Ok(bans(&*listed))))
        .post("/admin/kick", permitted(move |request| kick(&*kicked, request)))
        .post("/admin/ban", permitted(move |request| ban(&*banned, request)))
        .post("/admin/unban", permitted(move |request| unban(&*unbanned, request)))
        .post("/admin/drain", permitted(move |request| begin_drain(&*drain, request)))
}

/// A refused command: the status, and the reason for people.
pub type Refused = (HttpStatus, String);

/// A handler for users who may control the program. It returns a JSON object.
fn permitted(
    handler: impl Fn(&Request) -> Result<Value, Refused> + Send + Sync + 'static,
) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| {
        let is_permitted = match request.client {
            Client::Tcp(_) => false,
            // Where the system does not tell the user, the mode of the file decides.
            #[cfg(unix)]
            Client::Unix(user) => user.is_none_or(system::LocalUser::may_control),
        };
        if !is_permitted {
            let reason = "only the user of the program and root may do this, over a Unix socket";
            return Reply::text(HttpStatus::Forbidden, reason);
        }
        match handler(request) {
            Ok(object) => Reply::new(HttpStatus::Ok, "application/json", format!("{object}\n")),
            Err((status, reason)) => Reply::text(status, reason),
        }
    }
}

/// Logs a change, and the client that requested it.
pub fn log_change(request: &Request, change: impl Display) {
    let user = match request.client {
        #[cfg(unix)]
        Client::Unix(Some(user)) => format!("user {} (process {})", user.id, user.process),
        #[cfg(unix)]
        Client::Unix(None) => "an operator".into(),
        Client::Tcp(address) => format!("an operator at {address}"),
    };
    log::warn!("{user}: {change}");
}

fn list(program: &impl Observed) -> Value {
    let mut open = program.stop().open();
    open.sort_unstable_by_key(|connection| connection.number);
    let peer = |connection: OpenConnection| {
        let mut peer = Map::new();
        peer.insert("number".into(), connection.number.into());
        peer.insert("address".into(), connection.address.to_string().into());
        peer.insert("connected_seconds".into(), connection.since.elapsed().as_secs().into());
        program.describe(&connection, &mut peer);
        Value::Object(peer)
    };
    json!({"v": 1, "peers": open.into_iter().map(peer).collect::<Vec<Value>>()})
}

fn totals(program: &impl Observed, started: SystemTime) -> Value {
    let mut totals = Map::new();
    totals.insert("v".into(), 1.into());
    totals.insert("program".into(), program.name().into());
    totals.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    totals.insert("uptime_seconds".into(), started.elapsed().unwrap_or_default().as_secs().into());
    totals.insert("draining".into(), program.stop().is_draining().into());
    totals.insert("bans".into(), program.access().banned().len().into());
    if let Some(usage) = system::process_usage() {
        totals.insert("resident_bytes".into(), usage.resident_bytes.into());
        totals.insert("threads".into(), usage.threads.into());
        totals.insert("open_files".into(), usage.open_files.into());
    }
    program.summarize(&mut totals);
    Value::Object(totals)
}

/// The banned networks.
pub fn bans(program: &impl Observed) -> Value {
    let bans = program.access().banned();
    json!({"v": 1, "bans": bans.iter().map(ToString::to_string).collect::<Vec<String>>()})
}

/// The connections that an operator names.
enum Target {
    Number(u64),
    Network(IpNet),
    /// An address with its port.
    Endpoint(SocketAddr),
}

impl Target {
    fn of(text: &str) -> Option<Self> {
        let number = || text.parse().map(Self::Number).ok();
        let endpoint = || text.parse().map(Self::Endpoint).ok();
        number().or_else(|| network(text).map(Self::Network)).or_else(endpoint)
    }

    fn is(&self, connection: &OpenConnection) -> bool {
        match self {
            Self::Number(number) => connection.number == *number,
            Self::Network(network) => network.contains(&connection.address.ip()),
            Self::Endpoint(address) => connection.address == *address,
        }
    }
}

/// A network, or one address.
fn network(text: &str) -> Option<IpNet> {
    let address = || text.parse().map(|one: IpAddr| IpNet::from(one.to_canonical()));
    text.parse().or_else(|_| address()).ok().map(|network: IpNet| network.trunc())
}

/// Closes the connections that the field `target` names.
///
/// # Errors
/// When the field names none.
pub fn kick(program: &impl Observed, request: &Request) -> Result<Value, Refused> {
    let text = request.field("target").unwrap_or_default();
    let target = Target::of(&text).ok_or_else(|| {
        let expected = "expected the number of a connection, an address, or a network";
        (HttpStatus::BadRequest, format!("{expected}, found {}", excerpt(&text)))
    })?;
    let closed = program.stop().close(|connection| target.is(connection));
    if closed == 0 {
        let reason = format!("no connection is {}", excerpt(&text));
        return Err((HttpStatus::NotFound, reason));
    }
    log_change(request, format_args!("closed connections of {}: {closed}", excerpt(&text)));
    Ok(json!({"v": 1, "closed": closed}))
}

fn named_network(request: &Request) -> Result<IpNet, Refused> {
    let text = request.field("network").unwrap_or_default();
    network(&text).ok_or_else(|| {
        let expected = "expected a network such as `10.0.0.0/8`, or an address";
        (HttpStatus::BadRequest, format!("{expected}, found {}", excerpt(&text)))
    })
}

/// Bans the network in the field `network`, and closes its connections.
///
/// # Errors
/// When the field names none.
pub fn ban(program: &impl Observed, request: &Request) -> Result<Value, Refused> {
    let network = named_network(request)?;
    let access = program.access();
    let is_new = access.ban(network);
    let closed = program.stop().close(|one| access.check(one.address.ip()).is_err());
    log_change(request, format_args!("banned {network}; closed connections: {closed}"));
    Ok(json!({"v": 1, "network": network.to_string(), "new": is_new, "closed": closed}))
}

/// Ends the ban of the network in the field `network`.
///
/// # Errors
/// When the field names none.
pub fn unban(program: &impl Observed, request: &Request) -> Result<Value, Refused> {
    let network = named_network(request)?;
    if !program.access().unban(network) {
        return Err((HttpStatus::NotFound, format!("{network} is not banned")));
    }
    log_change(request, format_args!("unbanned {network}"));
    Ok(json!({"v": 1, "network": network.to_string()}))
}

fn begin_drain(program: &impl Observed, request: &Request) -> Result<Value, Refused> {
    let time = match request.field("seconds") {
        None => DRAIN,
        Some(text) => {
            let seconds = text.parse().map(Duration::from_secs).ok();
            seconds.filter(|time| *time <= DRAIN_MAX).ok_or_else(|| {
                let most = DRAIN_MAX.as_secs();
                (HttpStatus::BadRequest, format!("expected a number of seconds up to {most}"))
            })?
        }
    };
    let stop = program.stop().clone();
    if !stop.drain() {
        return Err((HttpStatus::Conflict, "the program is about to end".into()));
    }
    let open = stop.open().len();
    log_change(
        request,
        format_args!(
            "no new connections; the program ends after the end of {}, or after {time:?}",
            counted(open as u64, "open connection")
        ),
    );
    let thread = thread::Builder::new().name("drain".into());
    if let Err(error) = thread.spawn(move || end_when_drained(&stop, time)) {
        log::warn!("cannot start a thread that waits for the end of connections: {error}");
        system::end_this_process();
    }
    Ok(json!({"v": 1, "connections": open, "seconds": time.as_secs()}))
}

/// Ends the program as a SIGTERM does, when no connection is left, or after this time.
fn end_when_drained(stop: &Stop, time: Duration) {
    stop.wait_until_drained(time);
    system::end_this_process();
}
