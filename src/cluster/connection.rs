//! Connections to the store, also by way of Sentinel or Redis Cluster.

use std::collections::HashMap;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;
use std::time::Instant;

use redis::{
    Client, Cmd, Connection, ConnectionAddr, ConnectionInfo, ConnectionLike, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, RedisResult, Value, cmd,
};

use super::error::StoreError;
use super::keys::CHANGES;
use super::reply::{array, number, text};
use super::script::Script;
use super::settings::{Password, Settings};
use super::url::{Location, Node, StoreUrl};
use crate::limits;

/// A connection to the store.
pub(super) struct Store {
    connection: Connection,
    /// The digests of the scripts that the store has got over this connection.
    digests: HashMap<&'static str, String>,
}

impl Store {
    /// Connects to the store that accepts changes.
    pub(super) fn connect(settings: &Settings) -> Result<Self, StoreError> {
        let Settings { store: url, password, .. } = settings;
        let password = password.as_ref();
        let connection = match &url.location {
            Location::Server(node) => open(tcp(node, url.tls), url, password)?,
            Location::Unix(path) => open(ConnectionAddr::Unix(path.clone()), url, password)?,
            Location::Sentinel { sentinels, master } => {
                let of_sentinel = |node: &Node| of_sentinel(node, master, url, password);
                any(sentinels, of_sentinel)?
            }
            Location::Cluster(nodes) => any(nodes, |node| of_cluster(node, url, password))?,
        };
        Ok(Self { connection, digests: HashMap::new() })
    }

    /// Sends a command and returns its reply.
    pub(super) fn call(&mut self, command: &Cmd) -> Result<Value, StoreError> {
        match request(&mut self.connection, command)? {
            Value::ServerError(error) => Err(RedisError::from(error).into()),
            value => Ok(value),
        }
    }

    /// Runs a script. `add` adds the arguments after the keys.
    pub(super) fn run(
        &mut self,
        script: &Script,
        keys: &[&str],
        add: impl Fn(&mut Cmd),
    ) -> Result<Value, StoreError> {
        let Script(source) = *script;
        let digest = match self.digests.get(source) {
            Some(digest) => digest.clone(),
            None => {
                let mut load = cmd("SCRIPT");
                let digest = text(&self.call(load.arg("LOAD").arg(source))?)?.to_string();
                self.digests.insert(source, digest.clone());
                digest
            }
        };
        let mut command = cmd("EVALSHA");
        command.arg(digest).arg(keys.len()).arg(keys);
        add(&mut command);
        self.call(&command)
    }
}

/// Sends a command and returns its reply. All commands here may be carried out twice: an interrupted one is sent again,
/// and the client skips the reply to the first one.
fn request(connection: &mut Connection, command: &Cmd) -> Result<Value, StoreError> {
    Ok(uninterrupted(|| connection.req_command(command))?)
}

/// The source of an error of the client.
type SharedError = Arc<dyn Error + Send + Sync>;

/// Repeats a call that the system has interrupted. A read with a time limit is interrupted when the system suspends
/// this process and continues it, without any signal handler (signal(7)).
fn uninterrupted<T>(mut call: impl FnMut() -> RedisResult<T>) -> RedisResult<T> {
    let is_interrupted = |error: &RedisError| {
        let shared = error.source().and_then(|source| source.downcast_ref::<SharedError>());
        let of_system = shared.and_then(|shared| shared.downcast_ref::<io::Error>());
        of_system.is_some_and(|error| error.kind() == io::ErrorKind::Interrupted)
    };
    for _ in 0..limits::STORE_REPEATS {
        match call() {
            Err(error) if is_interrupted(&error) => {}
            result => return result,
        }
    }
    call()
}

fn tcp(node: &Node, tls: bool) -> ConnectionAddr {
    let Node { host, port } = node.clone();
    match tls {
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        false => ConnectionAddr::Tcp(host, port),
    }
}

