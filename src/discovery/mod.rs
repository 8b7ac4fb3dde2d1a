//! Queries to index servers: documents and their holders (protocol.md sections 4 and 8).
//!
//! | file | subject |
//! |---|---|
//! | `index_connection`, `index_link`, `index_replies` | requests to an index, one at a time on a connection |
//! | `index_dialect` | the properties that an index server has shown |
//! | `index_group`, `merging` | several index servers as one; their replies as one |
//! | `concurrent`, `cancels` | requests to several sources at the same time; cancelling those to one |
//! | `cluster_query`, `clusters`, `precedence` | clusters of index servers, of which one is used |
//! | `form_trial` | trying the forms of requests at a server of another program |
//! | `query`, `index_error` | requests for records; why the index returned none |
//! | `records`, `holders`, `listed` | records, streamed; the holders of a document; whether a list is complete |
//! | `asked_holder`, `rows` | upload servers that are asked for records; records as a reply |
//! | `own_host` | the host that a peer names in its requests |

#[cfg(any(feature = "dht", feature = "lan"))]
mod asked_holder;
mod cancels;
mod cluster_query;
mod clusters;
mod concurrent;
mod form_trial;
mod holders;
mod index_connection;
mod index_dialect;
mod index_error;
mod index_group;
mod index_link;
mod index_replies;
mod listed;
mod merging;
mod own_host;
mod precedence;
mod query;
mod records;
#[cfg(any(feature = "dht", feature = "lan"))]
mod rows;

#[cfg(any(feature = "dht", feature = "lan"))]
pub(crate) use asked_holder::{AskedHolder, ask_all};
pub(crate) use cluster_query::{NamedCluster, encode_cluster_query};
pub use clusters::{Assignment, Clusters, KnownServer};
pub(crate) use concurrent::{Take, of_each};
pub(crate) use form_trial::try_forms;
pub use holders::{HolderInfo, Holders, lookup, lookup_in_list};
pub use index_connection::IndexConnection;
pub use index_dialect::{Extensions, IndexDialect};
pub use index_error::IndexError;
pub use index_group::IndexGroup;
pub(crate) use index_link::Link;
pub(crate) use index_replies::{Between, Refused, Replies, Step, Unsolicited};
pub use listed::{Completeness, Gap, GapCause, ListCache};
pub(crate) use own_host::note_ipv6_only;
pub use query::{AskIndex, HolderSource, LookupTitle, Query};
pub use records::{each_listed, each_record, request_records};
#[cfg(feature = "lan")]
pub(crate) use rows::attributes;
#[cfg(any(feature = "dht", feature = "lan"))]
pub(crate) use rows::{Row, pass_on};
