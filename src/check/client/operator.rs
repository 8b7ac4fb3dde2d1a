//! The operator of the program under test: a person, or a menu that is typed into it.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use super::asked::Asked;
use super::driven::Driven;

/// What operates the program under test.
pub(crate) enum Operator {
    /// A person has started it, and is told what to do.
    Person(Person),
    /// It is started and operated by this program.
    Driven(Box<Driven>),
}

/// A person.
pub(crate) struct Person {
    /// Prints a line.
    pub(crate) say: Box<dyn FnMut(&str)>,
    /// Receives the lines that are typed. `None`: nobody is at a terminal.
    pub(crate) typed: Option<Receiver<String>>,
    /// Time for which nothing may happen, until the test ends.
    pub(crate) idle: Option<Duration>,
}

/// The way in which an operation has begun.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Begun {
    /// Its request must arrive before this time. `None`: there is no such time.
    Until(Option<Instant>),
    /// The menu has no such operation.
    NotInMenu,
}

/// What has become of an operation whose request has not arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Waiting,
    /// The person has pressed Enter.
    Skipped,
    /// The person has typed something: the program does not respond.
    Unresponsive,
    /// The program has ended.
    Ended,
}

/// What a person may type.
const KEYS: &str = " (Enter: skip; x: the program does not respond)";

/// Time for the program to send a request after its operation was typed.
const REQUEST: Duration = Duration::from_secs(3);

impl Operator {
    /// Begins an operation.
    pub(super) fn begin(&mut self, asked: &Asked, step: &str) -> Begun {
        match self {
            Self::Person(person) => {
                while person.typed().is_some() {}
                let keys = if person.typed.is_some() { KEYS } else { "" };
                (person.say)(&format!("{step} {}{keys}", asked.instruction()));
                Begun::Until(person.idle.and_then(|idle| Instant::now().checked_add(idle)))
            }
            Self::Driven(driven) => match driven.type_operation(asked) {
                true => Begun::Until(Some(Instant::now() + REQUEST)),
                false => Begun::NotInMenu,
            },
        }
    }

    pub(super) fn state(&mut self) -> State {
        match self {
            Self::Person(person) => match person.typed() {
                Some(line) if line.trim().is_empty() => State::Skipped,
                Some(_) => State::Unresponsive,
                None => State::Waiting,
            },
            Self::Driven(driven) if driven.has_ended() => State::Ended,
            Self::Driven(_) => State::Waiting,
        }
    }

    /// Whether a program that was started has ended.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::Driven(driven) if driven.has_ended())
    }

    /// Tells a person what was noticed.
    pub(super) fn notify(&mut self, text: &str) {
        if let Self::Person(person) = self {
            (person.say)(text);
        }
    }

    /// Kills a program that was started.
    pub(super) fn kill(&mut self) {
        if let Self::Driven(driven) = self {
            driven.kill();
        }
    }

    /// How a program has ended that was started, if it has.
    pub(super) fn end(&self) -> Option<ExitStatus> {
        match self {
            Self::Person(_) => None,
            Self::Driven(driven) => driven.end(),
        }
    }

    /// The program is started again after a failure. Returns whether it runs, as far as that is known.
    pub(super) fn restart(&mut self) -> bool {
        match self {
            Self::Person(person) => {
                (person.say)("Start the program again if it has ended or does not respond.");
                true
            }
            Self::Driven(driven) => driven.restart(),
        }
    }

    /// Ends the program, if this program has started it, after giving it some time.
    pub(super) fn stop(&mut self) {
        if let Self::Driven(driven) = self {
            driven.stop();
        }
    }

    /// The output of the program since it was started, if it is known.
    pub(super) fn output(&self) -> Option<Vec<u8>> {
        match self {
            Self::Person(_) => None,
            Self::Driven(driven) => Some(driven.output()),
        }
    }

    /// The directory of the program, if it is known.
    pub(super) fn directory(&self) -> Option<&Path> {
        match self {
            Self::Person(_) => None,
            Self::Driven(driven) => driven.directory(),
        }
    }

    /// The number of the RFC that a program shares which was started.
    pub(super) fn started_rfc(&self) -> Option<u64> {
        match self {
            Self::Person(_) => None,
            Self::Driven(driven) => Some(driven.rfc()),
        }
    }

    /// Whether a person operates the program.
    pub(super) fn is_person(&self) -> bool {
        matches!(self, Self::Person(_))
    }
}

impl Person {
    /// The next line that was typed.
    fn typed(&mut self) -> Option<String> {
        let typed = self.typed.as_ref()?.try_recv();
        if typed == Err(TryRecvError::Disconnected) {
            // The input has ended: nothing can be skipped.
            self.typed = None;
        }
        typed.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::super::exchange::Operation;
    use super::*;

    #[test]
    fn a_person_skips_a_step_or_says_that_nothing_happens() {
        let (keys, typed) = channel();
        let person = Person { say: Box::new(|_| {}), typed: Some(typed), idle: None };
        let mut operator = Operator::Person(person);
        let asked = Asked { operation: Operation::List, number: 1, title: None, holder: None };
        // A key that was pressed before the step does not concern it.
        keys.send(String::new()).unwrap();
        assert_eq!(operator.begin(&asked, ""), Begun::Until(None));
        assert_eq!(operator.state(), State::Waiting);
        keys.send("\r".into()).unwrap();
        assert_eq!(operator.state(), State::Skipped);
        keys.send("x".into()).unwrap();
        assert_eq!(operator.state(), State::Unresponsive);
        drop(keys);
        assert_eq!(operator.state(), State::Waiting);
    }
}
