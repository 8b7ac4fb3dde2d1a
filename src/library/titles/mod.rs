//! Titles of documents (protocol.md section 2.5).
//!
//! | file | subject |
//! |---|---|
//! | `first_page` | titles from first pages of RFCs |
//! | `rfc_index` | titles from `rfc-index.txt` |
//! | `of_file` | the title of a file that was shared without one |

mod first_page;
mod of_file;
mod rfc_index;

pub(super) use of_file::title_of;
pub(super) use rfc_index::Official;
