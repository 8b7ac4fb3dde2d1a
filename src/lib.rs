//! P2P-CI/1.0, the peer-to-peer protocol with a centralized index: the protocol itself, the index
//! server, and the peer.
//!
//! ```text
//!            bytes                values                 effects
//!  protocol  ────────────►  index, library  ──────────►  server, peer  ───►  cli
//!  (pure)                   (data)                       (threads, sockets)  (terminal)
//! ```
//!
//! | to | begin with |
//! |---|---|
//! | read and write messages | [`protocol::IndexRequest`], [`protocol::IndexReply`], [`protocol::DocumentRequest`], [`protocol::DocumentReply`] |
//! | run an index | [`server::Server`] |
//! | ask an index | [`peer::IndexConnection`], [`peer::lookup`] |
//! | stay registered | [`peer::Registration`] |
//! | upload a folder | [`library::Library`], [`peer::UploadServer`] |
//! | download a document | [`peer::Downloader`], [`library::PartialFile`] |
//!
//! What may be said on the wire is in `protocol.md`, which the documentation of every item names
//! by section; how the modules hang together is in `ARCHITECTURE.md`.

pub mod cli;
pub mod discovery;
pub mod download;
pub mod error_chain;
pub mod escape;
pub mod index;
pub mod library;
pub mod limits;
pub mod net;
pub mod network;
pub mod peer;
pub mod protocol;
pub mod registration;
pub mod server;
pub mod system;
pub mod upload;

/// The code in the README is compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
