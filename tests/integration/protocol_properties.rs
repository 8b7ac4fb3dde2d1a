//! Properties that hold for all messages: what is written is read again, and no input panics.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use p2p_ci::protocol::dialect::{CompatReader, CompatRequest, Reading, StyleSettings};
use p2p_ci::protocol::{
    ByteRange, Content, ContentRange, Date, DecodeError, Digest, Document, DocumentHead,
    DocumentReply, DocumentReplyDecoder, DocumentRequest, Endpoint, FileName, HeaderText,
    IndexReply, IndexRequest, Listing, Record, Refusal, Request, RequestDecoder, Title,
};
use proptest::prelude::*;

fn documents() -> impl Strategy<Value = Document> {
    prop_oneof![
        (1..=999_999_999u32).prop_map(|n| Document::Rfc(n.to_string().parse().unwrap())),
        "\\PC{1,40}"
            .prop_filter_map("no file name", |name| FileName::from_decoded(&name).ok())
            .prop_map(Document::File),
    ]
}

fn titles() -> impl Strategy<Value = Title> {
    any::<String>().prop_map(|text| Title::folded(&text))
}

fn header_texts() -> impl Strategy<Value = Option<HeaderText>> {
    any::<String>().prop_map(|text| HeaderText::folded(&text))
}

fn endpoints() -> impl Strategy<Value = Endpoint> {
    ("[!-~]{1,60}", 1..=65535u16).prop_map(|(host, port)| Endpoint {
        host: host.parse().unwrap(),
        port: port.to_string().parse().unwrap(),
    })
}

fn index_requests() -> impl Strategy<Value = IndexRequest> {
    let limit = prop::option::of(1..=999_999_999u32);
    (0..6, documents(), titles(), endpoints(), limit).prop_map(request_of)
}

fn request_of(
    (kind, document, title, from, limit): (i32, Document, Title, Endpoint, Option<u32>),
) -> IndexRequest {
    match kind {
        0 => IndexRequest::Add { document, title, content: content_of(limit), from },
        1 => IndexRequest::Remove { document, from },
        2 => IndexRequest::Lookup {
            document,
            want_attributes: limit.is_some(),
            want_cluster: limit.is_none(),
            from,
        },
        3 => IndexRequest::List { listing: Listing::Rfcs, from },
        4 => IndexRequest::List { listing: Listing::Files, from },
        _ => IndexRequest::Search {
            words: title.as_str().parse().unwrap_or_else(|_| "word".parse().unwrap()),
            limit: limit.map(|limit| limit.to_string().parse().unwrap()),
            from,
        },
    }
}

fn content_of(number: Option<u32>) -> Content {
    Content {
        digest: number.map(|number| Digest::new([number.to_le_bytes()[0]; 32])),
        length: number.filter(|number| number % 2 == 0).map(u64::from),
    }
}

fn refusals() -> impl Strategy<Value = Refusal> {
    prop::sample::select(vec![
        Refusal::BadRequest,
        Refusal::NotFound,
        Refusal::RangeNotSatisfiable,
        Refusal::ServiceUnavailable,
        Refusal::VersionNotSupported,
    ])
}

fn records() -> impl Strategy<Value = Record> {
    (documents(), titles(), endpoints()).prop_map(|(document, title, holder)| Record {
        document,
        title,
        holder,
    })
}

fn index_replies() -> impl Strategy<Value = IndexReply> {
    prop_oneof![
        prop::collection::vec(records(), 0..6).prop_map(IndexReply::Found),
        (refusals(), header_texts())
            .prop_map(|(refusal, reason)| IndexReply::Refused { refusal, reason }),
    ]
}

fn encoded(request: &impl Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(&mut bytes);
    bytes
}

/// Any byte; often one that has a meaning between or at the beginning of lines.
fn noise_bytes() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), prop::sample::select(b"\r\n\0\t \x1b\x7f".to_vec())]
}

/// Text like the ends of requests in other programs, which is no end within a title or a header.
fn misleading_text() -> impl Strategy<Value = String> {
    let parts = [
        "~~~~~~~~",
        "!!!!!!!!!!",
        "        ",
        "END",
        "\tEND",
        "LIST ALL P2P-CI/1.0",
        "EXIT",
        "a",
        ": ",
        "ADD RFC 1 P2P-CI/1.0",
        "0000000012",
        "~",
        "!",
        " ",
    ];
    prop::collection::vec(prop::sample::select(parts.to_vec()), 0..24)
        .prop_map(|parts| parts.concat())
}

