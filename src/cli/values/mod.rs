//! Values as users type them.
//!
//! | file | subject |
//! |---|---|
//! | `endpoints` | addresses of index servers and holders |
//! | `named` | documents |
//! | `document_words` | the words of a command that are documents |
//! | `option_values` | values that both programs have |
//! | `quantity`, `rate`, `size` | numbers with units |
//! | `digest_list` | lists of trusted digests |
//! | `bounded_lines` | lines of an input that may have no line ends |

pub(super) mod bounded_lines;
pub(super) mod digest_list;
pub(super) mod document_words;
pub(super) mod endpoints;
pub(super) mod named;
pub(super) mod option_values;
pub(super) mod quantity;
pub(super) mod rate;
pub(super) mod size;
