//! The documents that are shared, in pages.

use std::sync::Arc;

use serde_json::{Value, json};

use super::json::named_document;
use crate::library::{Entry, SharedLibrary};
use crate::limits;
use crate::peer::{Announced, Registrations};
use crate::protocol::{Document, Status};

/// Which documents are shown.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Filter {
    /// Words that are parts of the name or the title, in lower case.
    words: Vec<String>,
    /// What the index must have replied.
    state: Option<State>,
}

/// What an index has replied, without details.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Registered,
    Refused,
    Waiting,
}

impl State {
    fn of(announced: Announced) -> Self {
        match announced {
            Announced::Registered => Self::Registered,
            Announced::Refused(_) => Self::Refused,
            Announced::NotYet => Self::Waiting,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Refused => "refused",
            Self::Waiting => "waiting",
        }
    }
}

impl Filter {
    /// A filter of these words, and of the state with this name. Other names are those of no state.
    pub(super) fn new(text: &str, state: &str) -> Self {
        let words = text.split_whitespace().map(str::to_lowercase).collect();
        let states = [State::Registered, State::Refused, State::Waiting];
        Self { words, state: states.into_iter().find(|known| known.name() == state) }
    }

    fn admits(&self, document: &Document, entry: &Entry) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let name = document.to_string().to_lowercase();
        let (decoded, title) =
            (document.name().to_lowercase(), entry.title().as_str().to_lowercase());
        let texts = [name, decoded, title];
        self.words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
    }
}

/// A page of the shared documents that a filter admits, from the one at `first`. Without a filter of states only
/// the documents of the page are looked up in the registrations.
pub(super) fn library_page(
    library: &SharedLibrary,
    registrations: &Registrations,
    filter: &Filter,
    first: usize,
) -> Value {
    let announced = |shared: &[Shared]| {
        let documents: Vec<&Document> = shared.iter().map(|(document, _)| document).collect();
        registrations.announced(&documents)
    };
    let (all, admitted, page) = match filter.state {
        None => {
            let library = library.read();
            let admits =
                |(document, entry): &(&Document, &Arc<Entry>)| filter.admits(document, entry);
            let (mut admitted, mut page) = (0, Vec::new());
            for (document, entry) in library.entries().filter(admits) {
                if admitted >= first && page.len() < limits::PAGE_ROWS {
                    page.push((document.clone(), Arc::clone(entry)));
                }
                admitted += 1;
            }
            (library.len(), admitted, page)
        }
        Some(state) => {
            let (all, documents) = {
                let library = library.read();
                let admits =
                    |(document, entry): &(&Document, &Arc<Entry>)| filter.admits(document, entry);
                let copy = |(document, entry): (&Document, &Arc<Entry>)| {
                    (document.clone(), Arc::clone(entry))
                };
                (library.len(), library.entries().filter(admits).map(copy).collect::<Vec<Shared>>())
            };
            let states = announced(&documents);
            let found = documents.into_iter().zip(states);
            let found = found.filter(|(_, announced)| State::of(*announced) == state);
            let found: Vec<Shared> = found.map(|(shared, _)| shared).collect();
            let page = found.iter().skip(first).take(limits::PAGE_ROWS).cloned().collect();
            (all, found.len(), page)
        }
    };
    let states = announced(&page);
    let rows = page.iter().zip(states).map(|(shared, announced)| row(shared, announced));
    json!({
        "v": 1,
        "all": all,
        "admitted": admitted,
        "first": first,
        "rows_of_page": limits::PAGE_ROWS,
        "documents": rows.collect::<Vec<Value>>(),
    })
}

type Shared = (Document, Arc<Entry>);

fn row((document, entry): &Shared, announced: Announced) -> Value {
    let mut row = named_document(document);
    let refused = match announced {
        Announced::Refused(refusal) => Some(Status::from(refusal).to_string()),
        Announced::Registered | Announced::NotYet => None,
    };
    row.insert("title".into(), entry.title().as_str().into());
    row.insert("bytes".into(), entry.known_length().into());
    row.insert("state".into(), State::of(announced).name().into());
    row.insert("refused_with".into(), refused.into());
    row.into()
}
