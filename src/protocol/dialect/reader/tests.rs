//! Requests in all forms, in pieces and with pauses.

use proptest::prelude::*;

use super::*;

fn reader() -> CompatReader {
    CompatReader::new("192.0.2.7:40000".parse().unwrap(), StyleSettings::default())
}

/// Hands over the pieces, with silence after each, and returns what they mean.
fn read(reader: &mut CompatReader, pieces: &[&str]) -> Vec<String> {
    let (mut input, mut found) = (Vec::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece.as_bytes());
        loop {
            let reading = match reader.next(&input) {
                Reading::More(None) => break,
                Reading::More(Some(_)) => reader.on_silence(&input),
                found => found,
            };
            let Reading::Found(used, request) = reading else { break };
            input.drain(..used);
            found.push(match request {
                CompatRequest::Skipped | CompatRequest::LateEnd => continue,
                CompatRequest::Request(bytes) => {
                    let text = String::from_utf8(bytes).unwrap();
                    text.lines().collect::<Vec<_>>().join("|")
                }
                CompatRequest::Join => "join".into(),
                CompatRequest::Leave => "leave".into(),
                CompatRequest::Unreadable(_) => return vec!["unreadable".into()],
            });
        }
    }
    found
}

const LIST: &str = "LIST ALL P2P-CI/1.0|Host: h|Port: 1|";

#[test]
fn each_form_is_one_request() {
    let table: [&[&str]; 31] = [
        &["LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n"],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\nEND\n"],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\n", "END\n"],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\nEND\n"],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n~~~~~~~~~", "~~~~~~~~~~"],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\0\0\0\0\0\0\0\0"],
        &["LIST P2P-CI/1.0\nHost: h\nPost: 1"],
        &["LIST P2P-CI/1.0\nHost: h\nPost: 1\n"],
        &["LIST P2P-CI/1.0\nHost: h\nPost: 1\n", "\n"],
        &["LIST P2P-CI/1.0\nHost: h\nPost: 1\n", "Title: late\nOS: x\n\n"],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\nEND"],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\nEND"],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\n", "END"],
        &["LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n~~~~~~~~~", "~~~"],
        &["LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n\0\0\0\0\0\0\0\0"],
        &["LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n          "],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\0"],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\0"],
        &["LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n\0"],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\u{4}"],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n."],
        &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\nEOF\n"],
        &["\u{feff}LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\n"],
        &["P2P-CI/1.0 LIST ALL\nHostname: h\nPort-Number: 1\n"],
        &["36\r\nLIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"],
        &["36                        ", "LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"],
        &["00000000", "36", "LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"],
        &["0000000036LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"],
        &["36        LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"],
        &["\0\u{24}LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"],
        &["S'LIST ALL P2P-CI/1.0\\nHost: h\\nPort: 1\\n'\n."],
    ];
    for pieces in table {
        let twice = [pieces, pieces].concat();
        assert_eq!(read(&mut reader(), &twice), [LIST, LIST], "{pieces:?}");
    }
}

#[test]
fn requests_follow_each_other_without_an_end() {
    let add = "ADD RFC 1 P2P-CI/1.0\nHost: h\nPort: 1\nTitle: t\n";
    let found = read(&mut reader(), &["CONNECT 7 P2P-CI/1.0\n", add, add, "EXIT P2P-CI/1.0\n"]);
    let expected = "ADD RFC 1 P2P-CI/1.0|Host: h|Port: 1|Title: t|";
    assert_eq!(found, ["join", expected, expected, "leave"]);
    let all = format!("CONNECT 7 P2P-CI/1.0\n{add}{add}EXIT P2P-CI/1.0\n");
    assert_eq!(read(&mut reader(), &[&all]), ["join", expected, expected, "leave"]);
}

#[test]
fn the_port_of_the_connection_stands_for_a_missing_one() {
    let list = "LIST ALL P2P-CI/1.0\r\nHost: h\r\n\r\n";
    let expected = ["LIST ALL P2P-CI/1.0|Host: h|Port: 40000|"];
    assert_eq!(read(&mut reader(), &[list]), expected);
    let found = read(&mut reader(), &["CONNECT 7 P2P-CI/1.0\n", list]);
    assert_eq!(found, ["join", "LIST ALL P2P-CI/1.0|Host: h|Port: 7|"]);
}

#[test]
fn a_word_of_leaving_alone_on_its_line_never_waits() {
    let list = "LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n";
    for leaving in ["EXIT\n", "QUIT\r\n", "bye\n"] {
        let mut reader = reader();
        assert!(matches!(reader.next(list.as_bytes()), Reading::Found(..)));
        let found = Reading::Found(leaving.len(), CompatRequest::Leave);
        assert_eq!(reader.next(leaving.as_bytes()), found, "{leaving:?}");
    }
    // An earlier end is no reason to wait longer for that of a line that no header follows.
    let mut reader = reader();
    assert!(matches!(reader.next(list.as_bytes()), Reading::Found(..)));
    assert_eq!(reader.next(b"EXIT"), Reading::More(Some(UNTERMINATED)));
    let Reading::More(Some(silence)) = reader.next(b"EXIT P2P-CI/1.0\r\n") else { panic!() };
    assert!(silence < UNTERMINATED);
}

