//! Criterion, and the figures that it measures.

use std::{
    cell::RefCell,
    env,
    time::{Duration, Instant},
};

use criterion::{Criterion, SamplingMode};
use rustix::time::{ClockId, clock_gettime};

use crate::{figures::median, size::Size};

/// How many samples a figure is the median of.
const SAMPLES: usize = 20;

/// What time is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    /// What a clock on the wall shows.
    Wall,
    /// For how long this thread had a processor: where others work too, the figures are still those of this work.
    Thread,
}

impl Clock {
    /// The one that was asked for.
    pub(crate) fn asked_for() -> Self {
        if env::var_os("REHEARSAL_BENCH_CLOCK").is_some_and(|clock| clock == "thread") { Clock::Thread } else { Clock::Wall }
    }

    fn time(self, routine: impl FnOnce()) -> Duration {
        match self {
            Clock::Wall => {
                let begin = Instant::now();
                routine();
                begin.elapsed()
            }
            Clock::Thread => {
                let begin = thread_time();
                routine();
                thread_time() - begin
            }
        }
    }
}

fn thread_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("a time after the thread began")
}

/// Measures at one size.
pub(crate) struct Measure<'a> {
    pub(crate) criterion: &'a mut Criterion,
    pub(crate) clock: Clock,
    pub(crate) size: Size,
}

impl Measure<'_> {
    /// Nanoseconds for each call; nothing if the arguments of the benchmark leave it out.
    pub(crate) fn each(&mut self, name: &str, mut routine: impl FnMut()) -> Option<f64> {
        let clock = self.clock;
        self.samples(name, Duration::from_secs(1), |iterations| clock.time(|| (0..iterations).for_each(|_| routine())))
    }

    /// Nanoseconds for each call of `routine`, without what `prepare` takes before it, and without what the clock takes.
    pub(crate) fn prepared<T>(&mut self, name: &str, mut prepare: impl FnMut() -> T, mut routine: impl FnMut(&mut T)) -> Option<f64> {
        let clock = self.clock;
        // The preparation takes many times as long, and criterion counts only what it is told.
        self.samples(name, Duration::from_millis(50), |iterations| {
            let nothing: Duration = (0..iterations).map(|_| clock.time(|| ())).sum();
            let total: Duration = (0..iterations)
                .map(|_| {
                    let mut prepared = prepare();
                    clock.time(|| routine(&mut prepared))
                })
                .sum();
            total.saturating_sub(nothing).max(Duration::from_nanos(1))
        })
    }

    fn samples(&mut self, name: &str, time: Duration, mut run: impl FnMut(u64) -> Duration) -> Option<f64> {
        let seen = RefCell::new(Vec::new());
        let mut group = self.criterion.benchmark_group(name);
        group.sample_size(SAMPLES).sampling_mode(SamplingMode::Flat).warm_up_time(time / 2).measurement_time(time);
        group.bench_function(self.size.name, |bencher| {
            bencher.iter_custom(|iterations| {
                let took = run(iterations);
                seen.borrow_mut().push(took.as_nanos() as f64 / iterations as f64);
                took
            });
        });
        group.finish();
        // The samples come last, after the warm-up.
        let seen = seen.into_inner();
        let samples = &seen[seen.len().saturating_sub(SAMPLES)..];
        (!samples.is_empty()).then(|| median(samples.to_vec()))
    }
}
