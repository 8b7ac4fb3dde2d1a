//! Connections to holders that are being made (protocol.md sections 7 and 9).
//!
//! | file | subject |
//! |---|---|
//! | `name_service` | whether the name service answers |
//! | `addresses` | the addresses of a holder, and which of them are permitted |
//! | `trials` | how many unproven holders are tried concurrently |
//! | `connecting` | one connection: resolve, then connect |
//! | `round_trips` | measures the round trips to unknown holders |

mod addresses;
mod connecting;
mod name_service;
mod round_trips;
mod trials;

pub(super) use addresses::{AddressCache, literal};
pub(super) use connecting::Connecting;
pub(super) use name_service::NameService;
pub(super) use round_trips::measure;
pub(super) use trials::{Trial, TrialKind, Trials};
