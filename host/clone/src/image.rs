//! The content of a clone at one moment: a persistent tree of pages over the base.
//!
//! An image is a value. Copying one copies a pointer, whatever its size; changing a copy changes the path to the changed page and
//! shares everything else. So a snapshot is a copy, a restore is an assignment, and what two images do not share is what may
//! differ between them.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use rehearsal_packet::Sha256;

use crate::{
    base::Base,
    merkle::{FANOUT, FANOUT_BITS, height},
    store::{Block, Store},
};

/// The most pages that a database can have, rounded up (SQLite, `SQLITE_MAX_PAGE_COUNT`).
const PAGES_MAX: u64 = 1 << 32;

/// The content of a clone at one moment.
#[derive(Clone, Debug)]
pub struct Image {
    pub(crate) base: Arc<Base>,
    pub(crate) root: Arc<Node>,
    /// How many levels of nodes are above the pages: at least one.
    pub(crate) levels: u32,
    bytes: u64,
}

/// Sixteen pages, or sixteen nodes of the level below.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) slots: [Slot; FANOUT],
    /// The digest of what is below, and of how many bytes: the same node means less at the end of a shorter image.
    pub(crate) digest: OnceLock<(u64, Sha256)>,
}

/// What is at one place of a node.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    /// What the base has there; zeros beyond its end.
    Base,
    /// Zeros.
    Zero,
    /// A page of the image's own.
    Page(Arc<Page>),
    /// A node.
    Node(Arc<Node>),
}

/// One changed page.
#[derive(Debug)]
pub(crate) struct Page {
    content: Block,
    digest: OnceLock<Sha256>,
}

impl Node {
    pub(crate) fn filled_with(slot: &Slot) -> Self {
        Self { slots: std::array::from_fn(|_| slot.clone()), digest: OnceLock::new() }
    }

    /// Makes the node one's own, to be changed: what was known of its content is forgotten.
    fn own(node: &mut Arc<Node>) -> &mut Node {
        let node = Arc::make_mut(node);
        node.digest.take();
        node
    }
}

impl Clone for Node {
    /// A copy that is about to be changed: it does not take the digest along.
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone(), digest: OnceLock::new() }
    }
}

impl Page {
    /// The digest of the page, of which `bytes` count.
    pub(crate) fn digest(&self) -> io::Result<Sha256> {
        if let Some(digest) = self.digest.get() {
            return Ok(*digest);
        }
        let digest = self.content.with_content(crate::merkle::leaf)?;
        Ok(*self.digest.get_or_init(|| digest))
    }

    pub(crate) fn read(&self, at: usize, buffer: &mut [u8]) -> io::Result<()> {
        self.content.read(at, buffer)
    }
}

/// Where a page is found.
pub(crate) enum Found<'a> {
    Base,
    Zero,
    Page(&'a Arc<Page>),
}

impl Image {
    /// The content of a base as it is.
    pub fn of(base: Arc<Base>) -> Self {
        let bytes = base.bytes();
        let levels = height(base.pages()).max(1);
        Self { base, root: Arc::new(Node::filled_with(&Slot::Base)), levels, bytes }
    }

    /// How many bytes there are.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The size of a page of the tree: that of the base.
    pub fn page_bytes(&self) -> usize {
        self.base.page_bytes()
    }

    /// How many pages there are, the last one perhaps short.
    pub fn pages(&self) -> u64 {
        self.pages_in(self.bytes)
    }

    /// Whether both are one and the same image, so that nothing at all can differ.
    pub fn is(&self, other: &Image) -> bool {
        Arc::ptr_eq(&self.root, &other.root) && self.bytes == other.bytes && Arc::ptr_eq(&self.base, &other.base)
    }

