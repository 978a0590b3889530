//! The two digests of an image, at the cost of what changed since the base was digested.
//!
//! The *bytes digest* is the page tree hash of the image as it is; [`merkle`] defines it. The *state digest* is the
//! page tree hash of the image without what lies beyond the last page that the header counts, which a crash between a COMMIT and the
//! cutting of the file leaves there, and with three kinds of byte replaced by zeros, because SQLite changes them without changing
//! anything that the database holds:
//!
//! - the file change counter (bytes 24 to 27 of the file), and the version-valid-for number with SQLite's version (92 to 99),
//!   which every COMMIT counts up;
//! - every page that the freelist lists as a leaf. It holds nothing, SQLite does not journal it, and ROLLBACK brings it back with
//!   other bytes once the page cache has spilled.
//!
//! The header's count (bytes 28 to 31) is believed if it is not zero and the change counter equals the version-valid-for number, as
//! SQLite believes it. The freelist's trunk pages are hashed as they are, so the set of free pages is part of the state.

use std::{collections::HashMap, io, sync::Arc};

use rehearsal_packet::Sha256;

use crate::{
    base::Base,
    freelist::{self, Freelist, Header},
    image::{Found, Image, Slot},
    merkle::{self, FANOUT, FANOUT_BITS},
};

/// The bytes of the header that a COMMIT changes by itself.
const COUNTERS: [std::ops::Range<usize>; 2] = [24..28, 92..100];

/// What a base comes to, so that images of it need only look at what they changed.
#[derive(Debug)]
pub(crate) struct BaseState {
    header: Option<Header>,
    freelist: Freelist,
    masks: Arc<Masks>,
    /// The digests of the subtrees in which something is masked, by level and number.
    digests: HashMap<(u32, u64), Sha256>,
}

/// The pages, counted from 0 and sorted, that are not hashed as they are: the first one, and the freelist's leaves.
#[derive(Debug, Default, PartialEq, Eq)]
struct Masks(Vec<u64>);

impl Masks {
    fn new(freelist: &Freelist) -> Self {
        // The first page is no leaf.
        Self(std::iter::once(0).chain(freelist.leaves.iter().copied()).collect())
    }

    fn within(&self, first: u64, count: u64) -> &[u64] {
        let from = self.0.partition_point(|page| *page < first);
        let to = from + self.0[from..].partition_point(|page| *page < first + count);
        &self.0[from..to]
    }
}

impl Image {
    /// The page tree hash of the bytes as they are.
    ///
    /// # Errors
    /// Those of reading the base, or pages that did not fit into memory.
    pub fn bytes_digest(&self) -> io::Result<Sha256> {
        Walk { image: self, pages: self.pages(), base: self.base.digests()?, masks: &Masks::default(), of_base: None }.tree(&mut |_, _| ())
    }

    /// The page tree hash of the bytes that say what the database holds.
    ///
    /// # Errors
    /// As [`Image::bytes_digest`].
    pub fn state_digest(&self) -> io::Result<Sha256> {
        let of_base = self.base.state()?;
        let image = self.up_to(freelist::counted_bytes(self)?.unwrap_or(u64::MAX));
        let masks = image.masks(of_base)?;
        Walk { image: &image, pages: image.pages(), base: self.base.digests()?, masks: &masks, of_base: Some(of_base) }.tree(&mut |_, _| ())
    }

    /// Whether COMMIT moves pages of this database into the place of free ones, and cuts the file (`PRAGMA auto_vacuum = FULL`).
    ///
    /// # Errors
    /// As [`Image::bytes_digest`].
    pub fn is_auto_vacuum(&self) -> io::Result<bool> {
        Ok(Header::read(self)?.is_some_and(|header| header.is_auto_vacuum))
    }

    fn masks(&self, of_base: &BaseState) -> io::Result<Arc<Masks>> {
        let header = Header::read(self)?;
        let from_base = |page: &u64| matches!(self.find(*page), Found::Base);
        let base = &of_base.freelist;
        // The freelist of the base, if neither its beginning nor any of its trunks was written to.
        if header == of_base.header && base.is_sound && self.pages() >= self.base.pages() && base.trunks.iter().all(from_base) {
            return Ok(of_base.masks.clone());
        }
        let freelist = header.map(|header| Freelist::read(self, &header)).transpose()?.unwrap_or_default();
        Ok(Arc::new(Masks::new(&freelist)))
    }
}

impl Base {
    /// The state of the base; computed once.
    fn state(self: &Arc<Self>) -> io::Result<&BaseState> {
        if let Some(state) = self.state.get() {
            return Ok(state);
        }
        let image = Image::of(self.clone());
        let header = Header::read(&image)?;
        let freelist = header.map(|header| Freelist::read(&image, &header)).transpose()?.unwrap_or_default();
        let masks = Arc::new(Masks::new(&freelist));
        let mut digests = HashMap::new();
        let walk = Walk { image: &image, pages: image.pages(), base: self.digests()?, masks: &masks, of_base: None };
        walk.tree(&mut |place, digest| {
            digests.insert(place, digest);
        })?;
        Ok(self.state.get_or_init(|| BaseState { header, freelist, masks, digests }))
    }
}

