//! A laboratory: an index server and several peers in one process, each with its own address, documents, latency
//! and rate, which join, leave and download by a schedule or by commands.
//!
//! | file | subject |
//! |---|---|
//! | `units`, `command` | times, sizes and rates as users write them; the commands |
//! | `scenario` | a scenario as data, and reading it from a file |
//! | `builtin` | the scenarios that the program contains |
//! | `documents` | the documents of the peers |
//! | `addresses` | the addresses of the peers |
//! | `faulty` | upload servers with faults |
//! | `member`, `getting` | a peer that has joined; its downloads |
//! | `observer`, `lines` | what is seen on the connections: counts, and the exchange as lines |
//! | `history`, `journal` | what the peers have done, as counts and times; the last notes of it |
//! | `transfers`, `plan` | the downloads that run; the steps that are left |
//! | `laboratory`, `root` | the index servers and the peers; their temporary directory |
//! | `servers`, `shared_index` | the index servers; their store, and the network of each |
//! | `checker`, `availability` | what the index servers reply while one of them is disconnected; that as figures |
//! | `schedule` | the steps of a scenario and their times |
//! | `figures`, `plot` | the results as numbers and as a drawing |

mod addresses;
mod availability;
mod builtin;
mod checker;
mod command;
mod documents;
mod faulty;
mod figures;
mod getting;
mod history;
mod journal;
mod laboratory;
mod lines;
mod member;
mod observer;
mod plan;
mod plot;
mod root;
mod scenario;
mod schedule;
mod servers;
#[cfg(all(feature = "cluster", unix))]
mod shared_index;
mod transfers;
mod units;

pub(crate) use addresses::MOST_PEERS;
pub(crate) use availability::{Availability, Lookups, Outage};
pub(crate) use builtin::{BUILTIN, Builtin, builtin};
pub(crate) use command::Command;
pub(crate) use figures::Figures;
pub(crate) use history::Counts;
pub(crate) use laboratory::{Laboratory, PeerView, Presence, Reported, Settings};
pub(crate) use observer::Carried;
pub(crate) use plan::Phase;
pub(crate) use plot::{PLOT_BEGINS, plot};
pub(crate) use scenario::{Documents, Fault, Group, Scenario};
pub(crate) use schedule::Schedule;
pub(crate) use transfers::Transfer;