    /// Reads from `offset` on; returns how many bytes there were. The rest of the buffer becomes zeros.
    ///
    /// # Errors
    /// Those of reading the base, or pages that did not fit into memory.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let there = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let (mut content, beyond) = buffer.split_at_mut(there);
        beyond.fill(0);
        let page_bytes = self.page_bytes();
        let mut offset = offset;
        while !content.is_empty() {
            let (page, within) = self.place(offset);
            let (part, rest) = content.split_at_mut(content.len().min(page_bytes - within));
            match self.find(page) {
                Found::Base => self.base.read(offset, part)?,
                Found::Zero => part.fill(0),
                Found::Page(page) => page.read(within, part)?,
            }
            offset += part.len() as u64;
            content = rest;
        }
        Ok(there)
    }

    /// The content of one page, counted from 0: short if it is the last one and short, empty beyond the end.
    ///
    /// # Errors
    /// As [`Image::read`].
    pub fn page(&self, number: u64) -> io::Result<Vec<u8>> {
        let start = number * self.page_bytes() as u64;
        let length = self.bytes.saturating_sub(start).min(self.page_bytes() as u64);
        let mut content = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.read(start, &mut content)?;
        Ok(content)
    }

    /// Writes everything to `out`.
    ///
    /// # Errors
    /// Those of reading, as [`Image::read`], and of `out`.
    pub fn write_to(&self, mut out: impl io::Write) -> io::Result<()> {
        let mut buffer = vec![0; (1 << 20).max(self.page_bytes())];
        let mut offset = 0;
        while offset < self.bytes {
            let length = self.read(offset, &mut buffer)?;
            out.write_all(&buffer[..length])?;
            offset += length as u64;
        }
        out.flush()
    }

    /// Whether the image has pages of its own wherever this would be written.
    pub(crate) fn holds(&self, offset: u64, bytes: usize) -> bool {
        let (first, _) = self.place(offset);
        (first..self.pages_in(offset.saturating_add(bytes as u64))).all(|page| matches!(self.find(page), Found::Page(_)))
    }

    /// The first so many bytes, all if there are fewer: to be looked at, not to be changed.
    pub(crate) fn up_to(&self, bytes: u64) -> Image {
        Image { bytes: bytes.min(self.bytes), ..self.clone() }
    }

    /// Whether these bytes are there already.
    pub(crate) fn has(&self, offset: u64, content: &[u8]) -> io::Result<bool> {
        let mut there = vec![0; content.len()];
        Ok(self.read(offset, &mut there)? == content.len() && there == content)
    }

    /// Writes from `offset` on, growing where that is needed. Returns how many bytes of the store it took: pages that are this
    /// image's alone are changed in place. Copies of the image that were made before keep what they have.
    ///
    /// # Errors
    /// Those of the store and of reading what a page had before; and for more pages than a database can have.
    pub fn write(&mut self, store: &Arc<Store>, offset: u64, content: &[u8]) -> io::Result<u64> {
        let end = offset.checked_add(content.len() as u64).filter(|end| self.pages_in(*end) <= PAGES_MAX);
        let end = end.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        self.raise(self.pages_in(end));
        let mut taken = 0;
        let (mut offset, mut content) = (offset, content);
        while !content.is_empty() {
            let (page, within) = self.place(offset);
            let (part, rest) = content.split_at(content.len().min(self.page_bytes() - within));
            taken += self.write_page(store, page, within, part)?;
            offset += part.len() as u64;
            content = rest;
        }
        self.bytes = self.bytes.max(end);
        Ok(taken)
    }

    /// Cuts or grows to so many bytes; what is new is zeros. Returns how many bytes of the store this took and gave back. Copies of the
    /// image that were made before keep what they have.
    ///
    /// # Errors
    /// As [`Image::write`].
    pub fn resize(&mut self, store: &Arc<Store>, bytes: u64) -> io::Result<Resized> {
        if self.pages_in(bytes) > PAGES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut resized = Resized::default();
        if bytes < self.bytes {
            let kept = self.pages_in(bytes);
            resized.given_back = cut(Node::own(&mut self.root), self.levels - 1, kept) * self.page_bytes() as u64;
            let (last, within) = self.place(bytes);
            if within > 0 {
                // What is cut off must not come back when the image grows again.
                resized.taken = self.write_page(store, last, within, &vec![0; self.page_bytes() - within])?;
            }
        } else {
            self.raise(self.pages_in(bytes));
        }
        self.bytes = bytes;
        Ok(resized)
    }

    /// How many bytes of the store nothing else has, and so are given back.
    pub(crate) fn into_unshared_bytes(self) -> u64 {
        unshared_pages(&mut Slot::Node(self.root)) * self.base.page_bytes() as u64
    }

    /// The page with the byte at `offset`, and where in it.
    fn place(&self, offset: u64) -> (u64, usize) {
        let page_bytes = self.page_bytes() as u64;
        // The remainder is below 65536.
        (offset / page_bytes, (offset % page_bytes) as usize)
    }

    fn pages_in(&self, bytes: u64) -> u64 {
        bytes.div_ceil(self.page_bytes() as u64)
    }

    pub(crate) fn find(&self, page: u64) -> Found<'_> {
        let (mut node, mut level) = (&self.root, self.levels);
        if page >> (level * FANOUT_BITS) != 0 {
            return Found::Base;
        }
        loop {
            level -= 1;
            match &node.slots[slot_of(page, level)] {
                Slot::Base => return Found::Base,
                Slot::Zero => return Found::Zero,
                Slot::Page(page) => return Found::Page(page),
                Slot::Node(below) => node = below,
            }
        }
    }

    /// Adds levels until so many pages have a place.
    fn raise(&mut self, pages: u64) {
        while height(pages) > self.levels {
            let mut root = Node::filled_with(&Slot::Base);
            root.slots[0] = Slot::Node(self.root.clone());
            self.root = Arc::new(root);
            self.levels += 1;
        }
    }

    fn write_page(&mut self, store: &Arc<Store>, page: u64, within: usize, content: &[u8]) -> io::Result<u64> {
        let page_bytes = self.base.page_bytes();
        let (mut node, mut level) = (Node::own(&mut self.root), self.levels - 1);
        let slot = loop {
            let slot = &mut node.slots[slot_of(page, level)];
            if level == 0 {
                break slot;
            }
            if !matches!(slot, Slot::Node(_)) {
                *slot = Slot::Node(Arc::new(Node::filled_with(slot)));
            }
            let Slot::Node(below) = slot else { unreachable!("it has just been made a node") };
            node = Node::own(below);
            level -= 1;
        };
        if let Slot::Page(held) = slot
            && let Some(own) = Arc::get_mut(held)
        {
            own.digest.take();
            own.content.write(within, content)?;
            return Ok(0);
        }
        let block = if content.len() == page_bytes {
            store.block(content)?
        } else {
            let mut whole = vec![0; page_bytes];
            match slot {
                Slot::Page(held) => held.read(0, &mut whole)?,
                Slot::Base => self.base.read(page * page_bytes as u64, &mut whole)?,
                Slot::Zero | Slot::Node(_) => {}
            }
            whole[within..within + content.len()].copy_from_slice(content);
            store.block(&whole)?
        };
        *slot = Slot::Page(Arc::new(Page { content: block, digest: OnceLock::new() }));
        Ok(page_bytes as u64)
    }
}

