//! Connections to listeners that answer, refuse, or do not answer.

use std::net::TcpListener;

use super::*;

/// Connects to one of these addresses, as [`Dialer::connect`] does.
fn dial(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut dial = HappyEyeballs::new(addresses, None, &limits::Connecting::DEFAULT);
    loop {
        if let Some(result) = dial.advance(Instant::now()) {
            return result;
        }
        let sockets: Vec<_> = dial.sockets().collect();
        wait_for_any(&sockets, Duration::from_millis(10)).unwrap();
    }
}

#[test]
fn an_address_that_refuses_is_followed_by_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let open = listener.local_addr().unwrap();
    let stream = dial(vec![closed, open]).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), open);
    let refused = dial(vec![closed]).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

/// A listener whose queue is full: further attempts to connect to it are not answered.
fn unanswering() -> (socket2::Socket, SocketAddr, Vec<TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        queued.push(stream);
        assert!(queued.len() < 100, "the queue has no end");
    }
    (socket, address, queued)
}

#[cfg(target_os = "linux")]
#[test]
fn an_attempt_is_cancelled_soon() {
    let (_socket, dead, _queued) = unanswering();
    let host = dead.ip().to_string();
    let target = Target::of_user(&host, dead.port());
    let dialer = Dialer::default();
    let cancel = Cancel::new();
    let (cancelled_at, error) = std::thread::scope(|scope| {
        let connecting = scope.spawn(|| (dialer.connect(target, &cancel), Instant::now()));
        assert!(!cancel.sleep(Duration::from_millis(100)));
        let at = Instant::now();
        cancel.cancel();
        let (outcome, ended_at) = connecting.join().unwrap();
        (ended_at.saturating_duration_since(at), outcome.unwrap_err())
    });
    assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    assert!(cancelled_at < limits::Connecting::DEFAULT.connect / 4, "{cancelled_at:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_dead_address_costs_a_quarter_of_a_second() {
    let (_socket, dead, _queued) = unanswering();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap();
    let begun = Instant::now();
    let stream = dial(vec![dead, open]).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), open);
    let time = begun.elapsed();
    assert!(time >= limits::Connecting::DEFAULT.stagger, "{time:?}");
    assert!(time < Duration::from_secs(4), "{time:?}");
}

#[test]
fn an_address_that_an_index_may_not_list_is_denied() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let dialer = Dialer::default();
    let connect = |host, provenance| {
        dialer.connect(Target { host, port, provenance, address: None }, &Cancel::new())
    };
    let (remote, local) = ("192.0.2.1:7734".parse().unwrap(), "127.0.0.1:7734".parse().unwrap());
    for host in ["127.0.0.1", "localhost"] {
        let denied = connect(host, Provenance::Index(remote)).unwrap_err();
        assert_eq!(denied.kind(), io::ErrorKind::PermissionDenied, "{host}");
        assert!(connect(host, Provenance::Index(local)).is_ok(), "{host}");
        assert!(connect(host, Provenance::User).is_ok(), "{host}");
    }
}

#[test]
fn a_known_address_is_the_only_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (host, provenance) = ("no-such-host.invalid", Provenance::User);
    let target = Target { host, port: address.port(), provenance, address: Some(address) };
    let stream = Dialer::default().connect(target, &Cancel::new()).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
    let excluded = Dialer::default().start(target, &|_| false);
    assert!(matches!(excluded, Err(DialError::Excluded)));
}

#[cfg(target_os = "linux")]
#[test]
fn a_peer_connects_from_the_address_of_its_interface() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let source = "127.0.7.9".parse().unwrap();
    let interface = Interface { address: Some(source), ..Interface::default() };
    let dialer = Dialer::on(interface, AddressPolicy::default(), limits::Connecting::DEFAULT);
    let target = Target::of_user("127.0.0.1", listener.local_addr().unwrap().port());
    let stream = dialer.connect(target, &Cancel::new()).unwrap();
    assert_eq!(stream.local_addr().unwrap().ip(), source);
    assert_eq!(listener.accept().unwrap().1.ip(), source);
}