#[test]
fn a_pickle_may_follow_its_length() {
    let mut pickle = b"\x80\x03]q\0(".to_vec();
    for item in ["LIST", "ALL", "P2P-CI/1.0", "Host: h", "Port: 1"] {
        pickle.push(b'U');
        pickle.push(u8::try_from(item.len()).unwrap());
        pickle.extend_from_slice(item.as_bytes());
    }
    pickle.extend_from_slice(b"e.");
    let length = u8::try_from(pickle.len()).unwrap();
    let prefixes = [
        vec![0, 0, 0, length],
        vec![0, length],
        format!("{length:<10}").into(),
        format!("{length:010}").into(),
    ];
    for prefix in prefixes {
        let sent = [prefix.as_slice(), &pickle].concat();
        let mut reader = reader();
        for end in 0..sent.len() {
            assert_eq!(reader.next(&sent[..end]), Reading::More(None), "{prefix:?} {end}");
        }
        let Reading::Found(used, CompatRequest::Request(request)) = reader.next(&sent) else {
            panic!("{prefix:?}")
        };
        assert_eq!((used, request.starts_with(b"LIST ALL P2P-CI/1.0\r\n")), (sent.len(), true));
        let cut = [prefix.as_slice(), &pickle[..pickle.len() - 1], b"x"].concat();
        let Reading::Found(_, CompatRequest::Unreadable(_)) = reader.next(&cut) else {
            panic!("{prefix:?}")
        };
    }
}

#[test]
fn a_request_with_an_end_never_waits() {
    let request = "ADD RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: t\r\n\r\n";
    let mut reader = reader();
    assert!(matches!(reader.next(request.as_bytes()), Reading::Found(..)));
    // Then silence means little.
    let begun = b"LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n";
    assert_eq!(reader.next(begun), Reading::More(Some(EXCEPTION)));
}

/// Hands over a request, which silence ends, and returns the silences of both when it is sent twice.
fn silences(request: &str) -> [Option<Duration>; 2] {
    let mut reader = reader();
    [(); 2].map(|()| {
        let mut input = request.as_bytes().to_vec();
        loop {
            match reader.next(&input) {
                Reading::Found(used, CompatRequest::Skipped) => drop(input.drain(..used)),
                Reading::More(Some(silence)) => {
                    reader.on_silence(&input);
                    return Some(silence);
                }
                _ => return None,
            }
        }
    })
}

#[test]
fn silence_ends_the_second_request_of_a_form_as_soon_as_the_first_or_sooner() {
    let [short, long] = [50, 2000].map(|time| Some(Duration::from_millis(time)));
    // A text of several lines, as Python writes it between three quotation marks.
    assert_eq!(silences("\nLIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"), [short, short]);
    let indented = "\n    LIST ALL P2P-CI/1.0\n    Host: h\n    Port: 1\n        ";
    assert_eq!(silences(indented), [short, short]);
    let less = "\n    LIST ALL P2P-CI/1.0\n    Host: h\n    Port: 1\n    ";
    assert_eq!(silences(less), [Some(Duration::from_millis(300)); 2]);
    // A program that omits Port once does so always.
    assert_eq!(silences("LIST ALL P2P-CI/1.0\nHost: h\n"), [long, short]);
}

#[test]
fn faults_are_left_to_the_decoder() {
    let mistyped = "LOKUP RFC 1 P2P-CI/1.0|Host: h|Port: 1|";
    let pieces =
        ["LIST P2P-CI/1.0\nHost: h\nPost: 1\n", "LOKUP RFC 1 P2P-CI/1.0\nHost: h\nPort: 1\n"];
    assert_eq!(read(&mut reader(), &pieces), [LIST, mistyped]);
    let call = "cos\nsystem\n(S'true'\ntR.";
    assert_eq!(read(&mut reader(), &[&format!("(d{call}")]), ["unreadable"]);
}

/// A request in one of the forms in which programs send it, without its end.
const REQUESTS: [&str; 4] = [
    "ADD RFC 1 P2P-CI/1.0\nHost: h\nPort: 1\nTitle: one two",
    "LOOKUP RFC 1 P2P-CI/1.0\nHost: h\nPort: 1",
    "LIST ALL P2P-CI/1.0\nHost: h\nPort: 1",
    "ADD FILE a.txt P2P-CI/1.0\nHost: h\nPort: 1\nTitle: ",
];
const ENDS: [&str; 4] = ["\n\n", "\n\nEND\n", "\nEND\n", "\n~~~~~~~~~~~~"];

