//! The page tree hash: SHA-256 over a tree of pages, so that a change of one page is a change of one path.
//!
//! The construction is that of Certificate Transparency (RFC 6962, section 2.1) with nodes of sixteen:
//!
//! ```text
//! leaf(page)         = SHA-256(0x00 ‖ page)
//! node(d1 … dn)      = SHA-256(0x01 ‖ d1 ‖ … ‖ dn)        1 ≤ n ≤ 16
//! tree(page_bytes, bytes, pages)
//!                    = SHA-256(0x02 ‖ page_bytes as u32 ‖ bytes as u64 ‖ root)      both numbers big-endian
//! ```
//!
//! The digests of the pages, in their order, are level 0. Each level above holds one `node` for each sixteen digests of the
//! level below, the last of them perhaps for fewer. The only digest of the first level that has only one is the root; of no pages
//! at all it is `SHA-256(0x01)`. The last page is shorter than the others if the bytes are no whole number of pages.

use rehearsal_packet::{Hasher, Sha256};

/// How many digests a node has.
///
/// More would make the tree flatter and each changed page dearer: the path of one page costs 9 blocks of SHA-256 for every four
/// levels of a binary tree here, and 33 for every six with nodes of 64.
pub(crate) const FANOUT: usize = 16;

/// The binary logarithm of [`FANOUT`].
pub(crate) const FANOUT_BITS: u32 = FANOUT.ilog2();

/// The size of a digest.
const DIGEST_BYTES: usize = 32;

/// Stands where no digest has been computed yet.
pub(crate) const ABSENT: Sha256 = Sha256::from_bytes([0; 32]);

/// The digest of a page.
pub(crate) fn leaf(page: &[u8]) -> Sha256 {
    let mut hasher = Hasher::default();
    hasher.update(&[0]);
    hasher.update(page);
    hasher.finish()
}

/// The digest of a node: of [`FANOUT`] digests at the most.
pub(crate) fn node(digests: &[Sha256]) -> Sha256 {
    // In one piece: SHA-256 takes whole blocks from where they are, and puts together what comes in parts.
    let mut bytes = [0; 1 + FANOUT * DIGEST_BYTES];
    bytes[0] = 1;
    for (place, digest) in bytes[1..].chunks_exact_mut(DIGEST_BYTES).zip(digests) {
        place.copy_from_slice(digest.as_bytes());
    }
    let mut hasher = Hasher::default();
    hasher.update(&bytes[..1 + digests.len() * DIGEST_BYTES]);
    hasher.finish()
}

/// The digest of a whole tree.
pub(crate) fn tree(page_bytes: usize, bytes: u64, root: Sha256) -> Sha256 {
    let mut hasher = Hasher::default();
    hasher.update(&[2]);
    hasher.update(&u32::try_from(page_bytes).unwrap_or(u32::MAX).to_be_bytes());
    hasher.update(&bytes.to_be_bytes());
    hasher.update(root.as_bytes());
    hasher.finish()
}

/// How many levels there are above the pages.
pub(crate) fn height(pages: u64) -> u32 {
    pages.max(1).next_power_of_two().ilog2().div_ceil(FANOUT_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_as_high_as_its_pages_need() {
        for (pages, levels) in [(0, 0), (1, 0), (2, 1), (16, 1), (17, 2), (256, 2), (257, 3), (1 << 32, 8)] {
            assert_eq!(height(pages), levels, "{pages}");
        }
    }
}
