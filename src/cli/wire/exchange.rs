//! All connections, and what is shown of them.

use std::collections::HashMap;

use super::connection::Connection;
use super::form::{Form, Program};
use super::queue::{Item, Taken, What};
use crate::counted::counted;

/// The exchange of this process.
pub(super) struct Exchange {
    form: Form,
    program: Program,
    /// By their numbers.
    connections: HashMap<u32, Connection>,
}

impl Exchange {
    pub(super) fn new(form: Form, program: Program) -> Self {
        Self { form, program, connections: HashMap::new() }
    }

    /// Shows what has happened.
    pub(super) fn show(&mut self, taken: Taken, print: &mut dyn FnMut(&str)) {
        let Taken { items, lost } = taken;
        for item in items {
            let Item { connection: number, .. } = item;
            let connection =
                self.connections.entry(number).or_insert_with(|| Connection::new(&item));
            let is_closed = matches!(item.what, What::Closed);
            let lines = connection.lines(item.what, self.form, self.program);
            lines.iter().for_each(|line| print(line));
            if is_closed {
                self.connections.remove(&number);
            }
        }
        if let Some(bytes) = lost {
            // Which ones have lost bytes is not known, nor which ones were closed.
            self.connections.clear();
            print(&format!(
                "-- {} not shown: the exchange is faster than it can be printed",
                counted(bytes, "byte")
            ));
        }
    }

    /// Shows what is complete because a side is silent.
    pub(super) fn pause(&mut self, print: &mut dyn FnMut(&str)) {
        for connection in self.connections.values_mut() {
            let lines = connection.pause(self.form, self.program);
            lines.iter().for_each(|line| print(line));
        }
    }
}