/// One computation of one digest.
struct Walk<'a> {
    image: &'a Image,
    pages: u64,
    base: &'a [Vec<Sha256>],
    masks: &'a Masks,
    of_base: Option<&'a BaseState>,
}

/// Is told the digest of every subtree, above the pages, in which something is masked.
type Masked<'a> = &'a mut dyn FnMut((u32, u64), Sha256);

impl Walk<'_> {
    fn tree(&self, masked: Masked<'_>) -> io::Result<Sha256> {
        let root = if self.pages == 0 {
            merkle::node(&[])
        } else {
            let (mut slot, mut level) = (&Slot::Node(self.image.root.clone()), self.image.levels);
            let height = merkle::height(self.pages);
            while level > height {
                if let Slot::Node(node) = slot {
                    slot = &node.slots[0];
                }
                level -= 1;
            }
            self.subtree(slot, level, 0, masked)?
        };
        Ok(merkle::tree(self.image.page_bytes(), self.image.bytes(), root))
    }

    /// The digest of the pages from `first` on, as many as a subtree of this level has and the image goes on.
    fn subtree(&self, slot: &Slot, level: u32, first: u64, masked: Masked<'_>) -> io::Result<Sha256> {
        let masks = self.masks.within(first, 1 << (level * FANOUT_BITS));
        if level == 0 {
            return self.page(slot, first, !masks.is_empty());
        }
        let number = first >> (level * FANOUT_BITS);
        let bytes = bytes_within(self.image.bytes(), self.image, level, first);
        if let Some(known) = self.known(slot, level, first, bytes, masks) {
            return Ok(known);
        }
        let mut digests = [merkle::ABSENT; FANOUT];
        let mut filled = 0;
        let of_base = self.places_of_base(level, first);
        for (index, digest) in digests.iter_mut().enumerate() {
            let first = first + ((index as u64) << ((level - 1) * FANOUT_BITS));
            if first >= self.pages {
                break;
            }
            let below = if let Slot::Node(node) = slot { &node.slots[index] } else { slot };
            let is_masked = || !masks.is_empty() && !self.masks.within(first, 1 << ((level - 1) * FANOUT_BITS)).is_empty();
            *digest = match of_base {
                // Most places of most nodes: a step further down would cost more than the hash.
                Some(of_base) if matches!(below, Slot::Base) && !is_masked() => of_base[index],
                _ => self.subtree(below, level - 1, first, masked)?,
            };
            filled = index + 1;
        }
        let digest = merkle::node(&digests[..filled]);
        match slot {
            _ if !masks.is_empty() => masked((level, number), digest),
            // Set already only for another number of bytes: the node is at the end of another image, and this digest stays unknown.
            Slot::Node(node) => drop(node.digest.set((bytes, digest))),
            _ => {}
        }
        Ok(digest)
    }

    /// What the base has at the places of a node, if the base and the image go on to its end.
    fn places_of_base(&self, level: u32, first: u64) -> Option<&[Sha256]> {
        let whole_pages = self.image.bytes().min(self.image.base.bytes()) / self.image.page_bytes() as u64;
        if first + (1 << (level * FANOUT_BITS)) > whole_pages {
            return None;
        }
        let from = usize::try_from(first >> ((level - 1) * FANOUT_BITS)).ok()?;
        self.base.get(level as usize - 1)?.get(from..from + FANOUT)
    }

    /// The digest of a subtree, where it has been computed before.
    fn known(&self, slot: &Slot, level: u32, first: u64, bytes: u64, masks: &[u64]) -> Option<Sha256> {
        let number = first >> (level * FANOUT_BITS);
        match slot {
            Slot::Node(node) if masks.is_empty() => {
                let (of_bytes, digest) = node.digest.get()?;
                (*of_bytes == bytes).then_some(*digest)
            }
            Slot::Base if bytes_within(self.image.base.bytes(), self.image, level, first) == bytes => {
                if masks.is_empty() {
                    return self.base.get(level as usize)?.get(usize::try_from(number).ok()?).copied();
                }
                let of_base = self.of_base?;
                let same =
                    std::ptr::eq(self.masks, &raw const *of_base.masks) || of_base.masks.within(first, 1 << (level * FANOUT_BITS)) == masks;
                same.then(|| of_base.digests.get(&(level, number)).copied())?
            }
            _ => None,
        }
    }

    fn page(&self, slot: &Slot, number: u64, is_masked: bool) -> io::Result<Sha256> {
        let bytes = bytes_within(self.image.bytes(), self.image, 0, number);
        let is_short = bytes < self.image.page_bytes() as u64;
        match slot {
            _ if is_masked && number == 0 => {
                let mut page = self.image.page(0)?;
                for counter in COUNTERS {
                    if let Some(counter) = page.get_mut(counter) {
                        counter.fill(0);
                    }
                }
                Ok(merkle::leaf(&page))
            }
            Slot::Zero if !is_short => Ok(self.image.base.zero_page()),
            _ if is_masked && !is_short => Ok(self.image.base.zero_page()),
            _ if is_masked => Ok(merkle::leaf(&vec![0; self.image.page(number)?.len()])),
            Slot::Page(page) if !is_short => page.digest(),
            Slot::Base if bytes_within(self.image.base.bytes(), self.image, 0, number) == bytes => {
                Ok(self.base[0][usize::try_from(number).map_err(io::Error::other)?])
            }
            _ => Ok(merkle::leaf(&self.image.page(number)?)),
        }
    }
}

