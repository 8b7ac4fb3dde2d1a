//! Configuration: options, environment, files, and defaults, in this order of precedence (docs/manual.md,
//! section "Configuration").
//!
//! A key of the file is derived from an option ([`keys`]), so an option needs no further definition.
//!
//! | file | subject |
//! |---|---|
//! | `programs` | the programs that have a configuration, and where their files are |
//! | `keys` | the keys of a file, derived from the options of a program |
//! | `tables` | the tables of a file that no option has |
//! | `file` | reading a file; unknown keys and their suggestions |
//! | `layers` | the values of the environment and of the file below the options |
//! | `conflicts` | keys that conflict, as the definitions of their options say |
//! | `needs` | keys that have an effect only with another one |
//! | `checking` | the value of a variable; checking values as the options do |
//! | `values` | the values in effect, with their sources |
//! | `running` | the values of a service that runs, and what a reload changes |
//! | `error` | mistakes, each with its place |
//! | `values_json` | the same as JSON |
//! | `template` | the commented file that `config init` writes |
//! | `manual` | the manual pages of the files |
//! | `command` | `p2p-ci config` |

pub(super) mod checking;
pub(super) mod command;
mod conflicts;
pub(super) mod error;
pub(super) mod file;
pub(super) mod keys;
pub(super) mod layers;
pub(super) mod manual;
mod needs;
pub(super) mod programs;
pub(super) mod running;
pub(super) mod tables;
pub(super) mod template;
pub(super) mod values;
mod values_json;
