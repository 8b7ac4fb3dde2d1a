//! Advice when the index cannot be reached.

use std::io::ErrorKind;

use super::errors::command_error::CommandError;
use super::output::print::print_note;
use super::program::called;
use crate::escape::{escaped, excerpt};
use crate::peer::IndexError;

/// Prints advice if a command has failed because the index cannot be reached.
pub(super) fn note_unreachable(error: &CommandError) {
    match error {
        CommandError::Index(error) => {
            if let Some(advice) = advice(error) {
                print_note(advice);
            }
        }
        CommandError::Said(error) | CommandError::NotBegun(error) => note_unreachable(error),
        _ => {}
    }
}

/// The advice if the index cannot be reached.
pub(super) fn advice(error: &IndexError) -> Option<String> {
    let (index, source) = match error {
        IndexError::Away(error) => return advice(error),
        IndexError::All(errors) => return advice_for_all(errors),
        IndexError::Unreachable { index, source } => (index, source),
        _ => return None,
    };
    let host = index.host.as_str();
    match source.kind() {
        ErrorKind::ConnectionRefused => Some(format!(
            "no program listens at {}: is the index server running (`{}`), and are host and port right?",
            escaped(&index.to_string()),
            called("server")
        )),
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            Some(format!(
                "{} did not respond: is the host right, and does a firewall let port {} through?",
                escaped(host),
                index.port
            ))
        }
        // A failed connection has an error number of the operating system; a failed look-up has none.
        _ if source.raw_os_error().is_none()
            && !host.contains(['.', ':'])
            && host != "localhost" =>
        {
            Some(format!(
                "{} was taken as the host of the index: a directory is named with --share, and a \
                 command comes after the host",
                excerpt(host)
            ))
        }
        _ => None,
    }
}

/// The advice if none of several index servers has replied.
fn advice_for_all(errors: &[IndexError]) -> Option<String> {
    errors.iter().all(is_refused).then(|| {
        let server = called("server");
        format!("no program listens at these addresses: is an index server running (`{server}`)?")
    })
}

fn is_refused(error: &IndexError) -> bool {
    match error {
        IndexError::Away(error) => is_refused(error),
        IndexError::Unreachable { source, .. } => source.kind() == ErrorKind::ConnectionRefused,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_refused_connection_is_followed_by_advice() {
        let unreachable = |index: &str, source: io::Error| {
            advice(&IndexError::Away(Arc::new(IndexError::Unreachable {
                index: index.parse().unwrap(),
                source,
            })))
        };
        let found = unreachable("h:7", ErrorKind::ConnectionRefused.into());
        let expected = "no program listens at h:7: is the index server running (`server`)";
        assert!(found.unwrap().starts_with(expected));
        let found = unreachable("h:7", ErrorKind::TimedOut.into()).unwrap();
        assert!(found.contains("does a firewall let port 7 through"), "{found}");
        let found = unreachable("papers:7734", io::Error::other("unknown")).unwrap();
        assert!(found.contains("a directory is named with --share"), "{found}");
        assert_eq!(unreachable("a.example:7", io::Error::other("unknown")), None);
    }
}
