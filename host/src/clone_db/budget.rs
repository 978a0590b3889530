//! How much work one call may make SQLite do.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rehearsal_clone::CloneConnection;

use crate::plan::Limits;

/// SQLite calls the progress handler every so many steps of its virtual machine; each statement counts for at least this.
const PROGRESS_STEPS: u16 = 1_000;

/// A limit that was overrun: the call must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun {
    /// The limit's key in the plan.
    pub limit: &'static str,
    /// Its value.
    pub value: u64,
}

/// What the progress handler counts; shared with it, because SQLite keeps the handler.
#[derive(Debug)]
pub(super) struct Budget {
    steps: AtomicU64,
    steps_max: u64,
    deadline: Mutex<Instant>,
    deadline_passed: AtomicBool,
    /// Whether a module is at work: what the host does by itself (COMMIT, a digest) it does to the end.
    spending: AtomicBool,
}

impl Budget {
    /// Watches a connection from now on: what overruns the budget is interrupted.
    pub(super) fn watch(connection: &mut CloneConnection, limits: &Limits) -> rusqlite::Result<Arc<Self>> {
        let budget = Arc::new(Self {
            steps: AtomicU64::new(0),
            steps_max: limits.sql_steps,
            deadline: Mutex::new(deadline(limits)),
            deadline_passed: AtomicBool::new(false),
            spending: AtomicBool::new(false),
        });
        let watched = budget.clone();
        let handler = move || watched.spending.load(Ordering::Relaxed) && watched.spend();
        connection.set_progress_handler(i32::from(PROGRESS_STEPS), handler)?;
        Ok(budget)
    }

    /// Begins again, for another call under the same limits.
    pub(super) fn begin_again(&self, limits: &Limits) {
        self.steps.store(0, Ordering::Relaxed);
        self.deadline_passed.store(false, Ordering::Relaxed);
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline(limits);
    }

    /// Whether a module is at work from now on.
    pub(super) fn set_spending(&self, spending: bool) {
        self.spending.store(spending, Ordering::Relaxed);
    }

    /// Counts one more statement, or one more call of the progress handler; true when it was one too many, or too late.
    pub(super) fn spend(&self) -> bool {
        let steps = u64::from(PROGRESS_STEPS);
        let spent = self.steps.fetch_add(steps, Ordering::Relaxed) + steps;
        if Instant::now() >= *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) {
            self.deadline_passed.store(true, Ordering::Relaxed);
        }
        spent > self.steps_max || self.deadline_passed.load(Ordering::Relaxed)
    }

    /// Which limit it was. Steps first: they are the same every time, the clock is not.
    pub(super) fn overrun(&self, limits: &Limits) -> Overrun {
        if self.steps.load(Ordering::Relaxed) > self.steps_max {
            Overrun { limit: "sql_steps", value: limits.sql_steps }
        } else {
            Overrun { limit: "call_ms", value: limits.call_ms }
        }
    }
}

fn deadline(limits: &Limits) -> Instant {
    Instant::now() + Duration::from_millis(limits.call_ms)
}