/// The requests that a reader of the compatibility mode finds without any pause.
fn read_by_compat(bytes: &[u8], cuts: &[usize]) -> Vec<IndexRequest> {
    let mut reader = CompatReader::new(([192, 0, 2, 7], 40_000).into(), StyleSettings::default());
    let (mut input, mut found, mut rest) = (Vec::<u8>::new(), Vec::new(), bytes);
    for cut in cuts.iter().chain(&[bytes.len()]) {
        let (piece, after) = rest.split_at((*cut).min(rest.len()));
        input.extend_from_slice(piece);
        rest = after;
        while let Reading::Found(used, request) = reader.next(&input) {
            input.drain(..used);
            match request {
                CompatRequest::Request(text) => {
                    found.push(IndexRequest::decode(&text).unwrap().unwrap().0);
                }
                CompatRequest::Skipped => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(input.is_empty(), "{:?} is left", String::from_utf8_lossy(&input));
    found
}

/// An error as text.
fn with_hint(error: &DecodeError) -> String {
    format!("{error} {:?}", error.framed)
}

/// An error as text, without its hint: a request is refused at its first wrong byte, and the bytes after it that
/// have arrived by then can tell more about the mistake.
fn without_hint(error: &DecodeError) -> String {
    let mut error = error.clone();
    error.fault.hint = None;
    with_hint(&error)
}

/// The results of a decoder for bytes that arrive in these pieces: all messages, then how it ended.
fn decode_all(bytes: &[u8], cuts: &[usize], describe: fn(&DecodeError) -> String) -> Vec<String> {
    let mut decoder = RequestDecoder::<IndexRequest>::new();
    let mut outcomes = Vec::new();
    let mut start = 0;
    let ends = cuts.iter().copied().chain([bytes.len()]);
    for end in ends {
        loop {
            match decoder.decode(&bytes[start..end.max(start)]) {
                Ok(None) => break,
                Ok(Some((request, used))) => {
                    outcomes.push(format!("{request:?}"));
                    start += used;
                }
                Err(error) => {
                    outcomes.push(describe(&error));
                    match error.framed {
                        Some(used) => start += used,
                        None => return outcomes,
                    }
                }
            }
        }
    }
    outcomes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn an_index_request_is_read_as_it_is_written(request in index_requests()) {
        let bytes = encoded(&request);
        prop_assert_eq!(IndexRequest::decode(&bytes), Ok(Some((request, bytes.len()))));
        prop_assert_eq!(IndexRequest::decode(&bytes[..bytes.len() - 1]), Ok(None));
    }

    #[test]
    fn a_document_request_is_read_as_it_is_written(
        document in documents(), endpoint in endpoints(), os in header_texts(),
        want_digest in any::<bool>(), keep_alive in any::<bool>(),
        first in prop::option::of(0..=9_999_999_999_999_999_999u64),
    ) {
        let mut request = DocumentRequest::new(document, endpoint.host);
        request.os = os;
        request.want_digest = want_digest;
        request.range = first.map(ByteRange::start);
        request.keep_alive = keep_alive;
        let bytes = encoded(&request);
        prop_assert_eq!(DocumentRequest::decode(&bytes), Ok(Some((request, bytes.len()))));
    }

    #[test]
    fn an_index_reply_is_read_as_it_is_written_and_holds_a_line_a_record(reply in index_replies()) {
        let mut bytes = Vec::new();
        reply.encode(&mut bytes);
        let lines = bytes.split(|&byte| byte == b'\n').count() - 1;
        match &reply {
            IndexReply::Found(records) => prop_assert_eq!(lines, records.len() + 3),
            IndexReply::Refused { reason, .. } => {
                prop_assert_eq!(lines, 2 + usize::from(reason.is_some()));
            }
        }
        prop_assert_eq!(IndexReply::decode(&bytes), Ok(Some((reply, bytes.len()))));
    }

    #[test]
    fn a_record_is_read_as_it_is_written(record in records()) {
        prop_assert_eq!(Record::parse(&record.to_string()), Ok(record));
    }

    #[test]
    fn a_document_head_is_read_as_it_is_written(
        seconds in prop::array::uniform2(0..253_402_300_800u64),
        length in 0..=9_999_999_999_999_999_999u64,
        os in header_texts(),
        digest in prop::option::of(any::<[u8; 32]>()),
        first in prop::option::of(0..1000u64), keep_alive in any::<bool>(),
    ) {
        let date = |seconds| Some(Date::clamped(
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
        ));
        let mut head = DocumentHead::default();
        head.date = date(seconds[0]);
        head.os = os.or_else(|| HeaderText::folded("x"));
        head.last_modified = date(seconds[1]);
        head.content_length = Some(length);
        head.content_type = HeaderText::folded("text/plain");
        head.digest = digest.map(Digest::new);
        head.content_range = first.and_then(|first| ContentRange::of(ByteRange::start(first), length));
        head.keep_alive = keep_alive;
        let reply = DocumentReply::Found(head);
        let mut bytes = Vec::new();
        reply.encode(&mut bytes);
        let found = DocumentReplyDecoder::default().decode(&bytes);
        prop_assert_eq!(found, Ok(Some((reply, bytes.len()))));
    }

    /// However bytes are cut into segments, the same is read.
    #[test]
    fn cuts_do_not_matter(
        requests in prop::collection::vec(index_requests(), 1..4),
        noise in prop::collection::vec((any::<prop::sample::Index>(), noise_bytes()), 0..3),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut bytes: Vec<u8> = requests.iter().flat_map(encoded).collect();
        for (place, byte) in noise {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        let whole = decode_all(&bytes, &[], without_hint);
        prop_assert_eq!(&whole, &decode_all(&bytes, &cuts, without_hint));
        let every: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(&whole, &decode_all(&bytes, &every, without_hint));
    }

    /// A decoder remembers the headers of the request before, and reads the next one as if it did
    /// not.
    #[test]
    fn earlier_input_does_not_matter(
        requests in prop::collection::vec(index_requests(), 1..3),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
        noise in prop::collection::vec((any::<prop::sample::Index>(), noise_bytes()), 0..4),
    ) {
        let mut bytes: Vec<u8> =
            order.iter().flat_map(|place| encoded(place.get(&requests))).collect();
        for (place, byte) in noise {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let mut each = Vec::new();
        let mut rest = &bytes[..];
        loop {
            let used = match IndexRequest::decode(rest) {
                Ok(None) => break,
                Ok(Some((request, used))) => {
                    each.push(format!("{request:?}"));
                    Some(used)
                }
                Err(error) => {
                    each.push(with_hint(&error));
                    error.framed
                }
            };
            let Some(used) = used else { break };
            rest = &rest[used..];
        }
        prop_assert_eq!(decode_all(&bytes, &[], with_hint), each);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = IndexRequest::decode(&bytes);
        let _ = DocumentRequest::decode(&bytes);
        let _ = IndexReply::decode(&bytes);
        let _ = DocumentReplyDecoder::default().finish(&bytes);
        let _ = Record::parse(&String::from_utf8_lossy(&bytes));
    }

    /// A request that follows the grammar has the same meaning in the compatibility mode, whatever its titles and
    /// unknown headers look like, and however it arrives.
    #[test]
    fn the_compatibility_mode_reads_what_follows_the_grammar_alike(
        requests in prop::collection::vec((index_requests(), misleading_text(), misleading_text()), 1..4),
        cuts in prop::collection::vec(1usize..140, 0..40),
    ) {
        let (mut bytes, mut sent) = (Vec::new(), Vec::new());
        for (request, title, unknown) in requests {
            let request = match request {
                IndexRequest::Add { document, content, from, .. } => {
                    IndexRequest::Add { document, title: Title::folded(&title), content, from }
                }
                other => other,
            };
            let mut encoded = encoded(&request);
            encoded.truncate(encoded.len() - 2);
            encoded.extend_from_slice(format!("X-Unknown: {unknown}\r\n\r\n").as_bytes());
            bytes.extend_from_slice(&encoded);
            sent.push(request);
        }
        prop_assert_eq!(read_by_compat(&bytes, &cuts), sent);
    }
}
