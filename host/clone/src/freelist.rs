//! The freelist of a database (SQLite file format, section 1.5), read from the pages of an image.

use std::{collections::BTreeSet, io};

use crate::image::Image;

/// How many bytes the header has.
const HEADER_BYTES: usize = 100;

/// What the header says of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The size of a page.
    pub(crate) page_bytes: usize,
    /// How much of a page SQLite uses: the rest is reserved for extensions.
    pub(crate) usable_bytes: usize,
    /// The first trunk page of the freelist, counted from 1; 0 for none.
    first_trunk: u32,
    /// Whether pages are moved on COMMIT so that the file can be cut: auto-vacuum, and not the incremental one (section 1.3.12).
    pub(crate) is_auto_vacuum: bool,
}

impl Header {
    /// Absent when the bytes are not the beginning of a database.
    ///
    /// # Errors
    /// Those of reading the image.
    pub(crate) fn read(image: &Image) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER_BYTES];
        if image.read(0, &mut header)? < HEADER_BYTES || !header.starts_with(b"SQLite format 3\0") {
            return Ok(None);
        }
        let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            size if size.is_power_of_two() && size >= 512 => usize::from(size),
            _ => return Ok(None),
        };
        Ok(Some(Self {
            page_bytes,
            usable_bytes: page_bytes - usize::from(header[20]),
            first_trunk: be_u32(&header, 32),
            is_auto_vacuum: be_u32(&header, 52) != 0 && be_u32(&header, 64) == 0,
        }))
    }
}

/// How many bytes the pages have that the header counts, where SQLite believes it: the number was written by the same COMMIT as
/// the change counter (SQLite file format, section 1.3.7).
///
/// # Errors
/// Those of reading the image.
pub(crate) fn counted_bytes(image: &Image) -> io::Result<Option<u64>> {
    let mut bytes = [0; HEADER_BYTES];
    let Some(header) = Header::read(image)? else { return Ok(None) };
    image.read(0, &mut bytes)?;
    let pages = u64::from(be_u32(&bytes, 28));
    Ok((pages > 0 && bytes[24..28] == bytes[92..96]).then_some(pages * header.page_bytes as u64))
}

/// The freelist: its trunk pages, which list its leaves, and its leaves, which hold nothing. Pages are counted from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Freelist {
    /// In the order of the list.
    pub(crate) trunks: Vec<u64>,
    /// Sorted.
    pub(crate) leaves: Vec<u64>,
    /// Whether everything in the list was believed. If not, the same bytes may say something else in a longer image.
    pub(crate) is_sound: bool,
}

impl Freelist {
    /// Reads the list as far as it is one. It stops quietly at what is not: then more counts as content, not less. No more entries are
    /// read than there are pages, so that a list which repeats itself takes no longer than one that does not.
    ///
    /// # Errors
    /// Those of reading the image.
    pub(crate) fn read(image: &Image, header: &Header) -> io::Result<Self> {
        // The tree's pages are those of the base. Should VACUUM have changed the size, nothing is taken for free.
        if header.page_bytes != image.page_bytes() {
            return Ok(Self { is_sound: true, ..Self::default() });
        }
        let pages = image.pages();
        let (mut trunks, mut seen, mut leaves) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let (mut trunk, mut left, mut is_sound) = (u64::from(header.first_trunk), pages, true);
        // Every trunk is visited once: a cycle ends the walk.
        while trunk != 0 && trunk <= pages && seen.insert(trunk - 1) {
            trunks.push(trunk - 1);
            left = left.saturating_sub(1);
            let page = image.page(trunk - 1)?;
            if page.len() < header.page_bytes {
                is_sound = false;
                break;
            }
            let words = (header.usable_bytes / 4).saturating_sub(2) as u64;
            let listed = u64::from(be_u32(&page, 4));
            let count = listed.min(words).min(left);
            left -= count;
            is_sound &= count == listed;
            for word in 0..count as usize {
                let leaf = u64::from(be_u32(&page, 8 + 4 * word));
                // Page 1 is never free; a list that says so is not believed.
                if leaf > 1 && leaf <= pages {
                    leaves.insert(leaf - 1);
                } else {
                    is_sound = false;
                }
            }
            trunk = u64::from(be_u32(&page, 0));
        }
        is_sound &= trunk == 0;
        // A page that is both is a trunk: its bytes decide which leaves there are.
        Ok(Self { trunks, leaves: leaves.difference(&seen).copied().collect(), is_sound })
    }
}

/// The big-endian number at `at`; the caller knows that it is there.
pub(crate) fn be_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