/// Connects to one server.
fn open(
    address: ConnectionAddr,
    url: &StoreUrl,
    password: Option<&Password>,
) -> Result<Connection, StoreError> {
    let mut settings = RedisConnectionInfo::default().set_db(url.database);
    if let Some(user) = &url.user {
        settings = settings.set_username(user);
    }
    if let Some(Password(password)) = password {
        settings = settings.set_password(password);
    }
    let info: ConnectionInfo = address.into_connection_info()?.set_redis_settings(settings);
    let client = Client::open(info)?;
    let connection = uninterrupted(|| client.get_connection_with_timeout(limits::STORE_TIMEOUT))?;
    connection.set_read_timeout(Some(limits::STORE_TIMEOUT))?;
    connection.set_write_timeout(Some(limits::STORE_TIMEOUT))?;
    Ok(connection)
}

/// Tries several nodes until one leads to the store, or the time is over. Each attempt begins with any of them, so
/// that nodes that do not reply do not take the time of the others each time.
fn any(
    nodes: &[Node],
    connect: impl Fn(&Node) -> Result<Connection, StoreError>,
) -> Result<Connection, StoreError> {
    let mut last = StoreError::Unavailable("no node".into());
    let begun = Instant::now();
    let random = RandomState::new().hash_one(nodes.len());
    let first = usize::try_from(random % nodes.len().max(1) as u64).unwrap_or(0);
    for node in nodes.iter().cycle().skip(first).take(nodes.len()) {
        if begun.elapsed() >= limits::STORE_TIMEOUT {
            break;
        }
        match connect(node) {
            Ok(connection) => return Ok(connection),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Connects to the master that a Sentinel names. Sentinels are asked without a password.
fn of_sentinel(
    sentinel: &Node,
    master: &str,
    url: &StoreUrl,
    password: Option<&Password>,
) -> Result<Connection, StoreError> {
    let plain = StoreUrl { user: None, database: 0, ..url.clone() };
    let mut connection = open(tcp(sentinel, url.tls), &plain, None)?;
    let mut ask = cmd("SENTINEL");
    ask.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let address = array(request(&mut connection, &ask)?)?;
    let [host, port] = &*address else {
        return Err(StoreError::Unavailable("the Sentinel does not know the master".into()));
    };
    let node = node(host, port)?;
    let mut connection = open(tcp(&node, url.tls), url, password)?;
    // A Sentinel may name the old master for a while.
    let role = array(request(&mut connection, &cmd("ROLE"))?)?;
    match role.first().map(text) {
        Some(Ok("master")) => Ok(connection),
        _ => Err(StoreError::Unavailable("the server that the Sentinel names is no master".into())),
    }
}

/// Connects to the master that has the slot of all keys of this cluster.
fn of_cluster(
    node: &Node,
    url: &StoreUrl,
    password: Option<&Password>,
) -> Result<Connection, StoreError> {
    let mut connection = open(tcp(node, url.tls), url, password)?;
    let mut ask = cmd("CLUSTER");
    ask.arg("KEYSLOT").arg(CHANGES);
    let slot = number(&request(&mut connection, &ask)?)?;
    let mut ask = cmd("CLUSTER");
    ask.arg("SLOTS");
    for range in array(request(&mut connection, &ask)?)? {
        let range = array(range)?;
        let [begin, end, master, ..] = &*range else { continue };
        if !(number(begin)?..=number(end)?).contains(&slot) {
            continue;
        }
        let master = array(master.clone())?;
        let [host, port, ..] = &*master else { break };
        let mut master = self::node(host, port)?;
        if master.host.is_empty() {
            // A node that does not know its own address.
            master.host.clone_from(&node.host);
        }
        return open(tcp(&master, url.tls), url, password);
    }
    Err(StoreError::Unavailable("no node of the cluster has the slot of the keys".into()))
}

fn node(host: &Value, port: &Value) -> Result<Node, StoreError> {
    let host = match host {
        Value::Nil => String::new(),
        host => text(host)?.to_string(),
    };
    let port = u16::try_from(number(port)?).map_err(|_| StoreError::Reply("a port"))?;
    Ok(Node { host, port })
}
