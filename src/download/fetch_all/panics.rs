//! A callback that panics.

use super::*;
use crate::download::source::Wanted;
use crate::library::SaveTarget;
use crate::protocol::Document;

#[test]
fn a_callback_that_panics_leaves_no_worker_behind() {
    let folder = tempfile::tempdir().unwrap();
    let order = |number: u32| {
        let document = Document::Rfc(number.to_string().parse().unwrap());
        let target = SaveTarget::file(&folder.path().join(format!("rfc{number}.txt")));
        let wanted = Wanted { document, sources: Vec::new(), digest: None };
        Order { wanted, target, overwrite: false }
    };
    let orders = (1..=100).map(order).collect();
    let (fetcher, parts) = (Fetcher::default(), PartFiles::in_folder(folder.path()));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut watch = |_: Happening<'_>| panic!("this panics, as it should");
        fetch_all(&fetcher, &parts, orders, &mut watch)
    }));
    assert!(outcome.is_err());
}
