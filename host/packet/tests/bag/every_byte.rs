//! No byte of a packet can change unseen, and no damage to a manifest makes the check stumble.

use std::fs;

use rehearsal_packet::bag::{Drift, DriftClass};

use crate::sample::{MANIFEST, Packet, TAG_MANIFEST, bag};

fn names_the_file(drifts: &[Drift], file: &str) -> bool {
    match file {
        // Nothing covers the tag manifest but the seal: here it contradicts the files that it lists.
        TAG_MANIFEST => drifts.iter().any(|drift| drift.file == file || drift.detail.contains(file)),
        _ => drifts.iter().any(|drift| drift.file == file && drift.class == DriftClass::ContentDiffers),
    }
}

#[test]
fn every_changed_byte_is_refused_by_the_name_of_its_file() {
    let packet = Packet::fresh();
    for (file, bytes) in bag().files() {
        let file = file.as_str();
        for index in 0..bytes.len() {
            // The lowest bit, the bit that changes the case of a letter, and the one that leaves ASCII.
            for bit in [0, 5, 7] {
                let mut flipped = bytes.to_vec();
                flipped[index] ^= 1 << bit;
                packet.write(file, &flipped);
                let drifts = packet.drifts();
                assert!(names_the_file(&drifts, file), "bit {bit} of byte {index} of {file}: {drifts:?}");
                assert!(drifts.iter().all(|drift| drift.class != DriftClass::Unexplained), "{drifts:?}");
            }
        }
        packet.write(file, bytes);
    }
    rehearsal_packet::bag::check(&packet.directory).expect("it is whole again");
}

#[test]
fn every_truncation_is_refused_by_the_name_of_its_file() {
    let packet = Packet::fresh();
    for (file, bytes) in bag().files() {
        for length in 0..bytes.len() {
            packet.write(file.as_str(), &bytes[..length]);
            let drifts = packet.drifts();
            assert!(names_the_file(&drifts, file.as_str()), "{file} cut to {length} bytes: {drifts:?}");
        }
        packet.write(file.as_str(), bytes);
    }
}

#[test]
fn random_damage_to_the_manifests_is_refused() {
    let packet = Packet::fresh();
    let mut random = Lcg(7);
    for file in [MANIFEST, TAG_MANIFEST] {
        let intact = packet.read(file);
        for _ in 0..700 {
            let mut damaged = intact.clone();
            for _ in 0..=random.below(4) {
                damage(&mut damaged, &mut random);
            }
            fs::write(packet.at(file), &damaged).expect("a file is written");
            if damaged != intact {
                let drifts = packet.drifts();
                assert!(drifts.iter().all(|drift| drift.class != DriftClass::Unexplained), "{drifts:?}");
            }
        }
        packet.write(file, &intact);
    }
}

/// Replaces, inserts, removes or repeats a piece.
fn damage(bytes: &mut Vec<u8>, random: &mut Lcg) {
    const PIECES: [&[u8]; 8] = [b"\n", b"\r", b"  ", b"/", b"..", b"\xff", b"\0", b"data/"];
    let at = random.below(bytes.len() + 1);
    let end = (at + random.below(80)).min(bytes.len());
    let piece = match random.below(3) {
        0 => Vec::new(),
        1 => PIECES[random.below(PIECES.len())].to_vec(),
        _ => bytes[at..end].repeat(2),
    };
    bytes.splice(at..end, piece);
}

/// Knuth's linear congruential generator: every run of a test damages the same bytes.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }
}
