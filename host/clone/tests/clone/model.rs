//! An image and a plain vector of bytes, to which the same is done. The fuzz target `vfs` uses it, too.

use std::sync::Arc;

use rehearsal_clone::{Image, Store};

use crate::{reference, scene::*};

/// What can be done to an image.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Write { offset: u64, length: usize, seed: u64 },
    Resize { bytes: u64 },
    Snapshot,
    Restore { which: usize },
    Read { offset: u64, length: usize },
    Digests,
}

/// An image, and what it must hold.
#[derive(Clone)]
struct Pair {
    image: Image,
    model: Vec<u8>,
}

impl Pair {
    fn perform(&mut self, op: &Op, store: &Arc<Store>) {
        match op {
            Op::Write { offset, length, seed } => {
                let content = Seeded(*seed).bytes(*length);
                self.image.write(store, *offset, &content).expect("there is room");
                let (start, end) = (*offset as usize, *offset as usize + length);
                if self.model.len() < end {
                    self.model.resize(end, 0);
                }
                self.model[start..end].copy_from_slice(&content);
            }
            Op::Resize { bytes } => {
                self.image.resize(store, *bytes).expect("there is room");
                self.model.resize(*bytes as usize, 0);
            }
            Op::Read { offset, length } => {
                let (mut read, start) = (vec![0xaa; *length], (*offset as usize).min(self.model.len()));
                let there = self.image.read(*offset, &mut read).expect("it can be read");
                let mut expected = self.model[start..(start + length).min(self.model.len())].to_vec();
                assert_eq!(there, expected.len());
                expected.resize(*length, 0);
                assert_eq!(read, expected, "{op:?}");
            }
            Op::Digests => self.check(),
            Op::Snapshot | Op::Restore { .. } => unreachable!("the caller does these"),
        }
    }

    /// Compares everything.
    fn check(&self) {
        assert_eq!(self.image.bytes(), self.model.len() as u64);
        assert!(bytes_of(&self.image) == self.model, "the bytes differ");
        let page_bytes = self.image.page_bytes();
        assert_eq!(self.image.bytes_digest().expect("a digest"), reference::bytes_digest(page_bytes, &self.model));
        assert_eq!(self.image.state_digest().expect("a digest"), reference::state_digest(page_bytes, &self.model));
    }
}

/// Does everything to an image and its model, and looks at every snapshot at the end again.
pub(crate) fn run(base: &[u8], ops: &[Op], store: &Arc<Store>) {
    let mut now = Pair { image: image_of(base.to_vec()), model: base.to_vec() };
    let mut snapshots = vec![now.clone()];
    for op in ops {
        match op {
            Op::Snapshot => snapshots.push(now.clone()),
            Op::Restore { which } => now = snapshots[which % snapshots.len()].clone(),
            op => now.perform(op, store),
        }
    }
    now.check();
    snapshots.iter().for_each(Pair::check);
}
