//! Requests of other programs, in compatibility mode: every reading takes bytes or waits, no request becomes much
//! longer than its bytes, and replies in any learned form end. The first byte says where the rest is cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use p2p_ci::protocol::dialect::{
    CompatReader, CompatRequest, Reading, ReplyTo, ReplyWriter, StyleSettings,
};

/// What a request may gain: names of headers, line ends, and the Host and Port of the connection.
const GAIN: usize = 1024;

fuzz_target!(|data: &[u8]| {
    let Some((&step, bytes)) = data.split_first() else { return };
    let mut reader =
        CompatReader::new(([192, 0, 2, 7], 40_000).into(), StyleSettings::default());
    let mut input = Vec::new();
    for piece in bytes.chunks(usize::from(step).max(1)) {
        input.extend_from_slice(piece);
        if !take_requests(&mut reader, &mut input, false) {
            return;
        }
    }
    take_requests(&mut reader, &mut input, true);
});

/// Takes what has arrived; returns whether the connection would go on.
fn take_requests(reader: &mut CompatReader, input: &mut Vec<u8>, is_silent: bool) -> bool {
    loop {
        let reading = match reader.next(input) {
            Reading::More(Some(_)) if is_silent => reader.on_silence(input),
            reading => reading,
        };
        let Reading::Found(used, request) = reading else { return true };
        assert!(used <= input.len());
        match request {
            CompatRequest::Unreadable(_) | CompatRequest::Leave => return false,
            CompatRequest::Request(text) => {
                assert!(text.len() <= 4 * used + GAIN, "{used} bytes became {}", text.len());
                answer(reader);
            }
            CompatRequest::Skipped | CompatRequest::LateEnd | CompatRequest::Join => {}
        }
        assert!(used > 0, "nothing was taken");
        input.drain(..used);
    }
}

/// Writes a reply in the form that was learned.
fn answer(reader: &CompatReader) {
    let (mut writer, mut out) = (ReplyWriter::default(), Vec::new());
    writer.expect(ReplyTo::Query, reader.style());
    writer.write(b"P2P-CI/1.0 200 OK\r\n\r\nRFC 1 t h 1\r\n\r\n", &mut out);
    assert!(!out.is_empty());
}