/// Hands over the pieces, and then lets the pause pass. Returns the requests.
fn read_with_pauses(pieces: &[(Vec<u8>, Duration)]) -> Vec<String> {
    let (mut reader, mut input, mut found) = (reader(), Vec::new(), Vec::new());
    for (piece, pause) in pieces {
        input.extend_from_slice(piece);
        let mut left = *pause;
        loop {
            let reading = match reader.next(&input) {
                Reading::More(Some(silence)) if silence <= left => {
                    left -= silence;
                    reader.on_silence(&input)
                }
                reading => reading,
            };
            let Reading::Found(used, request) = reading else { break };
            input.drain(..used);
            match request {
                CompatRequest::Request(text) => found.push(String::from_utf8(text).unwrap()),
                CompatRequest::Skipped | CompatRequest::LateEnd => {}
                other => panic!("{other:?}"),
            }
        }
    }
    found
}

/// The bytes of a conversation, cut at these places.
fn cut(bytes: &[u8], cuts: &[(prop::sample::Index, u64)]) -> Vec<(Vec<u8>, Duration)> {
    let mut places: Vec<(usize, u64)> =
        cuts.iter().map(|(place, pause)| (place.index(bytes.len()), *pause)).collect();
    places.push((bytes.len(), 5000));
    places.sort_unstable();
    let mut begin = 0;
    let pieces = places.into_iter().map(|(end, pause)| {
        let piece = bytes[begin..end].to_vec();
        begin = end;
        (piece, Duration::from_millis(pause))
    });
    pieces.collect()
}

/// Up to eleven cuts, with a pause of fewer milliseconds than this after each.
fn cuts(pause: u64) -> impl Strategy<Value = Vec<(prop::sample::Index, u64)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..pause), 0..12)
}

fn conversations() -> impl Strategy<Value = (Vec<usize>, usize, bool)> {
    (prop::collection::vec(0..REQUESTS.len(), 1..6), 0..ENDS.len(), any::<bool>())
}

fn bytes_of(requests: &[usize], end: usize, is_crlf: bool) -> Vec<u8> {
    let text: String =
        requests.iter().map(|&which| format!("{}{}", REQUESTS[which], ENDS[end])).collect();
    if is_crlf { text.replace('\n', "\r\n").into_bytes() } else { text.into_bytes() }
}

fn whole(requests: &[usize]) -> Vec<String> {
    let canonical = |&which: &usize| format!("{}\r\n\r\n", REQUESTS[which].replace('\n', "\r\n"));
    requests.iter().map(canonical).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    /// Pauses below the shortest silence change nothing.
    #[test]
    fn short_pauses_change_nothing(
        (requests, end, is_crlf) in conversations(),
        cuts in cuts(50),
    ) {
        let bytes = bytes_of(&requests, end, is_crlf);
        prop_assert_eq!(read_with_pauses(&cut(&bytes, &cuts)), whole(&requests));
    }

    /// However long the pauses are: a request is read once, whichever silence ended it.
    #[test]
    fn long_pauses_answer_no_request_twice(
        (requests, end, is_crlf) in conversations(),
        cuts in cuts(3000),
    ) {
        let bytes = bytes_of(&requests, end, is_crlf);
        let found = read_with_pauses(&cut(&bytes, &cuts));
        prop_assert!(found.len() <= requests.len(), "{found:?}");
    }

    /// Pauses between lines only: no request is read otherwise than as it was sent.
    #[test]
    fn pauses_between_lines_change_no_request(
        (requests, end, is_crlf) in conversations(),
        cuts in cuts(1900),
    ) {
        let bytes = bytes_of(&requests, end, is_crlf);
        let (mut at_lines, mut rest) = (Vec::new(), Vec::new());
        for (piece, pause) in cut(&bytes, &cuts) {
            rest.extend(piece);
            let end = rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            at_lines.push((rest.drain(..end).collect(), pause));
        }
        at_lines.push((rest, Duration::from_secs(5)));
        prop_assert_eq!(read_with_pauses(&at_lines), whole(&requests));
    }
}

#[test]
fn a_port_may_precede_the_first_request() {
    let table: [&[&str]; 4] = [
        &["5678", "LIST ALL P2P-CI/1.0\r\nHost: h\r\n\r\n"],
        &["5678\nLIST ALL P2P-CI/1.0\r\nHost: h\r\n\r\n"],
        &["5678LIST ALL P2P-CI/1.0\nHost: h\n"],
        &["5678", "LIST ALL P2P-CI/1.0\nHost: h\nEND\n"],
    ];
    for pieces in table {
        let found = read(&mut reader(), pieces);
        assert_eq!(found, ["join", "LIST ALL P2P-CI/1.0|Host: h|Port: 5678|"], "{pieces:?}");
    }
}

#[test]
fn texts_of_c_programs_have_their_end() {
    let pieces = ["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\n\0"; 3];
    assert_eq!(read(&mut reader(), &pieces), [LIST; 3]);
    let pieces: Vec<&str> = pieces
        .iter()
        .flat_map(|text| text.split_at_checked(38))
        .flat_map(|(a, b)| [a, b])
        .collect();
    assert_eq!(read(&mut reader(), &pieces), [LIST; 3]);
}
