//! The limits of heads.

use p2p_ci::protocol::IndexRequest;

/// Each limit (protocol.md section 7), one byte or line below, at, and above it.
#[test]
fn heads_at_their_limits() {
    let ends = "Host: h\r\nPort: 1\r\n\r\n";
    let decode = |wire: String| IndexRequest::decode(wire.as_bytes()).map(|found| found.is_some());
    let request_line = |length: usize| {
        let words = "LIST ALL P2P-CI/1.0\r\n";
        format!("LIST ALL{} P2P-CI/1.0\r\n{ends}", " ".repeat(length - words.len()))
    };
    assert_eq!(decode(request_line(2048)), Ok(true));
    assert_eq!(decode(request_line(2049)).unwrap_err().framed, None);
    let header_line =
        |length: usize| format!("LIST ALL P2P-CI/1.0\r\nX: {}\r\n{ends}", "x".repeat(length - 5));
    assert_eq!(decode(header_line(4096)), Ok(true));
    assert_eq!(decode(header_line(4097)).unwrap_err().framed, None);
    let headers =
        |count: usize| format!("LIST ALL P2P-CI/1.0\r\n{}{ends}", "X: y\r\n".repeat(count - 2));
    assert_eq!(decode(headers(32)), Ok(true));
    assert_eq!(decode(headers(33)).unwrap_err().framed, None);
    let head = |length: usize| {
        let start =
            format!("LIST ALL P2P-CI/1.0\r\n{}", format!("X: {}\r\n", "x".repeat(3995)).repeat(4));
        let rest = length - start.len() - ends.len() - 5;
        format!("{start}X: {}\r\n{ends}", "x".repeat(rest))
    };
    assert_eq!(head(16384).len(), 16384);
    assert_eq!(decode(head(16384)), Ok(true));
    assert_eq!(decode(head(16385)).unwrap_err().framed, None);
    // Without any line end nothing more is kept than one line may have.
    assert_eq!(decode("L".repeat(2047)), Ok(false));
    assert!(decode("L".repeat(2048)).is_err());
}
