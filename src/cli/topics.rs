//! Topics of the help that concern all commands: exit codes, forms of output and of values, and the
//! environment.

/// A topic: its name and its text.
pub(super) struct Topic {
    pub(super) name: &'static str,
    text: &'static str,
}

/// All topics.
pub(super) const TOPICS: [Topic; 3] = [
    Topic { name: "exit-codes", text: EXIT_CODES },
    Topic { name: "formats", text: FORMATS },
    Topic { name: "environment", text: ENVIRONMENT },
];

/// The text of a topic.
pub(super) fn topic(name: &str) -> Option<&'static str> {
    TOPICS.iter().find(|topic| topic.name == name).map(|topic| topic.text)
}

const EXIT_CODES: &str = "\
Exit codes

    0  done
    1  anything else, such as an address that is in use
    2  wrong arguments, or a line of a script that is no command
   65  wrong digest: the bytes are not those that were expected
   66  no such document, or no peer that has it
   69  the index server or a peer cannot be reached, or refuses for now
   74  a file or the disk
   76  the other side has violated the protocol, or has refused the request
   78  the configuration has a mistake
  129  ended by SIGHUP
  130  ended by SIGINT (Ctrl-C)
  143  ended by SIGTERM

If several documents or lines have failed, the most severe failure decides:
143, 129, 130, 65, 74, 1, 2, 78, 76, 69, 66. A shell on a terminal ends with 0,
because its user has seen the failures. `p2p-ci check`, `explain`, `lab` and
`replay` end with 1 if a case or a comparison has failed.";

const FORMATS: &str = "\
Forms of output (--format)

  raw    the lines of the reply as the index server has sent them, with control
         characters escaped; the default if standard output is no terminal
  table  for people: columns that fit the terminal; the default on a terminal
  json   for programs: one object a line, each with \"v\":1

Only results are written to standard output. Notes, progress, warnings and
errors are on standard error.

Documents

  793, RFC 793          RFC 793
  700-710               a range of RFCs, for `get`
  lecture-01.pdf        a file; names with blanks are quoted: \"a b.txt\"
  a%20b.txt             the same, as lists print it
  FILE:42               the file named `42`
  %3                    in the shell: row 3 of the last list

Sizes, and rates in bytes per second

  2M, 5MB               decimal: 2,000,000 and 5,000,000 bytes
  2MiB                  binary: 2,097,152 bytes
  k, kB, KiB, G, T ...  in the same way; `Mb` is refused, because it may be bits

Addresses

  localhost             an index server at port 7734
  192.0.2.7:5678        a host and a port; [::1]:5678 with an IPv6 address
  7744                  for --listen and --upload: this port of every address";

const ENVIRONMENT: &str = "\
Environment variables

  P2P_CI_CONFIG    the configuration file, as --config
  P2P_CI_…         an option: P2P_CI_UPLOAD_LIMIT=2M is --upload-limit 2M;
                   precedes the configuration file
  XDG_CONFIG_HOME  the configuration of the peer (default: ~/.config), in
                   the directory `p2p-ci`
  XDG_STATE_HOME   history of the shell, journals of downloads, ports
                   (default: ~/.local/state), in the directory `p2p-ci`
  XDG_CACHE_HOME   digests of shared files (default: ~/.cache), in `p2p-ci`
  NO_COLOR         no colours, unless --color says so
  PAGER            the pager for output that is longer than the screen
                   (default: `less`); LESS and LV are set for it if they are not
  RUST_LOG         levels of the log, such as `debug` or `p2p_ci::server=trace`;
                   overrides -v, -q and --log
  TMPDIR           temporary files of tests and of unpacked documents
  MALLOC_ARENA_MAX memory arenas of the C library, where little of the address
                   space can be used
  NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS
                   set by systemd for services";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_fit_the_terminal() {
        for Topic { name, text } in TOPICS {
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{name}");
            assert!(topic(name).is_some_and(|found| found == text));
        }
        assert_eq!(topic("unknown"), None);
    }
}
