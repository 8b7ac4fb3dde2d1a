//! The steps that a laboratory has not taken yet, for its status page.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a laboratory does now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Phase {
    /// It takes the steps of its scenario at their times.
    #[default]
    Steps,
    /// All steps were taken, and downloads run.
    Downloads,
    /// It executes what is typed.
    Commands,
}

/// A step: its time, and its command.
pub(crate) type PlannedStep = (Duration, String);

/// The steps that are left.
#[derive(Debug, Default)]
pub(super) struct Plan(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    all: usize,
    coming: VecDeque<PlannedStep>,
}

/// The plan at one time.
#[derive(Clone, Debug)]
pub(crate) struct PlanView {
    pub(crate) phase: Phase,
    /// How many steps the scenario has, and how many of them were taken.
    pub(crate) all: usize,
    pub(crate) taken: usize,
    /// The next steps.
    pub(crate) coming: Vec<PlannedStep>,
}

impl Plan {
    /// Begins with these steps.
    pub(super) fn begin(&self, steps: impl Iterator<Item = PlannedStep>) {
        let coming: VecDeque<PlannedStep> = steps.collect();
        *self.lock() = State { phase: Phase::Steps, all: coming.len(), coming };
    }

    /// The first step is being taken.
    pub(super) fn take_step(&self) {
        self.lock().coming.pop_front();
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.lock().phase = phase;
    }

    /// The plan with at most this number of steps.
    pub(super) fn view(&self, most: usize) -> PlanView {
        let state = self.lock();
        PlanView {
            phase: state.phase,
            all: state.all,
            taken: state.all - state.coming.len(),
            coming: state.coming.iter().take(most).cloned().collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
