//! `list`: the records of all RFCs, or of all other documents (protocol.md section 4.4).

use super::print_reply::print_reply;
use crate::cli::command::List;
use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::peer::Query;
use crate::protocol::Listing;

pub(in crate::cli) fn list(context: &Context, command: &List) -> Result<(), CommandError> {
    let listing = if command.files { Listing::Files } else { Listing::Rfcs };
    print_reply(context, Query::List(listing))
}
