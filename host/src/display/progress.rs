//! The progress line.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::{Event, Observer, Stage};

/// Shows the events of a run on one line of standard error, if that is a terminal.
#[derive(Debug)]
pub struct ProgressLine {
    bar: ProgressBar,
}

impl Default for ProgressLine {
    fn default() -> Self {
        Self::new()
    }
}

impl ProgressLine {
    /// A line that is not there until the first event. indicatif hides it where standard error is no terminal.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { bar }
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for ProgressLine {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::StageBegan(stage) => {
                if *stage == Stage::Intake {
                    self.bar.enable_steady_tick(Duration::from_millis(100));
                }
                self.bar.set_message(stage.doing());
            }
            Event::StageEnded(..) => {}
            Event::SourceRead { done, total } => {
                let percent = done * 100 / (*total).max(1);
                self.bar.set_message(format!("reading the source: {percent} % of {} MB", total.div_ceil(1_000_000)));
            }
            Event::StepApplied { step, .. } => self.bar.set_message(format!("step {step}: applied; its legs")),
            Event::LegEnded { step, leg } => self.bar.set_message(format!("step {step}: {} leg", leg.name())),
            Event::CaseEnded { probe, case } => self.bar.set_message(format!("probe {probe}: {case}")),
        }
        self.bar.tick();
    }
}
