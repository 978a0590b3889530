//! The page tree hash and the state digest a second time, over plain bytes: written from their definitions in `merkle.rs` and
//! `digest.rs`, with nothing of the crate in it.

use rehearsal_packet::Sha256;

/// The page tree hash of some bytes.
pub(crate) fn bytes_digest(page_bytes: usize, bytes: &[u8]) -> Sha256 {
    let mut level: Vec<Sha256> = bytes.chunks(page_bytes).map(|page| tagged(0, &[page])).collect();
    while level.len() > 1 {
        level = level.chunks(16).map(node).collect();
    }
    let root = level.first().copied().unwrap_or_else(|| node(&[]));
    let page_bytes = u32::try_from(page_bytes).expect("a page is small").to_be_bytes();
    tagged(2, &[&page_bytes, &(bytes.len() as u64).to_be_bytes(), root.as_bytes()])
}

/// The page tree hash of some bytes without what SQLite changes by itself.
pub(crate) fn state_digest(page_bytes: usize, bytes: &[u8]) -> Sha256 {
    let bytes = counted(bytes);
    let mut masked = bytes.to_vec();
    for leaf in freelist_leaves(page_bytes, bytes) {
        let start = (leaf - 1) * page_bytes;
        let end = (start + page_bytes).min(bytes.len());
        masked[start..end].fill(0);
    }
    for counter in [24..28, 92..100] {
        if let Some(counter) = masked.get_mut(counter) {
            counter.fill(0);
        }
    }
    bytes_digest(page_bytes, &masked)
}

/// What the header counts, if SQLite believes it.
fn counted(bytes: &[u8]) -> &[u8] {
    let is_believed = bytes.len() >= 100 && bytes.starts_with(b"SQLite format 3\0") && bytes[24..28] == bytes[92..96];
    let page_bytes = match is_believed.then(|| u16::from_be_bytes([bytes[16], bytes[17]])) {
        Some(1) => 65_536,
        Some(size) if size >= 512 && size.is_power_of_two() => usize::from(size),
        _ => return bytes,
    };
    match number_at(bytes, 28) {
        0 => bytes,
        pages => &bytes[..bytes.len().min(pages * page_bytes)],
    }
}

/// The leaves of the freelist, counted from 1 (SQLite file format, section 1.5).
pub(crate) fn freelist_leaves(page_bytes: usize, bytes: &[u8]) -> Vec<usize> {
    let is_database = bytes.len() >= 100 && &bytes[..16] == b"SQLite format 3\0";
    let size = if is_database { u16::from_be_bytes([bytes[16], bytes[17]]) } else { 0 };
    if size != u16::try_from(page_bytes).unwrap_or(1) {
        return Vec::new();
    }
    let pages = bytes.len().div_ceil(page_bytes);
    let words = ((page_bytes - usize::from(bytes[20])) / 4).saturating_sub(2);
    let (mut trunks, mut listed) = (Vec::new(), Vec::new());
    let mut trunk = number_at(bytes, 32);
    while (1..=pages).contains(&trunk) && !trunks.contains(&trunk) {
        trunks.push(trunk);
        let Some(page) = bytes.get((trunk - 1) * page_bytes..trunk * page_bytes) else { break };
        // A list cannot have more entries than there are pages.
        let count = number_at(page, 4).min(words).min(pages.saturating_sub(listed.len() + trunks.len()));
        listed.extend((0..count).map(|word| number_at(page, 8 + 4 * word)));
        trunk = number_at(page, 0);
    }
    listed.retain(|leaf| (2..=pages).contains(leaf) && !trunks.contains(leaf));
    listed
}

fn node(digests: &[Sha256]) -> Sha256 {
    let digests: Vec<&[u8]> = digests.iter().map(|digest| digest.as_bytes().as_slice()).collect();
    tagged(1, &digests)
}

fn tagged(tag: u8, parts: &[&[u8]]) -> Sha256 {
    let mut bytes = vec![tag];
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    Sha256::of(&bytes)
}

fn number_at(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
}

#[test]
fn digests_of_a_few_bytes_are_those_that_another_program_computed() {
    let levels: Vec<u8> = (0..16 * 512 + 3).map(|at| (at / 512) as u8).collect();
    for (page_bytes, bytes, digest) in [
        (4096, Vec::new(), "7fe71ec303555ab6d7a866e123f5cf36d2df582fdbbacaf0e9370df248447520"),
        (512, vec![7; 512], "95763cf366a4a3ed0145bcf598c659f743d96f1b75e7386da1ddd264cee43aa0"),
        (512, levels, "5e772b68aae98d11f0e9e18e6f6ec510e3e1e15ae8c20d25742d0a3a9e89e9c9"),
    ] {
        assert_eq!(bytes_digest(page_bytes, &bytes).to_hex(), digest, "{} bytes", bytes.len());
    }
}
