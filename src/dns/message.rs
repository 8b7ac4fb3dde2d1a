//! The query for a service, and what a reply to it says.

use std::net::IpAddr;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, Question, RCODE, TYPE, header_buffer};

use super::order::Service;
use crate::limits;
use crate::protocol::{Endpoint, Host, Port};

/// A query for the records of one name.
#[derive(Debug)]
pub(super) struct ServiceQuery {
    id: u16,
    name: Name<'static>,
    bytes: Vec<u8>,
}

/// What a name server has replied.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Reply {
    /// The records, of which none may be legal.
    Records(Vec<Service>),
    /// The only record says that the service is not offered.
    NotOffered,
    /// There is no such name, or no such record.
    Absent,
    /// The reply is too long for UDP.
    Truncated,
    /// The server cannot answer.
    Failed(String),
}

impl ServiceQuery {
    /// `None` if the name cannot be written in DNS.
    pub(super) fn new(id: u16, name: &str) -> Option<Self> {
        let name = Name::new(name).ok()?.into_owned();
        let mut packet = Packet::new_query(id);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        packet.questions.push(Question::new(
            name.clone(),
            TYPE::SRV.into(),
            CLASS::IN.into(),
            false,
        ));
        let bytes = packet.build_bytes_vec().ok()?;
        Some(Self { id, name, bytes })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads a message. `None`: it is no legal reply to this query.
    pub(super) fn read(&self, bytes: &[u8]) -> Option<Reply> {
        let is_mine = header_buffer::id(bytes) == Ok(self.id)
            && header_buffer::has_flags(bytes, PacketFlag::RESPONSE) == Ok(true);
        if !is_mine {
            return None;
        }
        if header_buffer::has_flags(bytes, PacketFlag::TRUNCATION) == Ok(true) {
            return Some(Reply::Truncated);
        }
        let packet = Packet::parse(bytes).ok()?;
        let is_asked = |question: &Question| {
            question.qname == self.name && question.qtype == QTYPE::TYPE(TYPE::SRV)
        };
        match packet.rcode() {
            RCODE::NoError | RCODE::NameError if !packet.questions.iter().any(is_asked) => None,
            RCODE::NoError => Some(self.records(&packet)),
            RCODE::NameError => Some(Reply::Absent),
            // Some servers do not repeat the question then.
            other => Some(Reply::Failed(format!("{other:?}"))),
        }
    }

    fn records(&self, packet: &Packet<'_>) -> Reply {
        let mut owner = &self.name;
        for _ in 0..limits::DNS_ALIASES {
            let alias = packet.answers.iter().find_map(|record| match &record.rdata {
                RData::CNAME(alias) if record.name == *owner => Some(&alias.0),
                _ => None,
            });
            let Some(alias) = alias else { break };
            owner = alias;
        }
        let of_owner = packet.answers.iter().filter_map(|record| match &record.rdata {
            RData::SRV(service) if record.name == *owner && record.class == CLASS::IN => {
                Some(service)
            }
            _ => None,
        });
        let all: Vec<_> = of_owner.collect();
        match &*all {
            [] => Reply::Absent,
            [one] if one.target.get_labels().is_empty() => Reply::NotOffered,
            _ => Reply::Records(all.into_iter().filter_map(legal).collect()),
        }
    }
}

/// The record, if its target is a legal host with a port.
fn legal(service: &simple_dns::rdata::SRV<'_>) -> Option<Service> {
    let target =
        Endpoint { host: host(&service.target)?, port: Port::try_from(service.port).ok()? };
    Some(Service { priority: service.priority, weight: service.weight, target })
}

/// A name as a host: letters, digits, `-` and `_`, so that no label contains a dot or looks like something else. A dot at
/// its end makes it absolute: the resolver of the system appends no search domain (RFC 1035 section 5.1).
fn host(name: &Name<'_>) -> Option<Host> {
    let is_legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let label = |label: &simple_dns::Label<'_>| {
        let bytes: &[u8] = label.as_ref();
        let text = String::from_utf8(bytes.to_vec()).ok()?;
        (!bytes.is_empty() && bytes.iter().all(is_legal)).then_some(text)
    };
    let labels: Option<Vec<String>> = name.get_labels().iter().map(label).collect();
    let name = labels.filter(|labels| !labels.is_empty())?.join(".");
    let is_address = name.parse::<IpAddr>().is_ok();
    // A name of 253 characters has no room for it.
    let absolute = format!("{name}.").parse().ok().filter(|_| !is_address);
    absolute.or_else(|| name.parse().ok())
}

#[cfg(test)]
mod tests;
