//! Which b-trees own the pages that changed.
//!
//! Comes in: an image, the pages that differ from another one, and the roots of its b-trees. Goes out: the roots whose trees own one
//! of these pages. Interior pages are read, and tell which pages their leaves are; leaves are only looked up. What is then neither
//! a page of a tree, nor of the freelist, nor a pointer map, nor the lock-byte page, is taken for an overflow page: it can change
//! though the leaf that it continues does not. Its owner is found by following the chains that leave the changed pages, then those of
//! all others, until every changed page has been accounted for.
//!
//! Where that does not come out even (a page that two trees claim, or none; a page that is not what it should be), the answer is
//! that any tree may own them. No page is visited twice, whatever the image says. What is taken at its word is that all leaves
//! of a tree are equally deep: an image that hides a leaf elsewhere, and lists the same page as a free one, is one that
//! `PRAGMA integrity_check` refuses.

use std::{collections::BTreeSet, io};

use super::btree::{BtreePage, Malformed, USABLE_BYTES_MIN};
use crate::{
    changed_pages::ChangedPages,
    freelist::{Header, be_u32},
    image::Image,
};

/// How deep a b-tree is at most (SQLite, `BTCURSOR_MAX_DEPTH`).
const DEPTH_MAX: u32 = 20;

/// Where the page is that holds nothing, because locks are taken on its bytes.
const LOCK_BYTE_AT: u64 = 1 << 30;

/// Which b-trees own changed pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owners {
    /// Those with these root pages, counted from 1.
    Roots(BTreeSet<u32>),
    /// Nobody can tell: any of them.
    Any,
}

impl Owners {
    /// Whether the b-tree with this root may own a changed page.
    pub(crate) fn may_include(&self, root: u32) -> bool {
        match self {
            Owners::Roots(roots) => roots.contains(&root),
            Owners::Any => true,
        }
    }

    /// The owners among the b-trees with these roots.
    ///
    /// # Errors
    /// Those of reading the image.
    pub(crate) fn find(image: &Image, changed: &ChangedPages, roots: &[u32]) -> io::Result<Self> {
        if changed.is_empty() {
            return Ok(Owners::Roots(BTreeSet::new()));
        }
        let Some(header) = Header::read(image)?.filter(|header| header.usable_bytes >= USABLE_BYTES_MIN) else { return Ok(Owners::Any) };
        let mut search = Search::new(image, header, &changed.in_pages_of(header.page_bytes))?;
        match search.run(roots) {
            Ok(()) | Err(Stop::Done) if search.unaccounted.count == 0 => Ok(Owners::Roots(search.owners)),
            Ok(()) | Err(Stop::Done | Stop::Malformed) => Ok(Owners::Any),
            Err(Stop::Io(error)) => Err(error),
        }
    }
}

/// Why a walk ends before its end.
enum Stop {
    /// Everything is accounted for.
    Done,
    /// The image is not what it should be.
    Malformed,
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Io(error)
    }
}

impl From<Malformed> for Stop {
    fn from(_: Malformed) -> Self {
        Stop::Malformed
    }
}

/// One search. Pages are counted from 0.
struct Search<'a> {
    image: &'a Image,
    header: Header,
    /// The first trunk page of the freelist, counted from 1; 0 for none.
    first_trunk: u32,
    /// Whether there are pointer maps: in both kinds of auto-vacuum (SQLite file format, section 1.3.12).
    has_pointer_maps: bool,
    pages: u64,
    changed: PageSet,
    /// The changed pages of which it is not known whose they are.
    unaccounted: PageSet,
    /// The pages of which it is known.
    seen: PageSet,
    owners: BTreeSet<u32>,
}

