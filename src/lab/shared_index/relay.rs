//! A cable between clients and a server, which can be disconnected: then nothing arrives, and no connection ends, as
//! when a machine has lost its network. What was sent meanwhile arrives when it is connected again.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::lab::addresses;

/// Bytes that are carried together.
const BUFFER: usize = 16 * 1024;
/// The stack of a thread that carries bytes.
const STACK: usize = 128 * 1024;

/// The network of a machine. Clones are the same one.
#[derive(Clone, Debug)]
pub(in crate::lab) struct Cable(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    is_connected: bool,
    is_over: bool,
    /// Both sides of each connection, which are closed at the end.
    open: HashMap<u64, [Arc<Socket>; 2]>,
    next: u64,
}

/// Accepts connections for a server of a machine. It ends when it is dropped.
#[derive(Debug)]
pub(in crate::lab) struct Relay {
    cable: Cable,
    address: SockAddr,
    accepting: Option<JoinHandle<()>>,
}

impl Cable {
    /// A cable that is connected.
    pub(in crate::lab) fn new() -> Self {
        let state = State { is_connected: true, is_over: false, open: HashMap::new(), next: 0 };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// Connects or disconnects it.
    pub(in crate::lab) fn set_connected(&self, is_connected: bool) {
        self.lock().is_connected = is_connected;
        self.0.changed.notify_all();
    }

    pub(in crate::lab) fn is_connected(&self) -> bool {
        self.lock().is_connected
    }

    /// Waits while it is disconnected; `false` at the end.
    fn wait(&self) -> bool {
        let is_waiting = |state: &mut State| !state.is_connected && !state.is_over;
        let state = self.0.changed.wait_while(self.lock(), is_waiting);
        !state.unwrap_or_else(PoisonError::into_inner).is_over
    }

    /// Ends all connections for good.
    fn end(&self) {
        let mut state = self.lock();
        state.is_over = true;
        for (_, sockets) in state.open.drain() {
            sockets.iter().for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
        }
        drop(state);
        self.0.changed.notify_all();
    }

    /// Records a connection; `None` at the end.
    fn open(&self, sockets: [Arc<Socket>; 2]) -> Option<u64> {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        (!state.is_over).then(|| {
            state.open.insert(number, sockets);
            number
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment or insertion.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Relay {
    /// Accepts connections at an address, and carries their bytes to a server by this cable.
    ///
    /// # Errors
    /// When the address cannot be used, or no thread can be started.
    pub(in crate::lab) fn start(
        cable: &Cable,
        at: &SockAddr,
        server: SockAddr,
    ) -> io::Result<Self> {
        let listener = Socket::new(at.domain(), Type::STREAM, None)?;
        listener.set_cloexec(true)?;
        if at.domain() != Domain::UNIX {
            listener.set_reuse_address(true)?;
        }
        listener.bind(at)?;
        listener.listen(1024)?;
        let address = listener.local_addr()?;
        let accepts = cable.clone();
        let accept = move || {
            while let Ok((client, from)) = listener.accept() {
                if accepts.lock().is_over {
                    return;
                }
                let (cable, server) = (accepts.clone(), server.clone());
                // Without a thread, the client sees the end of the connection.
                let thread = thread::Builder::new().name("relay".into()).stack_size(STACK);
                let _ = thread.spawn(move || drop(carry(&cable, client, &from, &server)));
            }
        };
        let accepting = thread::Builder::new().name("relay-accept".into()).spawn(accept)?;
        Ok(Self { cable: cable.clone(), address, accepting: Some(accepting) })
    }

    /// Where it accepts connections.
    pub(in crate::lab) fn address(&self) -> Option<SocketAddr> {
        self.address.as_socket()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cable.end();
        // So that it does not wait for another client.
        let socket = Socket::new(self.address.domain(), Type::STREAM, None);
        let connected = socket.and_then(|socket| socket.connect(&self.address));
        if let (Some(accepting), Ok(())) = (self.accepting.take(), connected) {
            let _ = accepting.join();
        }
    }
}

/// Carries the bytes of one connection, in both directions.
fn carry(cable: &Cable, client: Socket, from: &SockAddr, server: &SockAddr) -> io::Result<()> {
    if !cable.wait() {
        return Ok(());
    }
    let to_server = Socket::new(server.domain(), Type::STREAM, None)?;
    // The server sees the address of the client.
    if let Some(ip) = from.as_socket().map(|from| from.ip()).filter(|_| addresses::HAS_ALL) {
        to_server.bind(&SocketAddr::new(ip, 0).into())?;
    }
    to_server.connect(server)?;
    if server.domain() != Domain::UNIX {
        to_server.set_tcp_nodelay(true)?;
        client.set_tcp_nodelay(true)?;
    }
    let (client, to_server) = (Arc::new(client), Arc::new(to_server));
    let sockets = [Arc::clone(&client), Arc::clone(&to_server)];
    let Some(number) = cable.open(sockets) else { return Ok(()) };
    let (there, from, to) = (cable.clone(), Arc::clone(&client), Arc::clone(&to_server));
    let thread = thread::Builder::new().name("relay-there".into()).stack_size(STACK);
    let there = thread.spawn(move || copy(&there, &from, &to));
    if there.is_ok() {
        copy(cable, &to_server, &client);
    }
    // The other direction ends, too: programs here close both.
    let _ = client.shutdown(Shutdown::Both);
    let _ = to_server.shutdown(Shutdown::Both);
    if let Ok(there) = there {
        let _ = there.join();
    }
    cable.lock().open.remove(&number);
    Ok(())
}

/// Carries bytes in one direction until its end, which arrives only by a connected cable.
fn copy(cable: &Cable, mut from: &Socket, mut to: &Socket) {
    let mut buffer = [0; BUFFER];
    loop {
        let read = match from.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.unwrap_or(0),
        };
        let is_carried = cable.wait();
        let bytes = buffer.get(..read).unwrap_or_default();
        if !is_carried || bytes.is_empty() || to.write_all(bytes).is_err() {
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;

    /// A server that sends back what it gets.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || io::copy(&mut &stream, &mut &stream));
            }
        });
        address
    }

    fn read(stream: &mut TcpStream) -> io::Result<[u8; 1]> {
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).map(|()| byte)
    }

    #[test]
    fn bytes_arrive_when_the_cable_is_connected_again() {
        let cable = Cable::new();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let relay = Relay::start(&cable, &at.into(), echo().into()).unwrap();
        let mut early = TcpStream::connect(relay.address().unwrap()).unwrap();
        early.write_all(b"a").unwrap();
        assert_eq!(read(&mut early).unwrap(), *b"a");
        cable.set_connected(false);
        let mut late = TcpStream::connect(relay.address().unwrap()).unwrap();
        for (stream, byte) in [(&mut early, b"b"), (&mut late, b"c")] {
            stream.write_all(byte).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            let error = read(stream).unwrap_err().kind();
            assert!(
                matches!(error, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
                "{error}"
            );
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        }
        cable.set_connected(true);
        assert_eq!(read(&mut early).unwrap(), *b"b");
        assert_eq!(read(&mut late).unwrap(), *b"c");
        cable.set_connected(false);
        drop(relay);
        assert!(read(&mut early).is_err());
    }
}
