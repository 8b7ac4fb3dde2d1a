//! The steps of a scenario and their times.

use std::collections::VecDeque;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::command::{Command, Peers, Wanted};
use super::laboratory::Laboratory;
use super::plan::Phase;
use super::scenario::Scenario;
use crate::net::Cancel;

/// How often it is checked whether downloads have ended.
const POLL: Duration = Duration::from_millis(20);
/// How often it is checked whether the store of the index servers has ended, between two steps.
const STORE_POLL: Duration = Duration::from_millis(200);

/// The steps that are left, in the order of their times.
#[derive(Debug)]
pub(crate) struct Schedule {
    steps: VecDeque<(Duration, Step)>,
    duration: Duration,
}

/// One step.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    Join(usize),
    Get(usize, Vec<Wanted>),
    Leave(usize),
    Run(Command),
}

/// As a command, or several.
impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Join(number) => write!(f, "join {number}"),
            Self::Leave(number) => write!(f, "leave {number}"),
            Self::Get(number, wanted) => {
                let get = |wanted: &Wanted| {
                    Command::Get(Peers::Number(*number), wanted.clone()).to_string()
                };
                f.write_str(&wanted.iter().map(get).collect::<Vec<String>>().join("; "))
            }
            Self::Run(command) => command.fmt(f),
        }
    }
}

impl Schedule {
    /// The steps of a scenario that are within its duration.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let mut steps = Vec::new();
        let mut number = 0;
        for group in &scenario.groups {
            for place in 0..group.count {
                number += 1;
                let later = group.every.saturating_mul(u32::try_from(place).unwrap_or(u32::MAX));
                steps.push((group.joins + later, Step::Join(number)));
                if !group.gets.is_empty() {
                    let at = group.gets_at.unwrap_or(group.joins) + later;
                    steps.push((at, Step::Get(number, group.gets.clone())));
                }
                if let Some(leaves) = group.leaves {
                    steps.push((leaves + later, Step::Leave(number)));
                }
            }
        }
        let events = scenario.events.iter().cloned();
        steps.extend(events.map(|event| (event.at, Step::Run(event.command))));
        let duration = scenario.duration;
        steps.retain(|(at, _)| *at <= duration);
        // Stable: a peer joins before it does something else at the same time.
        steps.sort_by_key(|(at, _)| *at);
        Self { steps: steps.into(), duration }
    }

    /// Takes all steps at their times, and waits until the downloads have ended, or for the duration of the
    /// scenario. Returns early if it is cancelled.
    ///
    /// # Errors
    /// When a step fails, for example because a peer cannot be started.
    pub(crate) fn run(mut self, laboratory: &Laboratory, cancel: &Cancel) -> Result<(), String> {
        laboratory.begin_steps(self.steps.iter().map(|(at, step)| (*at, step.to_string())));
        while let Some((at, step)) = self.steps.pop_front() {
            while laboratory.time() < at && !cancel.is_cancelled() {
                laboratory.check_store()?;
                let left = at.saturating_sub(laboratory.time());
                cancel.sleep(left.min(STORE_POLL));
            }
            if cancel.is_cancelled() {
                return Ok(());
            }
            laboratory.take_step();
            match step {
                Step::Join(number) => laboratory.join(number)?,
                Step::Get(number, wanted) => laboratory.get(number, &wanted)?,
                Step::Leave(number) => laboratory.leave(number),
                Step::Run(command) => drop(laboratory.execute(&command)?),
            }
        }
        laboratory.enter(Phase::Downloads);
        while laboratory.is_busy() && laboratory.time() < self.duration && !cancel.sleep(POLL) {
            laboratory.check_store()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_in_the_order_of_their_times() {
        let scenario = Scenario::parse(
            r#"
            title = "Steps"
            duration = "5 s"
            [[peers]]
            name = "a"
            count = 2
            every = "1 s"
            leaves = "3 s"
            gets = "all"
            [[peers]]
            name = "b"
            joins = "6 s"
            [[events]]
            at = "500 ms"
            do = "leave 1"
            "#,
        );
        let steps = Schedule::of(&scenario.unwrap()).steps;
        let text: Vec<String> =
            steps.iter().map(|(at, step)| format!("{} {step:?}", at.as_millis())).collect();
        let expected = [
            "0 Join(1)",
            "0 Get(1, [All])",
            "500 Run(Leave(Number(1)))",
            "1000 Join(2)",
            "1000 Get(2, [All])",
            "3000 Leave(1)",
            "4000 Leave(2)",
        ];
        assert_eq!(text, expected);
        let shown: Vec<String> = steps.iter().map(|(_, step)| step.to_string()).collect();
        assert_eq!(shown[..4], ["join 1", "get 1 all", "leave 1", "join 2"]);
    }
}
