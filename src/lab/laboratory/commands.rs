//! The commands of a laboratory.

use super::{Laboratory, Peer, lock};
use crate::lab::addresses::MOST;
use crate::lab::command::{COMMANDS, Command, Peers};
use crate::lab::history::Step;

impl Laboratory {
    /// Executes a command, and returns lines to print.
    ///
    /// # Errors
    /// When there is no such peer, or it cannot be started.
    pub(crate) fn execute(&self, command: &Command) -> Result<Vec<String>, String> {
        match command {
            Command::Join(None) => self.add_peer().and_then(|number| self.join(number))?,
            Command::Join(Some(peers)) => {
                for number in self.numbers(peers)? {
                    // Those that have not left stay.
                    if self.member(number).is_none() {
                        self.join(number)?;
                    }
                }
            }
            Command::Leave(peers) => {
                for number in self.present(peers)? {
                    self.leave(number);
                }
            }
            Command::Get(peers, wanted) => {
                for number in self.present(peers)? {
                    self.get(number, std::slice::from_ref(wanted))?;
                }
            }
            Command::Slow(peers, rate) => {
                for number in self.present(peers)? {
                    if let Some(member) = self.member(number) {
                        member.line.set_rate(*rate);
                    }
                }
            }
            Command::Disconnect(server) => self.set_connected(*server, false)?,
            Command::Reconnect(server) => self.set_connected(*server, true)?,
            Command::List => return Ok(self.list()),
            Command::Help => return Ok(COMMANDS.lines().map(str::to_string).collect()),
            Command::Wait(_) | Command::Quit => {}
        }
        Ok(Vec::new())
    }

    fn set_connected(&self, server: usize, is_connected: bool) -> Result<(), String> {
        self.servers.set_connected(server, is_connected)?;
        if let Some(checker) = &self.checker {
            checker.changed();
        }
        let (text, step) = match is_connected {
            true => ("connected again", Step::Reconnected(server)),
            false => ("disconnected", Step::Disconnected(server)),
        };
        self.common.history.add(step);
        self.common.note(&format!("index server {server} is {text}"));
        Ok(())
    }

    fn add_peer(&self) -> Result<usize, String> {
        let mut peers = lock(&self.peers);
        if peers.len() >= MOST {
            return Err(format!("expected at most {MOST} peers, found one more"));
        }
        let group = self.scenario.groups.len().saturating_sub(1);
        let place = peers.iter().filter(|peer| peer.group == group).count();
        peers.push(Peer::expected(group, place));
        Ok(peers.len())
    }

    /// The numbers of these peers.
    fn numbers(&self, peers: &Peers) -> Result<Vec<usize>, String> {
        let all = lock(&self.peers);
        let group = match peers {
            Peers::All => return Ok((1..=all.len()).collect()),
            Peers::Number(number) if (1..=all.len()).contains(number) => return Ok(vec![*number]),
            Peers::Number(number) => {
                return Err(format!("expected a peer from 1 to {}, found {number}", all.len()));
            }
            Peers::Group(name) => self.scenario.groups.iter().position(|group| group.name == *name),
        };
        let names =
            self.scenario.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>();
        let group = group.ok_or_else(|| {
            format!("expected the number of a peer, `all`, or a group of `{}`", names.join("`, `"))
        })?;
        let of_group = all.iter().enumerate().filter(|(_, peer)| peer.group == group);
        Ok(of_group.map(|(at, _)| at + 1).collect())
    }

    /// Those of these peers that are here.
    fn present(&self, peers: &Peers) -> Result<Vec<usize>, String> {
        let mut numbers = self.numbers(peers)?;
        numbers.retain(|number| self.member(*number).is_some());
        match (numbers.is_empty(), peers) {
            (true, Peers::Number(number)) => {
                Err(format!("peer {number} has left; `join {number}` starts it again"))
            }
            _ => Ok(numbers),
        }
    }

    fn list(&self) -> Vec<String> {
        let peers = lock(&self.peers);
        let line = |(at, peer): (usize, &Peer)| {
            let group = self.scenario.groups.get(peer.group).map_or("", |group| &group.name);
            let Some(member) = &peer.member else {
                return format!("{:>4} {group:<12} has left", at + 1);
            };
            let documents: Vec<String> = member
                .library
                .read()
                .documents()
                .map(|(document, _)| document.to_string())
                .collect();
            let rate = member
                .line
                .rate()
                .map_or("unlimited".into(), |rate| format!("{} KiB/s", rate >> 10));
            let latency = member.line.latency().as_millis();
            format!(
                "{:>4} {group:<12} {:<20} {latency:>4} ms {rate:>12}  {}",
                member.number,
                member.address,
                documents.join(", ")
            )
        };
        peers.iter().enumerate().map(line).collect()
    }
}
