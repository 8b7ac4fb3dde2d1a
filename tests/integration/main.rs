//! Tests of the library and of real programs, as one program: they are built and linked once. Each module is a
//! subject: `cargo test --test integration resume::` runs those of `resume`.
//!
//! Programs of their own are `counted` and `record_memory`, which measure the whole process; those that CI also runs in a build without
//! features; and `architecture`, which needs neither the library nor the programs.

#[path = "../common/mod.rs"]
mod common;

mod announcements;
mod broken_holders;
mod cancelling;
mod check;
mod class;
mod classroom;
mod closed_pipes;
mod cluster;
mod clusters;
mod compatibility;
mod conversations;
mod departed_peers;
mod dht;
mod dialects;
mod digest_lists;
mod dns;
mod explain;
mod explained_examples;
mod false_records;
mod few_descriptors;
mod full_disk;
mod hand_over;
mod installed;
mod json;
mod kept_open;
mod lab;
mod lan;
mod library;
mod newcomers;
mod other_indexes;
mod out;
mod part_files;
mod peer_process;
mod protocol_decoder;
mod protocol_properties;
mod protocol_replies;
mod protocol_requests;
mod protocol_roles;
mod recording;
mod registering;
mod replay;
mod resume;
mod scripts;
mod server_process;
mod service;
mod session_picture;
mod several_processes;
mod sharing;
mod silent_holders;
mod slow_holders;
mod stopping_holders;
mod sync;
mod sync_messages;
mod sync_names;
mod sync_under_attack;
mod terminal;
mod typed_names;
mod unreadable;
mod uploads;
mod verified_addresses;
mod verify;
mod watching;
mod why;
mod wireshark;
