//! Reading a scenario from TOML.

use std::time::Duration;

use super::{Documents, Event, Fault, Group, Published, Scenario};
use crate::escape::excerpt;
use crate::lab::addresses::{MOST, MOST_SERVERS};
use crate::lab::command::{Command, Peers, Wanted};
use crate::lab::units;
use crate::toml_table::{Table, TomlError, parse};

/// Bytes of the documents of all peers.
const MOST_BYTES: u64 = 1 << 30;
/// Generated documents have these numbers.
const NUMBERS: std::ops::Range<u64> = 1..1_000_000;
/// A peer has at most this number of generated documents.
const MOST_DOCUMENTS: u64 = 1_000;
/// The longest latency, which is far below the deadlines of requests.
const MOST_LATENCY: Duration = Duration::from_secs(2);

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The first mistake: what was expected, what was found, and its line.
    pub(crate) fn parse(text: &str) -> Result<Self, TomlError> {
        let file = parse(text)?;
        let table = Table::of_file(text, &file);
        table.expect_keys(&[
            "title",
            "about",
            "duration",
            "servers",
            "peers",
            "events",
            "published",
        ])?;
        let duration = table
            .parsed("duration", units::time)?
            .ok_or_else(|| table.error("expected `duration = \"…\"`, found no duration"))?;
        let servers = table.number("servers", 1..MOST_SERVERS as u64 + 1)?.unwrap_or(1);
        let servers = usize::try_from(servers).unwrap_or(1);
        let mut groups = Vec::<Group>::new();
        for table in table.tables("peers", "peers")? {
            let group = group(table)?;
            if groups.iter().any(|other| other.name == group.name) {
                let mistake =
                    format!("expected a name of its own, found {} again", excerpt(&group.name));
                return Err(table.error_of("name", mistake));
            }
            groups.push(group);
        }
        let events = table
            .tables("events", "events")?
            .into_iter()
            .map(|table| event(table, &groups, servers));
        let mut events = events.collect::<Result<Vec<Event>, _>>()?;
        events.sort_by_key(|event| event.at);
        let scenario = Self {
            title: table.needed("title")?.into(),
            about: table.text("about")?.unwrap_or_default().trim().into(),
            duration,
            servers,
            groups,
            events,
            published: table.table("published")?.map(published).transpose()?,
        };
        match scenario.peers() {
            1..=MOST => {}
            found => {
                let mistake = format!("expected from 1 to {MOST} peers in all, found {found}");
                return Err(table.error(mistake));
            }
        }
        let bytes = scenario.groups.iter().map(|group| {
            let Documents { count, size, .. } = group.documents;
            size.saturating_mul(count.into()).saturating_mul(group.count as u64)
        });
        match bytes.fold(0, u64::saturating_add) {
            0..=MOST_BYTES => Ok(scenario),
            found => Err(table.error(format!(
                "expected at most {MOST_BYTES} bytes of documents in all, found {found}"
            ))),
        }
    }
}

fn group(table: Table<'_>) -> Result<Group, TomlError> {
    table.expect_keys(&[
        "name",
        "count",
        "joins",
        "every",
        "leaves",
        "latency",
        "rate",
        "documents",
        "gets",
        "gets_at",
        "fault",
    ])?;
    let name = table.needed("name")?;
    let is_word = |c: char| c.is_alphanumeric() || c == '-';
    if name == "all"
        || name.parse::<usize>().is_ok()
        || name.is_empty()
        || !name.chars().all(is_word)
    {
        let found = excerpt(name);
        let mistake = format!("expected one word that is no number and not `all`, found {found}");
        return Err(table.error_of("name", mistake));
    }
    let wanted = table.texts("gets")?.into_iter().map(Wanted::parse).collect::<Result<_, _>>();
    let gets: Vec<Wanted> = wanted.map_err(|mistake| table.error_of("gets", mistake))?;
    let gets_at = table.parsed("gets_at", units::time)?;
    if gets.is_empty() && gets_at.is_some() {
        return Err(table.error_of("gets_at", "expected `gets` with it, found none"));
    }
    let latency = table.parsed("latency", units::time)?.unwrap_or_default();
    if latency > MOST_LATENCY {
        let mistake = format!(
            "expected at most {} s, found {} s",
            MOST_LATENCY.as_secs(),
            latency.as_secs_f64()
        );
        return Err(table.error_of("latency", mistake));
    }
    let count = table.number("count", 1..MOST as u64 + 1)?.unwrap_or(1);
    Ok(Group {
        name: name.into(),
        count: usize::try_from(count).unwrap_or(MOST),
        joins: table.parsed("joins", units::time)?.unwrap_or_default(),
        every: table.parsed("every", units::time)?.unwrap_or_default(),
        leaves: table.parsed("leaves", units::time)?,
        latency,
        rate: table.parsed("rate", units::rate)?.flatten(),
        documents: table.table("documents")?.map(documents).transpose()?.unwrap_or_default(),
        gets,
        gets_at,
        fault: fault(table)?,
    })
}

