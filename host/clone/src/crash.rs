//! Disks that stop: what is left of a clone when the machine dies in the middle of its writes.
//!
//! A disk keeps what was synced. Of what was written since, it may keep everything, nothing, the first part of the last write, or any
//! of the writes without the others; but it keeps the order in which files are made, deleted and cut, as file systems do. SQLite
//! promises to come back from each of these if it is told to sync (`PRAGMA synchronous`), and from a killed process even if it is
//! not. While a crash point is set, the clone says so little of itself that SQLite takes no short cuts: no safe append, no sequential
//! writes, sectors of 512 bytes.

use std::{io, mem, sync::Arc};

use crate::{clone_file::State, image::Image, side_file::SideFile, store::Store};

/// The size of what a disk writes whole or not at all, in bytes.
pub(crate) const SECTOR_BYTES: usize = 512;

/// Where a clone stops taking writes, and what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    /// The write that is the first not to succeed, counted from 1. Writing to the database or the journal, cutting either and deleting the
    /// journal are writes.
    pub at_write: u64,
    /// What is kept of what was not synced.
    pub keeps: Keeps,
}

/// What a disk keeps of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Every write before the last: the process was killed, the machine lives on.
    Everything,
    /// Nothing.
    Nothing,
    /// Every write before the last, and of the last its first half, to a whole sector.
    HalfOfTheLast,
    /// Some of the writes, the last among them, as a seed decides.
    Some {
        /// The seed.
        seed: u64,
    },
}

/// Which of a clone's two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Database,
    Journal,
}

/// One write.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Write { part: Part, offset: u64, content: Vec<u8> },
    Resize { part: Part, bytes: u64 },
    CreateJournal,
    DeleteJournal,
}

impl Op {
    fn part(&self) -> Part {
        match self {
            Op::Write { part, .. } | Op::Resize { part, .. } => *part,
            Op::CreateJournal | Op::DeleteJournal => Part::Journal,
        }
    }
}

/// A crash that has been set, or has happened.
#[derive(Debug)]
pub(crate) struct Crash {
    point: CrashPoint,
    writes: u64,
    has_happened: bool,
    /// What is on the disk for certain.
    synced: Synced,
    /// What was written since, in order, where that matters.
    pending: Vec<Op>,
}

#[derive(Clone, Debug)]
struct Synced {
    image: Image,
    journal: Option<SideFile>,
}

impl Crash {
    pub(crate) fn new(point: CrashPoint, state: &State) -> Self {
        let synced = Synced { image: state.image.clone(), journal: state.journal.clone() };
        Self { point, writes: 0, has_happened: false, synced, pending: Vec::new() }
    }

    pub(crate) fn has_happened(&self) -> bool {
        self.has_happened
    }

    /// Whether this write is the one at which everything stops.
    pub(crate) fn stops_at_next_write(&mut self) -> bool {
        self.writes += 1;
        self.writes >= self.point.at_write
    }

    /// Whether it matters what was written, and in which order.
    pub(crate) fn needs_notes(&self) -> bool {
        matches!(self.point.keeps, Keeps::Some { .. })
    }

    /// Notes a write that succeeded.
    pub(crate) fn note(&mut self, op: Op) {
        self.pending.push(op);
    }

    /// Everything that was written to a file is on the disk now. Returns how many bytes of the store this gave back: those of pages
    /// that only the disk had.
    pub(crate) fn note_sync(&mut self, part: Part, image: &Image, journal: Option<&SideFile>) -> u64 {
        self.pending.retain(|op| op.part() != part);
        match part {
            Part::Database => mem::replace(&mut self.synced.image, image.clone()).into_unshared_bytes(),
            Part::Journal => {
                self.synced.journal = journal.cloned();
                0
            }
        }
    }

    /// Stops at `last`; returns what is left, given what there was before it.
    pub(crate) fn happen(
        &mut self,
        store: &Arc<Store>,
        image: &Image,
        journal: Option<&SideFile>,
        last: Op,
    ) -> io::Result<(Image, Option<SideFile>)> {
        self.has_happened = true;
        let now = Synced { image: image.clone(), journal: journal.cloned() };
        let left = match self.point.keeps {
            Keeps::Everything => now,
            Keeps::Nothing => self.synced.clone(),
            Keeps::HalfOfTheLast => {
                let mut left = now;
                if let Op::Write { part, offset, mut content } = last {
                    content.truncate((content.len() / 2).next_multiple_of(SECTOR_BYTES).min(content.len()));
                    left.apply(store, &Op::Write { part, offset, content })?;
                }
                left
            }
            Keeps::Some { seed } => {
                let mut left = self.synced.clone();
                let (mut random, mut is_undeleted) = (seed, false);
                let count = self.pending.len();
                for (number, op) in self.pending.drain(..).chain([last]).enumerate() {
                    let is_kept = is_kept(&mut random) || number == count;
                    let depends = op.part() == Part::Journal || matches!(op, Op::Resize { .. });
                    if is_kept && !(is_undeleted && depends) {
                        left.apply(store, &op)?;
                    }
                    // A journal whose deletion is lost is another file than the one that was made after it: nothing of that is there. And
                    // what was cut after the deletion is not cut: with synchronous = FULL, SQLite itself relies on that order.
                    is_undeleted |= !is_kept && matches!(op, Op::DeleteJournal);
                }
                left
            }
        };
        Ok((left.image, left.journal))
    }
}

impl Synced {
    fn apply(&mut self, store: &Arc<Store>, op: &Op) -> io::Result<()> {
        match op {
            Op::Write { part: Part::Database, offset, content } => self.image.write(store, *offset, content).map(drop),
            Op::Resize { part: Part::Database, bytes } => self.image.resize(store, *bytes).map(drop),
            // A write that is kept without the creation of its file creates it.
            Op::Write { part: Part::Journal, offset, content } => self.journal.get_or_insert_default().write(store, *offset, content),
            Op::Resize { part: Part::Journal, bytes } => self.journal.get_or_insert_default().truncate(store, *bytes),
            Op::CreateJournal => {
                self.journal.get_or_insert_default();
                Ok(())
            }
            Op::DeleteJournal => {
                self.journal = None;
                Ok(())
            }
        }
    }
}

/// Every other write, more or less. SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
fn is_kept(state: &mut u64) -> bool {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) & 1 == 0
}