/// What a change of size took from the store and gave back to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resized {
    /// How many bytes it took.
    pub taken: u64,
    /// How many bytes it gave back.
    pub given_back: u64,
}

/// Which slot of a node at `level` leads to a page.
fn slot_of(page: u64, level: u32) -> usize {
    (page >> (level * FANOUT_BITS)) as usize % FANOUT
}

/// Zeros everything from the page `kept` on, counted from the node's first page. Returns how many pages this gave back: those that
/// no other image shares.
fn cut(node: &mut Node, level: u32, kept: u64) -> u64 {
    let mut given_back = 0;
    for (number, slot) in node.slots.iter_mut().enumerate() {
        let first = (number as u64) << (level * FANOUT_BITS);
        let after = first + (1 << (level * FANOUT_BITS));
        if first >= kept {
            given_back += unshared_pages(slot);
            *slot = Slot::Zero;
        } else if after > kept {
            if matches!(slot, Slot::Base) {
                *slot = Slot::Node(Arc::new(Node::filled_with(&Slot::Base)));
            }
            if let Slot::Node(below) = slot {
                given_back += cut(Node::own(below), level - 1, kept - first);
            }
        }
    }
    given_back
}

/// How many pages below a slot are this image's alone.
fn unshared_pages(slot: &mut Slot) -> u64 {
    match slot {
        Slot::Base | Slot::Zero => 0,
        Slot::Page(page) => u64::from(Arc::get_mut(page).is_some()),
        Slot::Node(node) => Arc::get_mut(node).map_or(0, |node| node.slots.iter_mut().map(unshared_pages).sum()),
    }
}
