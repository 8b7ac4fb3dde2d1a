//! The result as JSON.

use serde_json::{Value, json};

use super::outcome::{Compared, Outcome};
use crate::replay::{Difference, NotSent, Replayed, Script};

/// The object of a replay.
pub(super) fn object(outcome: &Outcome<'_>, script: &Script, replayed: &Replayed) -> Value {
    let name = |place: usize| script.connections.get(place).map(|one| one.name.as_str());
    let notes = replayed.notes.iter();
    let notes = notes.map(|(place, note)| json!({"stream": name(*place), "note": note}));
    json!({
        "v": 1,
        "equal": outcome.is_equal(),
        "requests": outcome.compared.iter().map(request).collect::<Vec<_>>(),
        "not_sent": script.not_sent.iter().map(not_sent).collect::<Vec<_>>(),
        "unrecorded": outcome.found.unrecorded,
        "ignored": outcome.found.ignored.iter().map(|one| one.text()).collect::<Vec<_>>(),
        "notes": notes.collect::<Vec<_>>(),
    })
}

fn request(compared: &Compared<'_>) -> Value {
    let difference = |one: &Difference| {
        let Difference { part, section, expected, received } = one;
        json!({"part": part, "section": section, "expected": expected, "received": received})
    };
    let differences: Vec<Value> = compared.differences.iter().map(difference).collect();
    json!({
        "stream": compared.connection,
        "request": compared.request,
        "equal": differences.is_empty(),
        "differences": differences,
    })
}

fn not_sent(one: &NotSent) -> Value {
    json!({
        "stream": one.connection,
        "line": String::from_utf8_lossy(&one.line),
        "missing": one.missing,
        "time": one.time.map(|time| time.as_secs_f64()),
    })
}
