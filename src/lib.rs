//! P2P-CI/1.0, the peer-to-peer protocol with a centralized index: the protocol itself, the index
//! server, and the peer.
//!
//! | to | begin with |
//! |---|---|
//! | read and write messages | [`protocol::IndexRequest`], [`protocol::IndexReply`], [`protocol::DocumentRequest`], [`protocol::DocumentReply`] |
//! | drive one side of a connection without sockets | [`protocol::role`] |
//! | run an index server | [`server::Server`] |
//! | find documents and download them | [`peer::Peer`] |
//! | share a directory | [`library::Library`], [`peer::Sharing`] |
//! | set deadlines and limits of resources | [`limits::Limits`] |
//!
//! An index server, and a peer that asks it:
//!
//! ```
//! use p2p_ci::peer::Peer;
//! use p2p_ci::protocol::Document;
//! use p2p_ci::server::{Config, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config { listen: vec!["127.0.0.1:0".parse()?], ..Config::default() };
//! let server = Server::bind(&config)?;
//! let address = server.addresses()?[0];
//! let stop = server.stop();
//! let running = std::thread::spawn(move || server.run());
//!
//! let peer = Peer::new(address.to_string().parse()?);
//! assert!(peer.find(&Document::Rfc("793".parse()?))?.is_empty());
//!
//! drop(peer);
//! stop.stop();
//! running.join().expect("the server ends");
//! # Ok(())
//! # }
//! ```
//!
//! A program that embeds the crate needs none of the crates that the programs of the package use: it switches
//! the feature `cli` off (`default-features = false`).
//!
//! `protocol.md` specifies the wire; the documentation of each item names its section. `ARCHITECTURE.md`
//! describes how the modules depend on each other.

#![cfg_attr(
    not(feature = "cli"),
    allow(
        dead_code,
        unused_imports,
        reason = "some parts of the modules are for the programs only"
    )
)]

pub mod library;
pub mod limits;
pub mod peer;
pub mod protocol;
pub mod server;

// Parts of the above. They are public only for the programs, tests and measurements of this package, and may
// change at any time.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod admin;
#[doc(hidden)]
pub mod capture;
#[cfg(feature = "cli")]
mod check;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cluster")]
#[doc(hidden)]
pub mod cluster;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod confined;
mod counted;
#[doc(hidden)]
pub mod counters;
#[cfg(feature = "dht")]
#[doc(hidden)]
pub mod dht;
#[doc(hidden)]
pub mod discovery;
#[cfg(feature = "cluster")]
#[doc(hidden)]
pub mod dns;
#[doc(hidden)]
pub mod download;
mod driver;
#[doc(hidden)]
pub mod error_chain;
#[doc(hidden)]
pub mod escape;
#[cfg(feature = "http")]
#[doc(hidden)]
pub mod http;
#[doc(hidden)]
pub mod index;
#[cfg(feature = "cli")]
mod lab;
#[cfg(feature = "lan")]
mod lan;
#[doc(hidden)]
pub mod net;
#[doc(hidden)]
pub mod network;
#[doc(hidden)]
pub mod registration;
#[cfg(feature = "cli")]
mod replay;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod status_page;
#[doc(hidden)]
pub mod system;
#[cfg(feature = "cli")]
mod toml_table;
#[doc(hidden)]
pub mod transcript;
#[doc(hidden)]
pub mod upload;

/// The code in the README is compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
