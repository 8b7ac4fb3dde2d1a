//! The token of the status page: where it comes from, and the file in which `p2p-ci admin url` finds it.
//!
//! A program that runs has a file with the addresses of its page, each with the token. Only its user can read it.
//! It is next to the Unix socket of the program, or else in the state directory of the user. The program has it
//! locked, so that a file of a program that was killed is not taken for one of a program that runs.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::cli::user_directory::running_programs;
use crate::http::HttpAddress;
use crate::limits;
use crate::status_page::{NoToken, Token};
use crate::system::{create_private, is_open_to_others, open_existing, replace_private};

/// Files that are read in the state directory.
const MOST_FILES: usize = 1000;

/// Why the file of `--admin-token-file` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum TokenError {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error("other users can read it; expected mode 600")]
    OpenToOthers,
    #[error(transparent)]
    NoToken(#[from] NoToken),
}

/// The token in a file. Without such a file, it is created with a new token.
pub(super) fn stored_token(path: &Path) -> Result<Token, TokenError> {
    match open_existing(path) {
        Ok(file) if is_open_to_others(&file)? => Err(TokenError::OpenToOthers),
        Ok(file) => Ok(text_of(file)?.trim().parse()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let token = Token::random()?;
            writeln!(create_private(path)?, "{}", token.digits())?;
            Ok(token)
        }
        Err(error) => Err(error.into()),
    }
}

fn text_of(file: File) -> io::Result<String> {
    let mut text = String::new();
    file.take(limits::TOKEN_FILE).read_to_string(&mut text)?;
    Ok(text)
}

/// The file of a program that runs. It is removed when this is dropped.
#[derive(Debug)]
pub(super) struct RunningFile {
    path: PathBuf,
    _locked: File,
}

impl RunningFile {
    /// Writes the addresses of the page.
    pub(super) fn write(addresses: &[HttpAddress], token: &Token) -> io::Result<Self> {
        let path = match addresses.iter().find_map(beside_socket) {
            Some(path) => path,
            None => {
                let directory = running_programs().ok_or_else(|| {
                    let reason = "there is no home directory";
                    io::Error::new(io::ErrorKind::NotFound, reason)
                })?;
                std::fs::create_dir_all(&directory)?;
                remove_stale(&directory);
                directory.join(std::process::id().to_string())
            }
        };
        let mut file = replace_private(&path)?;
        file.lock()?;
        let running = Self { path, _locked: file.try_clone()? };
        for address in addresses {
            match address {
                HttpAddress::Tcp(address) => {
                    let address = reachable(*address);
                    writeln!(file, "http://{address}/#token={}", token.digits())?;
                }
                #[cfg(unix)]
                HttpAddress::Unix(_) => {}
            }
        }
        Ok(running)
    }
}

impl Drop for RunningFile {
    fn drop(&mut self) {
        // It may be gone.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn beside_socket(address: &HttpAddress) -> Option<PathBuf> {
    match address {
        HttpAddress::Tcp(_) => None,
        #[cfg(unix)]
        HttpAddress::Unix(socket) => Some(of_socket(socket)),
    }
}

/// The file of a program with this socket.
fn of_socket(socket: &Path) -> PathBuf {
    let mut name = socket.as_os_str().to_owned();
    name.push(".token");
    name.into()
}

/// An address at which this machine reaches a listener.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// The addresses with the token of a program that runs.
pub(super) type Urls = Vec<String>;

/// The program with a socket, if it runs.
pub(super) fn running_at(socket: &Path) -> io::Result<Option<Urls>> {
    read_running(&of_socket(socket))
}

/// The programs of this user that run and have no socket.
pub(super) fn running_of_user() -> Vec<Urls> {
    let files = running_programs().map(|directory| files_in(&directory)).unwrap_or_default();
    files.iter().filter_map(|path| read_running(path).ok().flatten()).collect()
}

fn files_in(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        entries.flatten().take(MOST_FILES).map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn read_running(path: &Path) -> io::Result<Option<Urls>> {
    let file = match open_existing(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if !is_locked(&file) {
        return Ok(None);
    }
    Ok(Some(text_of(file)?.lines().map(Into::into).collect()))
}

/// Whether a program that runs has locked the file.
fn is_locked(file: &File) -> bool {
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn remove_stale(directory: &Path) {
    // A program that starts now locks its file before it writes to it.
    let is_written = |file: &File| file.metadata().is_ok_and(|metadata| metadata.len() > 0);
    for path in files_in(directory) {
        if open_existing(&path).is_ok_and(|file| is_written(&file) && !is_locked(&file)) {
            // Another program may have removed it.
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_file_is_created_once_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let token = stored_token(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", token.digits()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(stored_token(&path).unwrap().digits(), token.digits());
        fs::write(&path, "short").unwrap();
        assert!(matches!(stored_token(&path), Err(TokenError::NoToken(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(stored_token(&path), Err(TokenError::OpenToOthers)));
        assert!(matches!(stored_token(&path.join("x")), Err(TokenError::File(_))));
    }

    #[test]
    fn the_file_of_a_program_is_there_while_it_runs() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("admin.sock");
        let path = directory.path().join("admin.sock.token");
        let addresses = ["[::]:7", "192.0.2.1:8", socket.to_str().unwrap()];
        let addresses = addresses.map(|address| address.parse().unwrap());
        let token = Token::random().unwrap();
        assert_eq!(running_at(&socket).unwrap(), None);
        // Of a program that was killed.
        fs::write(&path, "stale").unwrap();
        assert_eq!(running_at(&socket).unwrap(), None);
        let running = RunningFile::write(&addresses, &token).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let digits = token.digits();
        let expected = ["[::1]:7", "192.0.2.1:8"].map(|at| format!("http://{at}/#token={digits}"));
        assert_eq!(running_at(&socket).unwrap().unwrap(), expected);
        drop(running);
        assert!(!path.exists());
    }

    #[test]
    fn files_of_programs_that_were_killed_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let (stale, running) = (directory.path().join("1"), directory.path().join("2"));
        fs::write(&stale, "x").unwrap();
        let lock = create_private(&running).unwrap();
        lock.lock().unwrap();
        let begun = directory.path().join("3");
        drop(create_private(&begun).unwrap());
        remove_stale(directory.path());
        assert!(!stale.exists() && running.exists() && begun.exists());
    }
}