/// How many of `bytes` are in a subtree of this level that begins at the page `first`.
fn bytes_within(bytes: u64, image: &Image, level: u32, first: u64) -> u64 {
    let page_bytes = image.page_bytes() as u64;
    bytes.saturating_sub(first * page_bytes).min(page_bytes << (level * FANOUT_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const PAGE_BYTES: usize = 512;

    /// Pages that differ, the first of them with a header, and a freelist of two leaves.
    fn database(pages: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..pages * PAGE_BYTES).map(|at| (at / PAGE_BYTES * 7 + at) as u8).collect();
        bytes[..100].fill(0);
        bytes[..16].copy_from_slice(b"SQLite format 3\0");
        bytes[16..18].copy_from_slice(&(PAGE_BYTES as u16).to_be_bytes());
        let trunk = pages / 2;
        bytes[32..36].copy_from_slice(&(trunk as u32).to_be_bytes());
        let list = [0, 2, trunk as u32 + 1, pages as u32].map(u32::to_be_bytes).concat();
        bytes[(trunk - 1) * PAGE_BYTES..][..list.len()].copy_from_slice(&list);
        bytes
    }

    #[test]
    fn what_a_free_page_holds_is_no_part_of_the_state() {
        let store = Store::new(&std::env::temp_dir(), 1 << 30);
        for pages in [16, 300, 4096, 5000] {
            let mut image = Image::of(Base::from_bytes(database(pages)).expect("bytes"));
            let (state, bytes) = (image.state_digest().expect("a digest"), image.bytes_digest().expect("a digest"));
            // The page after the trunk, as the list says.
            image.write(&store, (pages / 2 * PAGE_BYTES) as u64, &[0x5a; PAGE_BYTES]).expect("room");
            assert_eq!(image.state_digest().expect("a digest"), state, "{pages}");
            assert_ne!(image.bytes_digest().expect("a digest"), bytes, "{pages}");
        }
    }

    #[test]
    fn digests_of_a_changed_image_are_those_of_its_bytes_as_a_base() {
        let store = Store::new(&std::env::temp_dir(), 1 << 30);
        for pages in [4, 16, 17, 255, 256, 300, 4096, 5000] {
            let base = Base::from_bytes(database(pages)).expect("bytes");
            let mut image = Image::of(base);
            for step in 0..6_usize {
                let (at, bytes) = match step {
                    0..4 => (step * 7919 % pages, vec![step as u8 ^ 0xa5; PAGE_BYTES]),
                    // Beyond the end, and over the trunk of the freelist.
                    4 => (pages + 3, vec![1; 3 * PAGE_BYTES]),
                    _ => (pages / 2 - 1, vec![0; 8]),
                };
                let offset = (at * PAGE_BYTES).max(100) as u64;
                image.write(&store, offset, &bytes).expect("room");
                let mut content = Vec::new();
                image.write_to(&mut content).expect("room");
                let alike = Image::of(Base::from_bytes(content).expect("bytes"));
                assert_eq!(image.bytes_digest().expect("a digest"), alike.bytes_digest().expect("a digest"), "{pages} {step}");
                assert_eq!(image.state_digest().expect("a digest"), alike.state_digest().expect("a digest"), "{pages} {step}");
            }
            image.resize(&store, (pages * PAGE_BYTES / 2) as u64).expect("room");
            let mut content = Vec::new();
            image.write_to(&mut content).expect("room");
            let alike = Image::of(Base::from_bytes(content).expect("bytes"));
            assert_eq!(image.bytes_digest().expect("a digest"), alike.bytes_digest().expect("a digest"), "{pages}, cut");
            assert_eq!(image.state_digest().expect("a digest"), alike.state_digest().expect("a digest"), "{pages}, cut");
        }
    }
}
