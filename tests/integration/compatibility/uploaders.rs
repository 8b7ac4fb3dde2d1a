//! Eleven other programs: what their uploaders sent to their own clients is sent to our `get`.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::common::captures::{self, Event};
use crate::common::{PATIENCE, in_parallel, names, run_peer, skip_without_sample};

/// A program, the bytes before the document, its length, and whether `get --strict` accepts the reply.
/// Program d has no download.
const PROGRAMS: [(char, &str, usize, bool); 10] = [
    ('a', "text/text\n", 11592, false),
    // Its document is a line end, and no empty line comes before it.
    ('b', "Content-Type: Text/Text\nContent-Type: Text/Text\n", 1, false),
    ('c', "\n\nEND\n", 11665, false),
    ('e', "\r\n\r\n", 11592, true),
    ('f', "text/plain\n", 11592, false),
    ('g', "text/plain\n", 11592, false),
    ('h', "text/text\r\n", 11592, false),
    ('i', "text/plain\n", 11592, false),
    ('j', " RFC Data: ", 11592, false),
    ('k', "text/plain\n", 11592, false),
];

/// What an uploader does after a request.
#[derive(Clone, Debug)]
struct Script {
    /// Segments, each after a pause.
    segments: Vec<(Duration, Vec<u8>)>,
    /// Whether it waits for a line `END`.
    awaits_end: bool,
    /// What it sends after the client has ended the connection; `None` if it ends it first.
    after_end: Option<Vec<u8>>,
}

impl Script {
    /// The upload of a capture, in the segments of the capture.
    fn of(text: &str) -> Option<Self> {
        let lines: Vec<_> = captures::lines(text).flatten().collect();
        let index_port = lines.first()?.port;
        let upload = lines.iter().filter(|line| line.port != index_port);
        let (mut segments, mut request) = (Vec::new(), Vec::new());
        let (mut after_end, mut is_over, mut before) = (None, false, 0);
        for line in upload {
            match &line.event {
                Event::Bytes { from_client: true, bytes, .. } => request.extend_from_slice(bytes),
                Event::Bytes { bytes, .. } if is_over => after_end = Some(bytes.clone()),
                Event::Bytes { bytes, is_divided, .. } => {
                    // Pauses of more than this change nothing.
                    let pause = line.milliseconds.saturating_sub(before).min(150);
                    let size = if *is_divided { 1 } else { bytes.len() };
                    for (at, part) in bytes.chunks(size).enumerate() {
                        let pause = if at == 0 { pause } else { 0 };
                        segments.push((Duration::from_millis(pause), part.to_vec()));
                    }
                }
                Event::Finish { from_client: true } if after_end.is_none() => {
                    is_over = true;
                    after_end = Some(Vec::new());
                }
                Event::Finish { from_client: false } if !is_over => break,
                Event::Connect(_) | Event::Finish { .. } | Event::Reset { .. } => {}
            }
            before = line.milliseconds;
        }
        let awaits_end = request.ends_with(b"END\n");
        Some(Self { segments, awaits_end, after_end })
    }

    fn bytes(&self) -> Vec<u8> {
        self.segments.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
    }

    /// The same with another document of the same length.
    fn with(mut self, place: usize, document: &[u8]) -> Self {
        let mut at: usize = 0;
        for (_, segment) in &mut self.segments {
            for byte in segment {
                if let Some(other) = at.checked_sub(place).and_then(|at| document.get(at)) {
                    *byte = *other;
                }
                at += 1;
            }
        }
        self
    }

    fn serve(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let script = self.clone();
                // A client may close the connection at any time.
                thread::spawn(move || script.answer(stream));
            }
        });
        address
    }

    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
        while request.is_empty() || (self.awaits_end && !request.ends_with(b"END\n")) {
            match stream.read(&mut chunk)? {
                0 => return Ok(()),
                count => request.extend_from_slice(&chunk[..count]),
            }
        }
        for (pause, segment) in &self.segments {
            thread::sleep(*pause);
            stream.write_all(segment)?;
        }
        if let Some(last) = &self.after_end {
            while stream.read(&mut chunk)? > 0 {}
            stream.write_all(last)?;
        }
        stream.shutdown(Shutdown::Both)
    }
}

/// The position of the document in what an uploader sends.
fn place(bytes: &[u8], before: &str) -> usize {
    let at = bytes.windows(before.len()).position(|window| window == before.as_bytes());
    at.unwrap() + before.len()
}

#[test]
fn documents_of_other_programs_are_downloaded() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    if !samples.is_dir() {
        return skip_without_sample(&samples);
    }
    // RFCs begin with empty lines, and their first lines look like headers.
    let beginning = "\n\n\nNetwork Working Group\nRequest for Comments: 1\nNote: x\n";
    let cases = PROGRAMS.iter().flat_map(|program| [(program, None), (program, Some(beginning))]);
    in_parallel(cases.collect::<Vec<_>>(), |((letter, before, length, is_strict), beginning)| {
        let text = fs::read_to_string(samples.join(format!("program-{letter}.txt"))).unwrap();
        let mut script = Script::of(&text).unwrap();
        let place = place(&script.bytes(), before);
        if let Some(beginning) = beginning {
            script = script.with(place, &beginning.as_bytes()[..beginning.len().min(*length)]);
        }
        let document = script.bytes()[place..place + length].to_vec();
        let from = script.serve().to_string();
        let (number, name) = if *letter == 'b' { ("951", "rfc951.txt") } else { ("1", "rfc1.txt") };
        let directory = tempfile::tempdir().unwrap();
        let get = |more: &[&str]| {
            let arguments = [&["--share", ".", "get", number, "--from", &from], more].concat();
            run_peer(&arguments, "", directory.path())
        };
        let what = format!("program {letter}, {}", beginning.is_some());
        let (code, _, errors) = get(&["--strict"]);
        assert_eq!(code, if *is_strict { 0 } else { 76 }, "{what}, strict: {errors}");
        if !is_strict {
            assert_eq!(names(directory.path()), [""; 0], "{what}");
        }
        let (code, _, errors) = get(&["--force"]);
        assert_eq!(code, 0, "{what}: {errors}");
        let saved = fs::read(directory.path().join(name)).unwrap();
        assert!(saved == document, "{what}: {} bytes, {errors}", saved.len());
    });
}
