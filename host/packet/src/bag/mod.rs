//! The container of a packet: a BagIt 1.0 directory (RFC 8493), in one strict form.
//!
//! In: files in memory ([`Bag`]), or a directory of unknown origin ([`check()`]). Out: a directory written whole or not at
//! all ([`Bag::write_new`]), or a [`CheckedBag`], which only [`check()`] makes. What can go wrong: [`NotABag`],
//! [`WriteError`], [`CheckError`].
//!
//! ```text
//! ID/bagit.txt                the BagIt declaration                        } generated
//! ID/bag-info.txt             how many bytes and files the payload has     } from the
//! ID/manifest-sha256.txt      data/** ; its own SHA-256 is the tree hash   } rest, byte
//! ID/tagmanifest-sha256.txt   all other files but itself                   } for byte
//! ID/data/...                 the payload: the same whenever the rehearsal is repeated
//! ID/run/run.json             a tag file: what may differ between repetitions
//! ID/RERUN.sh, ID/commands.sh tag files, and the only executables
//! ```
//!
//! The rule that everything here serves: **for given contents there is exactly one packet**. A manifest is one line a
//! file (64 lowercase hexadecimal digits, two spaces, the path, a line feed), sorted by the bytes of the path, so that it
//! is at once what `sha256sum -c` reads and what in-toto and Go hash. A file is regular, has one link and mode 0644 (0755
//! for the two scripts, by their names); a directory has mode 0755 and is not empty. Hence [`check()`] needs no list of
//! attacks: it reads the directory, refusing whatever is not such a file, generates the four files again from the others,
//! and compares bytes. Most of the long list of [`DriftClass`]es only explains a refusal that has been decided already.
//!
//! What this layer does not know: whether the packet is the one that was sealed (a packet that was rewritten
//! consistently is a packet, with another tree hash), which tag files a packet should have, and what its files mean.
//! It does not look at owners, access control lists, extended attributes, times, or the root directory's own name and
//! mode, which belong to the place where a packet lies.

mod check;
mod content;
mod diagnose;
mod drift;
mod layout;
mod manifest;
mod path;
mod walk;
mod write;

pub use check::{CheckedBag, check};
pub use content::{Bag, NotABag};
pub use drift::{CheckError, Drift, DriftClass};
pub use layout::{ENTRIES_MAX, FILE_BYTES_MAX, PACKET_BYTES_MAX};
pub use path::{BadPath, PacketPath, PathFault};
pub use write::WriteError;
