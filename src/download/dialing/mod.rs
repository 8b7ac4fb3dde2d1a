//! Connections to holders that are being made (protocol.md sections 7 and 9).
//!
//! | file | subject |
//! |---|---|
//! | `name_service` | whether the name service answers |
//! | `host_names` | the host names of holders, in all downloads |
//! | `party` | which holders may belong to one party |
//! | `trials` | how many unproven holders are tried concurrently |
//! | `admission` | whether a holder may be asked now |
//! | `dialer` | what making a connection needs |
//! | `connecting` | one connection: resolve, then connect |
//! | `round_trips` | measures the round trips to unknown holders |

mod admission;
mod connecting;
mod dialer;
mod host_names;
mod name_service;
mod party;
mod round_trips;
mod trials;

pub(super) use admission::Admission;
pub(super) use connecting::Connecting;
pub(super) use dialer::HolderDialer;
pub(super) use host_names::HostNames;
pub(super) use party::Party;
pub(super) use round_trips::measure;
pub(super) use trials::{Trial, Trials};
