//! Which pages of two images differ.
//!
//! Two images of one base are two persistent trees: what they share by pointer is not looked at, and the pages that remain are
//! compared byte by byte. Images of different bases share nothing, so all their pages are compared.

use std::{io, ops::Range, sync::Arc};

use crate::{
    image::{Image, Node, Slot},
    merkle::{FANOUT, FANOUT_BITS},
};

/// How many bytes are compared at a time where everything is.
const BYTES_AT_A_TIME: usize = 1 << 20;

/// The pages that differ between two images, counted from 0: ranges that neither overlap nor touch, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedPages {
    page_bytes: usize,
    ranges: Vec<Range<u64>>,
}

impl ChangedPages {
    fn new(page_bytes: usize) -> Self {
        Self { page_bytes, ranges: Vec::new() }
    }

    /// The size of the pages that are meant.
    pub fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// The pages, as ranges in order.
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.ranges
    }

    /// How many pages these are.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// Whether no page differs.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether a page is among them.
    pub fn contains(&self, page: u64) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= page);
        after > 0 && page < self.ranges[after - 1].end
    }

    /// The same bytes in pages of another size.
    pub(crate) fn in_pages_of(&self, page_bytes: usize) -> Self {
        let mut regrouped = Self::new(page_bytes);
        let (own, other) = (self.page_bytes as u64, page_bytes as u64);
        for range in &self.ranges {
            regrouped.push(range.start * own / other..(range.end * own).div_ceil(other));
        }
        regrouped
    }

    /// Adds pages, none of them before the last range.
    fn push(&mut self, pages: Range<u64>) {
        match self.ranges.last_mut() {
            _ if pages.is_empty() => {}
            Some(last) if last.end >= pages.start => last.end = last.end.max(pages.end),
            _ => self.ranges.push(pages),
        }
    }
}

impl Image {
    /// The pages whose bytes are not those of `since`: with another content, or in one of the two alone.
    ///
    /// # Errors
    /// As [`Image::read`].
    pub fn changed_pages(&self, since: &Image) -> io::Result<ChangedPages> {
        let page_bytes = self.page_bytes() as u64;
        let mut changed = ChangedPages::new(self.page_bytes());
        let (shorter, longer) = (self.bytes().min(since.bytes()), self.bytes().max(since.bytes()));
        // A page that ends elsewhere is another page.
        let common = if shorter == longer { self.pages() } else { shorter / page_bytes };
        if Arc::ptr_eq(&self.base, &since.base) {
            let level = self.levels.max(since.levels);
            let root = |image: &Image| {
                // Pages that a lower tree has no place for are beyond the end of its image.
                (image.levels..level).fold(Slot::Node(image.root.clone()), |below, _| Slot::Node(Arc::new(above(below))))
            };
            let buffers = [vec![0; self.page_bytes()], vec![0; self.page_bytes()]];
            Walk { images: [self, since], common, buffers, changed: &mut changed }.subtree(&root(self), &root(since), level, 0)?;
        } else {
            compare_all(self, since, common, &mut changed)?;
        }
        if shorter != longer {
            changed.push(common..longer.div_ceil(page_bytes));
        }
        Ok(changed)
    }
}

/// A node of the level above, with nothing of its own but `below`.
fn above(below: Slot) -> Node {
    let mut node = Node::filled_with(&Slot::Base);
    node.slots[0] = below;
    node
}

/// One comparison of two trees.
struct Walk<'a> {
    images: [&'a Image; 2],
    /// How many pages both images have.
    common: u64,
    /// A page of each.
    buffers: [Vec<u8>; 2],
    changed: &'a mut ChangedPages,
}

impl Walk<'_> {
    fn subtree(&mut self, one: &Slot, other: &Slot, level: u32, first: u64) -> io::Result<()> {
        let is_shared = match (one, other) {
            (Slot::Base, Slot::Base) | (Slot::Zero, Slot::Zero) => true,
            (Slot::Node(one), Slot::Node(other)) => Arc::ptr_eq(one, other),
            (Slot::Page(one), Slot::Page(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        if is_shared || first >= self.common {
            return Ok(());
        }
        if level == 0 {
            let offset = first * self.images[0].page_bytes() as u64;
            for (image, buffer) in self.images.into_iter().zip(&mut self.buffers) {
                image.read(offset, buffer)?;
            }
            if self.buffers[0] != self.buffers[1] {
                self.changed.push(first..first + 1);
            }
            return Ok(());
        }
        for index in 0..FANOUT {
            let first = first + ((index as u64) << ((level - 1) * FANOUT_BITS));
            self.subtree(child(one, index), child(other, index), level - 1, first)?;
        }
        Ok(())
    }
}

/// What a slot has at one of the places below it.
fn child(slot: &Slot, index: usize) -> &Slot {
    if let Slot::Node(node) = slot { &node.slots[index] } else { slot }
}

/// Compares the first `common` pages of two images that share nothing.
fn compare_all(one: &Image, other: &Image, common: u64, changed: &mut ChangedPages) -> io::Result<()> {
    let page_bytes = one.page_bytes();
    let at_a_time = (BYTES_AT_A_TIME / page_bytes) as u64;
    let mut buffers = [vec![0; BYTES_AT_A_TIME], vec![0; BYTES_AT_A_TIME]];
    for first in (0..common).step_by(BYTES_AT_A_TIME / page_bytes) {
        let pages = at_a_time.min(common - first);
        let offset = first * page_bytes as u64;
        for (image, buffer) in [one, other].into_iter().zip(&mut buffers) {
            image.read(offset, buffer)?;
        }
        let [here, there] = &buffers;
        let pairs = here.chunks(page_bytes).zip(there.chunks(page_bytes));
        for (page, (here, there)) in (first..first + pages).zip(pairs) {
            if here != there {
                changed.push(page..page + 1);
            }
        }
    }
    Ok(())
}
