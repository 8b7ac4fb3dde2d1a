//! Fetching a document through the library: three holders, of which two fail.
//!
//! `cargo run --example failover` starts all of them on loopback.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};

use p2p_ci::library::{Depth, Library, PartialFile};
use p2p_ci::peer::{DownloadProgress, DownloadRequest, Downloader, Source, UploadServer, Uploads};
use p2p_ci::protocol::{Document, Endpoint};

fn main() -> Result<(), Box<dyn Error>> {
    let root = tempfile::tempdir()?;
    let document = Document::Rfc("90001".parse()?);

    // A holder that is there, one that does not have the document, and one that is gone.
    let full = root.path().join("full");
    fs::create_dir(&full)?;
    fs::write(full.join("rfc90001.txt"), "Books are lent on ships, too.\n")?;
    let (_full, good) = uploads_from(&full)?;
    let (_empty, empty) = uploads_from(&root.path().join("empty"))?;
    let gone = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.local_addr()?.to_string().parse::<Endpoint>()?
    };

    let sources: Vec<Source> = [gone, empty, good].map(Source::from).to_vec();
    let wanted = DownloadRequest { document, sources, digest: None };
    let target = root.path().join("rfc90001.txt");
    let mut incoming = PartialFile::begin(&target)?;
    let fetched =
        Downloader::default().download(&wanted, &mut incoming, &mut |attempt| match attempt {
            DownloadProgress::Asking(holder) => show(&format!("asking {holder}")),
            DownloadProgress::Failed(holder, error) => show(&format!("{holder} failed: {error}")),
            _ => {}
        })?;
    // The document gets its name only now.
    incoming.commit(false)?;

    let holder = fetched.holders.first().ok_or("it was here before")?;
    show(&format!("{} bytes from {holder}, {}", fetched.length, fetched.digest));
    show(&format!("checked: {}", fetched.digest_checked()));
    assert_eq!(fs::read(&target)?, fs::read(full.join("rfc90001.txt"))?);
    Ok(())
}

fn uploads_from(directory: &std::path::Path) -> Result<(UploadServer, Endpoint), Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let library = Library::scan(directory, Depth::Directory)?;
    let uploads = UploadServer::start(listener, library, Uploads::default())?;
    let endpoint = uploads.address().to_string().parse()?;
    Ok((uploads, endpoint))
}

/// Prints a line. The reader of a pipe may have closed it, as `head` does.
fn show(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
