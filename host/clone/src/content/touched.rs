//! The tables of two images that need to be read to know whether they differ.

use std::io;

use super::{error::ContentError, owners::Owners, schema::Schema};
use crate::{freelist::Header, image::Image};

/// The tables of two images whose rows may differ: one of the images has no such table, or another entry for it in the schema, or
/// its b-tree owns a page that differs. All others have the same rows.
#[derive(Debug)]
pub(crate) struct TouchedTables<'a> {
    schemas: [&'a Schema; 2],
    owners: [Owners; 2],
}

impl<'a> TouchedTables<'a> {
    /// Compares the pages of both.
    ///
    /// # Errors
    /// Those of reading the images.
    pub(crate) fn find(images: [&Image; 2], schemas: [&'a Schema; 2]) -> Result<Self, ContentError> {
        let [before, after] = images;
        let changed = after.changed_pages(before)?;
        // Bytes that are the same mean the same only if both images divide them alike.
        let division = |image| io::Result::Ok(Header::read(image)?.map(|header| (header.page_bytes, header.usable_bytes)));
        if division(before)? != division(after)? {
            return Ok(Self { schemas, owners: [Owners::Any, Owners::Any] });
        }
        let owners = [Owners::find(before, &changed, &schemas[0].roots())?, Owners::find(after, &changed, &schemas[1].roots())?];
        Ok(Self { schemas, owners })
    }

    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        let [old, new] = self.schemas;
        let (Some(before), Some(after)) = (old.table(name), new.table(name)) else { return true };
        // The place in the schema includes the root.
        before != after || old.encoding != new.encoding || self.owners[0].may_include(before.root) || self.owners[1].may_include(after.root)
    }
}
