//! The commands, one file each. `dispatch` calls them; `command` defines their arguments.
//!
//! | file | subject |
//! |---|---|
//! | `list`, `lookup`, `search`, `browse`, `peers` | records of the index |
//! | `get`, `sync` | downloads |
//! | `batch` | documents that `get` or `sync` downloads together |
//! | `add`, `remove`, `docs` | shared documents |
//! | `read`, `open` | the text of a document; a document in the desktop's viewer |
//! | `verify`, `why`, `status` | files and their digests; download histories; the session and its transfers |
//! | `print_reply` | one request whose reply is printed |

mod add;
mod batch;
mod browse;
mod docs;
mod get;
mod list;
mod lookup;
mod open;
mod peers;
mod print_reply;
mod read;
mod remove;
mod search;
mod status;
mod sync;
mod verify;
mod why;

pub(super) use add::add;
pub(super) use browse::browse;
pub(super) use docs::docs;
pub(super) use get::get;
pub(super) use list::list;
pub(super) use lookup::lookup;
pub(super) use open::open;
pub(super) use peers::peers;
pub(super) use read::read;
pub(super) use remove::remove;
pub(super) use search::search;
pub(super) use status::status;
pub(super) use sync::sync;
pub(super) use verify::verify;
pub(super) use why::why;