impl<'a> Search<'a> {
    fn new(image: &'a Image, header: Header, changed: &ChangedPages) -> io::Result<Self> {
        let mut bytes = [0; 100];
        image.read(0, &mut bytes)?;
        let mut pages = image.bytes().div_ceil(header.page_bytes as u64);
        // Pages behind those that the header counts are not of the database, where the count is believed (section 1.3.7).
        if bytes[24..28] == bytes[92..96] && be_u32(&bytes, 28) > 0 {
            pages = pages.min(be_u32(&bytes, 28).into());
        }
        let mut set = PageSet::new(pages);
        for range in changed.ranges() {
            for page in range.start..range.end.min(pages) {
                set.insert(page);
            }
        }
        Ok(Self {
            image,
            header,
            first_trunk: be_u32(&bytes, 32),
            has_pointer_maps: be_u32(&bytes, 52) != 0,
            pages,
            unaccounted: set.clone(),
            changed: set,
            seen: PageSet::new(pages),
            owners: BTreeSet::new(),
        })
    }

    fn run(&mut self, roots: &[u32]) -> Result<(), Stop> {
        self.account_for_pages_without_rows()?;
        for root in roots {
            self.walk(*root, &mut |search, page, _| search.account(page, Some(*root)))?;
        }
        for of_changed in [true, false] {
            for root in roots {
                if self.unaccounted.count == 0 {
                    return Ok(());
                }
                self.walk(*root, &mut |search, page, content| {
                    if search.changed.contains(page) == of_changed { search.account_for_chains(page, content, *root) } else { Ok(()) }
                })?;
            }
        }
        Ok(())
    }

    fn account_for_pages_without_rows(&mut self) -> Result<(), Stop> {
        self.account_for_freelist()?;
        let lock_byte = LOCK_BYTE_AT / self.header.page_bytes as u64;
        if lock_byte < self.pages {
            self.account(lock_byte, None)?;
        }
        if self.has_pointer_maps {
            // Section 1.8: a pointer map, then as many pages as it has entries of five bytes; it makes room for the lock-byte page.
            let stride = self.header.usable_bytes / 5 + 1;
            for page in (1..self.pages).step_by(stride) {
                let page = if page == lock_byte { page + 1 } else { page };
                if page < self.pages {
                    self.account(page, None)?;
                }
            }
        }
        Ok(())
    }

    /// Section 1.5: trunk pages that each name the next one, and some leaves.
    fn account_for_freelist(&mut self) -> Result<(), Stop> {
        let mut page = vec![0; self.header.page_bytes];
        let mut trunk = self.first_trunk;
        while trunk != 0 {
            let here = number(trunk)?;
            // Twice the same trunk is malformed, so that this ends.
            self.account(here, None)?;
            self.read(here, &mut page)?;
            let leaves = be_u32(&page, 4) as usize;
            if leaves > self.header.usable_bytes / 4 - 2 {
                return Err(Stop::Malformed);
            }
            for leaf in 0..leaves {
                self.account(number(be_u32(&page, 8 + 4 * leaf))?, None)?;
            }
            trunk = be_u32(&page, 0);
        }
        Ok(())
    }

    /// Notes whose a page is.
    fn account(&mut self, page: u64, owner: Option<u32>) -> Result<(), Stop> {
        if page >= self.pages || !self.seen.insert(page) {
            return Err(Stop::Malformed);
        }
        if self.unaccounted.remove(page) {
            self.owners.extend(owner);
        }
        Ok(())
    }

    /// Visits every page of a tree, whose content is given where it had to be read.
    fn walk(&mut self, root: u32, visit: &mut Visit<'_, 'a>) -> Result<(), Stop> {
        let mut height = self.height(root)?;
        let mut page = vec![0; self.header.page_bytes];
        let root = number(root)?;
        if height == 0 {
            return visit(self, root, None);
        }
        // Each with how many levels are below.
        let mut waiting = vec![(root, height)];
        while let Some((next, levels)) = waiting.pop() {
            height = levels - 1;
            self.read(next, &mut page)?;
            let interior = BtreePage::read(&page, next, self.header.usable_bytes).filter(|page| !page.is_leaf()).ok_or(Stop::Malformed)?;
            visit(self, next, Some(&interior))?;
            for child in interior.children() {
                let child = number(child?)?;
                if height == 0 {
                    visit(self, child, None)?;
                } else {
                    waiting.push((child, height));
                }
            }
        }
        Ok(())
    }

