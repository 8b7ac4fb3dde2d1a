//! The commands of a laboratory, as users type them and as scenarios have them.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::units;
use crate::escape::excerpt;
use crate::protocol::Document;

/// The commands, for help.
pub(crate) const COMMANDS: &str = "\
join [PEERS]        start another peer, or peers that have left
leave PEERS         stop peers; their records disappear
get PEERS DOCUMENT  let peers download a document: `get 2 RFC 101`, `get 2 all`
slow PEERS RATE     change the rate at which peers send: `slow 2 100 KiB`
disconnect SERVER   cut the network of an index server, if there are several
reconnect SERVER    connect it again
list                list the peers and the documents of each
wait TIME           do nothing for a time, such as `2 s`
help                print this list
quit                stop everything

PEERS is the number of a peer, the name of a group, or `all`.";

/// A command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Command {
    /// Start peers; `None` starts another one.
    Join(Option<Peers>),
    /// Stop peers.
    Leave(Peers),
    /// Let peers download.
    Get(Peers, Wanted),
    /// Change the rate in bytes per second; `None` is unlimited.
    Slow(Peers, Option<u64>),
    /// Cut the network of an index server.
    Disconnect(usize),
    /// Connect it again.
    Reconnect(usize),
    /// List the peers.
    List,
    /// Do nothing.
    Wait(Duration),
    /// List the commands.
    Help,
    /// Stop everything.
    Quit,
}

/// One or several peers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Peers {
    All,
    Number(usize),
    Group(String),
}

/// What is downloaded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Wanted {
    /// All documents of the laboratory that the peer does not have.
    All,
    One(Document),
}

impl Command {
    /// Reads a line that is not empty.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["join"] => Ok(Self::Join(None)),
            ["join", peers] => Ok(Self::Join(Some(Peers::parse(peers)))),
            ["leave", peers] => Ok(Self::Leave(Peers::parse(peers))),
            ["get", peers, wanted @ ..] if !wanted.is_empty() => {
                Ok(Self::Get(Peers::parse(peers), Wanted::parse(&wanted.join(" "))?))
            }
            ["slow", peers, rate @ ..] if !rate.is_empty() => {
                Ok(Self::Slow(Peers::parse(peers), units::rate(&rate.join(" "))?))
            }
            ["wait", time @ ..] if !time.is_empty() => {
                Ok(Self::Wait(units::time(&time.join(" "))?))
            }
            ["disconnect", server] => Ok(Self::Disconnect(number_of_server(server)?)),
            ["reconnect", server] => Ok(Self::Reconnect(number_of_server(server)?)),
            ["list"] => Ok(Self::List),
            ["help"] => Ok(Self::Help),
            ["quit" | "exit"] => Ok(Self::Quit),
            _ => Err(format!(
                "expected a command, such as `get 2 RFC 101` or `leave 3`, found {}; `help` lists the commands",
                excerpt(&words.join(" "))
            )),
        }
    }
}

fn number_of_server(word: &str) -> Result<usize, String> {
    let number = word.parse().ok();
    number.ok_or_else(|| format!("expected the number of an index server, found {}", excerpt(word)))
}

impl Peers {
    fn parse(word: &str) -> Self {
        match (word, word.parse()) {
            ("all", _) => Self::All,
            (_, Ok(number)) => Self::Number(number),
            _ => Self::Group(word.into()),
        }
    }
}

impl Wanted {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let wrong = || {
            format!(
                "expected a document, such as `RFC 101` or `FILE notes.txt`, or `all`, found {}",
                excerpt(text)
            )
        };
        let document = match text.split_once(' ') {
            Some(("RFC", number)) => number.parse().ok().map(Document::Rfc),
            Some(("FILE", name)) => name.parse().ok().map(Document::File),
            Some(_) => None,
            None => text.parse().ok().map(Document::Rfc),
        };
        document.map(Self::One).ok_or_else(wrong)
    }
}

/// As users type it.
impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Join(None) => f.write_str("join"),
            Self::Join(Some(peers)) => write!(f, "join {peers}"),
            Self::Leave(peers) => write!(f, "leave {peers}"),
            Self::Get(peers, wanted) => write!(f, "get {peers} {wanted}"),
            Self::Slow(peers, Some(rate)) => write!(f, "slow {peers} {}", units::shown_size(*rate)),
            Self::Slow(peers, None) => write!(f, "slow {peers} unlimited"),
            Self::Disconnect(server) => write!(f, "disconnect {server}"),
            Self::Reconnect(server) => write!(f, "reconnect {server}"),
            Self::List => f.write_str("list"),
            Self::Wait(time) => write!(f, "wait {} ms", time.as_millis()),
            Self::Help => f.write_str("help"),
            Self::Quit => f.write_str("quit"),
        }
    }
}

impl Display for Peers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Group(name) => f.write_str(name),
        }
    }
}

impl Display for Wanted {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::One(document) => write!(f, "{document}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        let rfc = Wanted::One(Document::Rfc("793".parse().unwrap()));
        for (line, expected) in [
            ("join", Command::Join(None)),
            ("join 3", Command::Join(Some(Peers::Number(3)))),
            (" leave  crowd ", Command::Leave(Peers::Group("crowd".into()))),
            ("get 2 RFC 793", Command::Get(Peers::Number(2), rfc.clone())),
            ("get all 793", Command::Get(Peers::All, rfc)),
            ("get all all", Command::Get(Peers::All, Wanted::All)),
            ("slow 2 100 KiB", Command::Slow(Peers::Number(2), Some(102_400))),
            ("slow 2 unlimited", Command::Slow(Peers::Number(2), None)),
            ("wait 1.5 s", Command::Wait(Duration::from_millis(1500))),
            ("disconnect 2", Command::Disconnect(2)),
            ("reconnect 2", Command::Reconnect(2)),
            ("list", Command::List),
            ("exit", Command::Quit),
        ] {
            let shown = expected.to_string();
            assert_eq!(Command::parse(&shown).as_ref(), Ok(&expected), "{shown}");
            assert_eq!(Command::parse(line), Ok(expected), "{line}");
        }
        for line in [
            "",
            "jump",
            "leave",
            "leave 1 2",
            "get 2",
            "get 2 RFC x",
            "slow 2 1",
            "wait 5",
            "disconnect",
            "reconnect x",
        ] {
            assert!(Command::parse(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn mistakes_show_no_control_characters_and_are_short() {
        let long = "x".repeat(5_000);
        for word in ["\u{1b}[2J\u{7}", "\u{202e}x", long.as_str()] {
            for line in ["{} 1", "get 1 {}", "get 1 FILE {}/", "slow 1 {}", "wait {}"] {
                let mistake = Command::parse(&line.replace("{}", word)).unwrap_err();
                let is_shown = mistake.chars().all(|c| !c.is_control() && c != '\u{202e}');
                assert!(is_shown && mistake.len() < 300, "{line}: {mistake:?}");
            }
        }
    }
}
