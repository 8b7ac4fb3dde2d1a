//! One of the registrations of a program, which may register with several index servers.

use std::sync::Arc;

use crate::discovery::Clusters;

/// One of the registrations of a program.
#[derive(Clone, Debug, Default)]
pub struct Registrant {
    /// The clusters that the registrations of the program know. They share them, so that one of them registers with
    /// each cluster.
    pub clusters: Arc<Clusters>,
    /// Its number, which no other registration of the program has.
    pub number: usize,
}
