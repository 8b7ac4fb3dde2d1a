//! Who operates the program under test: a person, or a menu that is typed into it.

use std::path::Path;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use super::asked::Asked;
use super::driven::Driven;

/// What operates the program under test.
pub(crate) enum Operator {
    /// It was started by a person, who is told what to do.
    Person(Person),
    /// It is started and operated by this program.
    Driven(Box<Driven>),
}

/// A person.
pub(crate) struct Person {
    /// Prints a line.
    pub(crate) say: Box<dyn FnMut(&str)>,
    /// Receives something when Enter is pressed. `None`: nobody is at a terminal.
    pub(crate) enter: Option<Receiver<()>>,
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
    /// The program has ended.
    Ended,
}

/// Time for the program to send a request after its operation was typed.
const REQUEST: Duration = Duration::from_secs(3);

impl Operator {
    /// Begins an operation.
    pub(super) fn begin(&mut self, asked: &Asked, step: &str) -> Begun {
        match self {
            Self::Person(person) => {
                person.forget_enter();
                let enter = if person.enter.is_some() { " (Enter skips this step)" } else { "" };
                (person.say)(&format!("{step} {}{enter}", asked.instruction()));
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
            Self::Person(person) => match person.has_pressed_enter() {
                true => State::Skipped,
                false => State::Waiting,
            },
            Self::Driven(driven) if driven.has_ended() => State::Ended,
            Self::Driven(_) => State::Waiting,
        }
    }

    /// The program is started again after a failure.
    pub(super) fn restart(&mut self) {
        match self {
            Self::Person(person) => {
                (person.say)("Start the program again if it has ended or does not respond.");
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
    fn forget_enter(&mut self) {
        while self.has_pressed_enter() {}
    }

    fn has_pressed_enter(&mut self) -> bool {
        match self.enter.as_ref().map(Receiver::try_recv) {
            Some(Ok(())) => true,
            Some(Err(TryRecvError::Disconnected)) => {
                // The input has ended: nothing can be skipped.
                self.enter = None;
                false
            }
            Some(Err(TryRecvError::Empty)) | None => false,
        }
    }
}
