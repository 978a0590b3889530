//! One page of a b-tree (SQLite file format, section 1.6): what it points to. Nothing in a page is believed that its bytes do not bear out.

use crate::freelist::be_u32;

/// How much of page 1 is the header of the database.
const FILE_HEADER_BYTES: usize = 100;

/// What SQLite wants of a page at least (section 1.3.4).
pub(super) const USABLE_BYTES_MIN: usize = 480;

/// A page that says that it belongs to a b-tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct BtreePage<'a> {
    bytes: &'a [u8],
    usable_bytes: usize,
    /// Where the header of the page is.
    at: usize,
    kind: Kind,
}

/// The four kinds of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    IndexInterior,
    TableInterior,
    IndexLeaf,
    TableLeaf,
}

/// A page says of itself what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The pages that continue the content of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// The first one, counted from 1.
    pub(super) first: u32,
    /// How many there are.
    pub(super) pages: u64,
}

impl<'a> BtreePage<'a> {
    /// Absent if the page is none of a b-tree. `number` is counted from 0.
    pub(super) fn read(bytes: &'a [u8], number: u64, usable_bytes: usize) -> Option<Self> {
        let at = if number == 0 { FILE_HEADER_BYTES } else { 0 };
        let kind = match bytes.get(at)? {
            2 => Kind::IndexInterior,
            5 => Kind::TableInterior,
            10 => Kind::IndexLeaf,
            13 => Kind::TableLeaf,
            _ => return None,
        };
        let page = Self { bytes, usable_bytes, at, kind };
        let pointers_end = page.pointers_at() + 2 * page.cells();
        (usable_bytes >= USABLE_BYTES_MIN && usable_bytes <= bytes.len() && pointers_end <= usable_bytes).then_some(page)
    }

    pub(super) fn is_leaf(&self) -> bool {
        matches!(self.kind, Kind::IndexLeaf | Kind::TableLeaf)
    }

    /// Whether cells have content: those between the leaves of a table have none.
    pub(super) fn has_content(&self) -> bool {
        self.kind != Kind::TableInterior
    }

    fn cells(&self) -> usize {
        usize::from(u16::from_be_bytes([self.bytes[self.at + 3], self.bytes[self.at + 4]]))
    }

    fn pointers_at(&self) -> usize {
        self.at + if self.is_leaf() { 8 } else { 12 }
    }

    /// Where a cell begins.
    fn cell_at(&self, index: usize) -> Result<usize, Malformed> {
        let pointer = self.pointers_at() + 2 * index;
        let at = usize::from(u16::from_be_bytes([self.bytes[pointer], self.bytes[pointer + 1]]));
        if at >= self.pointers_at() + 2 * self.cells() && at + 4 <= self.usable_bytes { Ok(at) } else { Err(Malformed) }
    }

    /// The pages below, counted from 1, from left to right.
    pub(super) fn children(&self) -> impl Iterator<Item = Result<u32, Malformed>> {
        let cells = if self.is_leaf() { 0 } else { self.cells() };
        let rightmost = (!self.is_leaf()).then(|| Ok(be_u32(self.bytes, self.at + 8)));
        (0..cells).map(|index| self.cell_at(index).map(|at| be_u32(self.bytes, at))).chain(rightmost)
    }

    /// What continues the cells that do not fit.
    pub(super) fn chains(&self) -> impl Iterator<Item = Result<Chain, Malformed>> {
        let cells = if self.has_content() { self.cells() } else { 0 };
        (0..cells).filter_map(|index| self.chain(index).transpose())
    }

    fn chain(&self, index: usize) -> Result<Option<Chain>, Malformed> {
        let mut at = self.cell_at(index)?;
        let mut varint_here = |skipped: usize| {
            let (number, length) = self.bytes.get(at + skipped..self.usable_bytes).and_then(varint).ok_or(Malformed)?;
            at += skipped + length;
            Ok(number)
        };
        let payload = varint_here(if self.kind == Kind::IndexInterior { 4 } else { 0 })?;
        if self.kind == Kind::TableLeaf {
            varint_here(0)?;
        }
        let local = self.local_bytes(payload);
        if local == payload {
            return Ok(None);
        }
        // What is local is less than a page.
        let pointer = at + local as usize;
        if pointer + 4 > self.usable_bytes {
            return Err(Malformed);
        }
        let pages = (payload - local).div_ceil(self.usable_bytes as u64 - 4);
        Ok(Some(Chain { first: be_u32(self.bytes, pointer), pages }))
    }

    /// How much of a payload is in the page itself (section 1.6).
    fn local_bytes(&self, payload: u64) -> u64 {
        let usable = self.usable_bytes as u64;
        let most = if self.kind == Kind::TableLeaf { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
        let least = (usable - 12) * 32 / 255 - 23;
        if payload <= most {
            return payload;
        }
        let fitting = least + (payload - least) % (usable - 4);
        if fitting <= most { fitting } else { least }
    }
}

/// A varint (section 1.6), and how long it is.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        if index == 8 {
            return Some((number << 8 | u64::from(*byte), 9));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, index + 1));
        }
    }
    None
}
