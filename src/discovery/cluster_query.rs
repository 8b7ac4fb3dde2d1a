//! The LOOKUP by which a server names its cluster (protocol.md section 4.13).

use std::hash::{BuildHasher, RandomState};

use crate::protocol::{Cluster, Document, Endpoint, IndexRequest, ReplyPart, Request};

/// Appends the request of this sender: for the name of a file that no peer has, so that the reply is short.
pub(crate) fn encode_cluster_query(from: &Endpoint, out: &mut Vec<u8>) {
    let name = format!("{:016x}", RandomState::new().hash_one(0));
    let Ok(name) = name.parse() else { return };
    let (want_attributes, want_cluster, from) = (true, true, from.clone());
    let document = Document::File(name);
    IndexRequest::Lookup { document, want_attributes, want_cluster, from }.encode(out);
}

/// The cluster in the parts of a reply.
#[derive(Debug, Default)]
pub(crate) struct NamedCluster(Option<Cluster>);

impl NamedCluster {
    /// Takes a part. The first name counts. Servers that precede it are ignored.
    pub(crate) fn take(&mut self, part: ReplyPart) {
        match (part, &mut self.0) {
            (ReplyPart::Cluster(id), cluster @ None) => *cluster = Some(Cluster::new(id)),
            (ReplyPart::ClusterServer(server), Some(cluster)) => {
                // What exceeds the limit, or is repeated, is ignored.
                let _ = cluster.add(server);
            }
            _ => {}
        }
    }

    /// What the reply has named.
    pub(crate) fn into_cluster(self) -> Option<Cluster> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    #[test]
    fn the_first_name_counts_and_the_number_of_servers_is_bounded() {
        let mut named = NamedCluster::default();
        let server =
            |number: usize| ReplyPart::ClusterServer(format!("h:{number}").parse().unwrap());
        named.take(server(1));
        named.take(ReplyPart::Cluster("one".parse().unwrap()));
        (2..1000).for_each(|number| named.take(server(number)));
        named.take(ReplyPart::Cluster("two".parse().unwrap()));
        let cluster = named.into_cluster().unwrap();
        assert_eq!(cluster.id().as_str(), "one");
        assert_eq!(cluster.servers().len(), limits::CLUSTER_SERVERS);
        assert_eq!(cluster.servers()[0].to_string(), "h:2");
    }

    #[test]
    fn each_query_is_for_another_name() {
        let from = "h:1".parse().unwrap();
        let query = || {
            let mut out = Vec::new();
            encode_cluster_query(&from, &mut out);
            String::from_utf8(out).unwrap()
        };
        let first = query();
        assert!(first.starts_with("LOOKUP FILE ") && first.contains("Want-Cluster: 1\r\n"));
        assert_ne!(first, query());
    }
}
