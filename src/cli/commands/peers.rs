//! `peers`: all peers, and the number of their documents (protocol.md section 4.4).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::format::Format;
use crate::cli::output::incomplete::{check_complete, note_incomplete, print_incomplete};
use crate::cli::output::print::{print_line, print_prose};
use crate::cli::output::table::{Fit, Table};
use crate::counted::counted;
use crate::escape::{escaped, escaped_json};
use crate::limits;
use crate::peer::{Completeness, each_record};
use crate::protocol::Endpoint;

/// Prints each peer and the number of documents that it shares.
pub(in crate::cli) fn peers(context: &Context) -> Result<(), CommandError> {
    let mut peers: BTreeMap<Endpoint, usize> = BTreeMap::new();
    let mut has_room = true;
    let listed = each_record(&context.index, &mut |record| {
        if let Some(count) = peers.get_mut(&record.holder) {
            *count += 1;
        } else if peers.len() < limits::LISTED_PEERS {
            peers.insert(record.holder, 1);
        } else {
            has_room = false;
        }
        ControlFlow::Continue(())
    })?;
    context.check_interrupt()?;
    let truncated = format!("only the first {} peers are counted", limits::LISTED_PEERS);
    let listed = if has_room { listed } else { Completeness::incomplete(truncated).and(listed) };
    let has_peers = !peers.is_empty();
    let (count, records) = (peers.len(), peers.values().sum::<usize>());
    let mut rows = Table::new([("peer", Fit::Whole), ("documents", Fit::Number)]);
    for (peer, count) in peers {
        let line = match context.format {
            Format::Raw => format!("{} {count}", escaped(&peer.to_string())),
            Format::Json => {
                let Endpoint { host, port } = &peer;
                let port = port.value();
                let object =
                    json!({"v": 1, "host": host.as_str(), "port": port, "documents": count});
                escaped_json(&object.to_string())
            }
            Format::Table => {
                rows.add_row([escaped(&peer.to_string()).to_string(), count.to_string()]);
                continue;
            }
        };
        print_line(line).map_err(CommandError::Output)?;
    }
    if let Format::Table = context.format {
        let total = match has_peers {
            true => format!("{}, {}", counted(count, "peer"), counted(records, "record")),
            false => "no peers".into(),
        };
        let text = if has_peers { format!("{}\n{total}", rows.text()) } else { total };
        print_prose(text).map_err(CommandError::Output)?;
    }
    print_incomplete(context.format, &listed)?;
    note_incomplete(&listed);
    check_complete(&listed, has_peers)
}