fn documents(table: Table<'_>) -> Result<Documents, TomlError> {
    table.expect_keys(&["first", "count", "size", "own"])?;
    let number = |key: &str, range| {
        let missing = || table.error(format!("expected `{key} = …`, found no {key}"));
        table.number(key, range)?.and_then(|number| u32::try_from(number).ok()).ok_or_else(missing)
    };
    let missing = || table.error("expected `size = \"…\"`, found no size");
    Ok(Documents {
        first: number("first", NUMBERS)?,
        count: number("count", 1..MOST_DOCUMENTS + 1)?,
        size: table.parsed("size", units::size)?.ok_or_else(missing)?,
        own: table.flag("own")?,
    })
}

fn fault(table: Table<'_>) -> Result<Option<Fault>, TomlError> {
    Ok(match table.text("fault")? {
        None => None,
        Some("alters") => Some(Fault::Alters),
        Some("stops") => Some(Fault::Stops),
        Some(other) => {
            let found = excerpt(other);
            let mistake = format!("expected `alters` or `stops`, found {found}");
            return Err(table.error_of("fault", mistake));
        }
    })
}

fn event(table: Table<'_>, groups: &[Group], servers: usize) -> Result<Event, TomlError> {
    table.expect_keys(&["at", "do"])?;
    let at = table
        .parsed("at", units::time)?
        .ok_or_else(|| table.error("expected `at = \"…\"`, found no at"))?;
    let command =
        Command::parse(table.needed("do")?).map_err(|mistake| table.error_of("do", mistake))?;
    let count = groups.iter().map(|group| group.count).sum::<usize>();
    let peers = match &command {
        Command::Join(peers) => peers.as_ref(),
        Command::Leave(peers) | Command::Get(peers, _) | Command::Slow(peers, _) => Some(peers),
        Command::Disconnect(server) | Command::Reconnect(server) => {
            let mistake = match servers {
                1 => "expected several `servers` with it, found one".into(),
                _ if (1..=servers).contains(server) => return Ok(Event { at, command }),
                _ => format!("expected a server from 1 to {servers}, found {server}"),
            };
            return Err(table.error_of("do", mistake));
        }
        Command::List | Command::Wait(_) | Command::Help | Command::Quit => {
            let mistake = "expected `join`, `leave`, `get`, `slow`, `disconnect` or `reconnect`, found another command";
            return Err(table.error_of("do", mistake));
        }
    };
    let mistake = match peers {
        Some(Peers::Group(name)) if !groups.iter().any(|group| group.name == *name) => {
            format!("expected a number, `all` or the name of a group, found {}", excerpt(name))
        }
        // `join` may have started others.
        Some(Peers::Number(number)) if !(1..=MOST).contains(number) => {
            format!("expected a peer from 1 to {count}, found {number}")
        }
        _ => return Ok(Event { at, command }),
    };
    Err(table.error_of("do", mistake))
}

fn published(table: Table<'_>) -> Result<Published, TomlError> {
    table.expect_keys(&["packets", "bytes", "time"])?;
    let missing = |key| table.error(format!("expected `{key} = …`, found no {key}"));
    Ok(Published {
        packets: table.number("packets", 1..u64::MAX)?.ok_or_else(|| missing("packets"))?,
        bytes: table.number("bytes", 1..u64::MAX)?.ok_or_else(|| missing("bytes"))?,
        time: table.parsed("time", units::time)?.ok_or_else(|| missing("time"))?,
    })
}