    /// How many levels are below the root, on the way that is always leftmost.
    fn height(&self, root: u32) -> Result<u32, Stop> {
        let mut page = vec![0; self.header.page_bytes];
        let mut next = number(root)?;
        for height in 0..DEPTH_MAX {
            self.read(next, &mut page)?;
            let here = BtreePage::read(&page, next, self.header.usable_bytes).ok_or(Stop::Malformed)?;
            let Some(child) = here.children().next() else { return Ok(height) };
            next = number(child?)?;
        }
        Err(Stop::Malformed)
    }

    /// Follows what continues the cells of a page.
    fn account_for_chains(&mut self, page: u64, content: Option<&BtreePage<'_>>, root: u32) -> Result<(), Stop> {
        let mut bytes = Vec::new();
        let content = match content {
            Some(content) => *content,
            None => {
                bytes.resize(self.header.page_bytes, 0);
                self.read(page, &mut bytes)?;
                let leaf = BtreePage::read(&bytes, page, self.header.usable_bytes).filter(BtreePage::is_leaf);
                leaf.ok_or(Stop::Malformed)?
            }
        };
        for chain in content.chains() {
            let chain = chain?;
            let mut next = chain.first;
            for left in (0..chain.pages).rev() {
                self.account(number(next)?, Some(root))?;
                if self.unaccounted.count == 0 {
                    return Err(Stop::Done);
                }
                if left > 0 {
                    let mut pointer = [0; 4];
                    self.image.read(number(next)? * self.header.page_bytes as u64, &mut pointer)?;
                    next = be_u32(&pointer, 0);
                }
            }
        }
        Ok(())
    }

    fn read(&self, page: u64, buffer: &mut [u8]) -> Result<(), Stop> {
        if page >= self.pages || self.image.read(page * self.header.page_bytes as u64, buffer)? < buffer.len() {
            return Err(Stop::Malformed);
        }
        Ok(())
    }
}

/// Is shown a page of a tree: its number, and its content if it is an interior page.
type Visit<'v, 'a> = dyn FnMut(&mut Search<'a>, u64, Option<&BtreePage<'_>>) -> Result<(), Stop> + 'v;

/// The number of a page counted from 0; one that is counted from 1 is never 0.
fn number(page: u32) -> Result<u64, Stop> {
    u64::from(page).checked_sub(1).ok_or(Stop::Malformed)
}

/// Some of the pages of an image, one bit each.
#[derive(Clone, Debug)]
struct PageSet {
    bits: Vec<u64>,
    count: u64,
}

impl PageSet {
    fn new(pages: u64) -> Self {
        Self { bits: vec![0; usize::try_from(pages.div_ceil(64)).unwrap_or(0)], count: 0 }
    }

    fn place(page: u64) -> (usize, u64) {
        // There are fewer than 2^32 pages.
        ((page / 64) as usize, 1 << (page % 64))
    }

    fn contains(&self, page: u64) -> bool {
        let (word, bit) = Self::place(page);
        self.bits.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Whether the page was not there.
    fn insert(&mut self, page: u64) -> bool {
        let (word, bit) = Self::place(page);
        let Some(bits) = self.bits.get_mut(word).filter(|bits| **bits & bit == 0) else { return false };
        *bits |= bit;
        self.count += 1;
        true
    }

    /// Whether the page was there.
    fn remove(&mut self, page: u64) -> bool {
        let (word, bit) = Self::place(page);
        let Some(bits) = self.bits.get_mut(word).filter(|bits| **bits & bit != 0) else { return false };
        *bits &= !bit;
        self.count -= 1;
        true
    }
}
