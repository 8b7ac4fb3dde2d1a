//! An uploader that says anything, and a download into a directory: a file has its name only if it is
//! what was announced, and nothing else is left.

#![no_main]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread;

use libfuzzer_sys::fuzz_target;
use p2p_ci::library::{Hasher, PartialFile};
use p2p_ci::limits;
use p2p_ci::peer::{DownloadRequest, Downloader};
use p2p_ci::protocol::{Document, DocumentReply, DocumentReplyDecoder};

fuzz_target!(|data: &[u8]| {
    // A large document is tried again after seconds.
    if let Ok(Some((DocumentReply::Found(head), _))) = DocumentReplyDecoder::default().decode(data)
        && head.content_length.max(head.content_range.map(|range| range.length()))
            > Some(limits::Downloads::DEFAULT.segmented)
    {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let address = listener.local_addr().expect("its address");
    let (over, is_over) = channel::<()>();
    let reply = data.to_vec();
    let uploader = thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            if is_over.try_recv().is_ok() {
                return;
            }
            // Any form of request has this reply: waiting for the end of some forms takes seconds.
            let _ = stream.read(&mut [0; 1024]);
            // The downloader may have enough before all of the reply was sent.
            let _ = stream.write_all(&reply);
        }
    });
    let directory = tempfile::tempdir().expect("a directory");
    let target = directory.path().join("rfc1.txt");
    let holder = address.to_string().parse::<p2p_ci::protocol::Endpoint>().expect("an endpoint");
    let document = Document::Rfc("1".parse().expect("a number"));
    let wanted = DownloadRequest { document, sources: vec![holder.into()], digest: None };
    let mut incoming = PartialFile::begin(&target).expect("a file in the directory");
    let fetched = Downloader::default().download(&wanted, &mut incoming, &mut |_| {});
    if let Ok(fetched) = &fetched {
        incoming.commit(false).expect("its name");
        let bytes = fs::read(&target).expect("the document");
        let mut hasher = Hasher::default();
        hasher.update(&bytes);
        assert_eq!(hasher.finish(), fetched.digest);
        assert_eq!(bytes.len() as u64, fetched.length);
    } else {
        drop(incoming);
    }
    for entry in fs::read_dir(directory.path()).expect("the directory") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name of ours");
        assert!(is_part(&name) || (name == "rfc1.txt" && fetched.is_ok()), "{name}");
    }
    // Wakes the uploader, which then ends.
    let _ = over.send(());
    let _ = std::net::TcpStream::connect(address);
    uploader.join().expect("an uploader without a panic");
});

/// Whether this is the name of a part file, which is resumed later: two hashes of 16 hex digits, of
/// the document's name and of its version.
fn is_part(name: &str) -> bool {
    let hashes = name.strip_prefix('.').and_then(|name| name.strip_suffix(".part"));
    let is_hash = |hash: &str| hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    hashes
        .and_then(|hashes| hashes.split_once('.'))
        .is_some_and(|(name, version)| is_hash(name) && is_hash(version))
}
