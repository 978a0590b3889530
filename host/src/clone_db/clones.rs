//! The images of one run, by number, and the clones that are made of them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rehearsal_clone::{CloneFile, CloneSettings, Image, Store};
use serde::{Deserialize, Serialize};

use crate::plan::{ClonePlan, Limits};

/// Every image that legs and cases start from, and the store that all their clones share.
#[derive(Debug)]
pub struct Clones {
    directory: PathBuf,
    store: Arc<Store>,
    images: Mutex<BTreeMap<ImageId, Image>>,
    next: AtomicU64,
}

/// Names an image within its [`Clones`]: what a task carries, so that it can cross a process boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImageId(u64);

/// A task names an image that is not there (any more): a defect of the runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no image {}", .0.0)]
pub struct NoImage(pub ImageId);

impl Clones {
    /// None yet. What clones change is kept in `memory_bytes_max` bytes of memory, and what does not fit in a file without a name
    /// in the system's directory for temporary files (`TMPDIR`).
    pub fn new(memory_bytes_max: u64) -> Self {
        let directory = std::env::temp_dir();
        let store = Store::new(&directory, memory_bytes_max);
        Self { directory, store, images: Mutex::default(), next: AtomicU64::new(0) }
    }

    /// Where what does not fit into memory goes.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The store that all clones share.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// A name for an image that will come.
    pub fn reserve(&self) -> ImageId {
        ImageId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Puts an image where its name was reserved.
    pub fn put(&self, id: ImageId, image: Image) {
        self.lock().insert(id, image);
    }

    /// Adds an image.
    pub fn add(&self, image: Image) -> ImageId {
        let id = self.reserve();
        self.put(id, image);
        id
    }

    /// Lets go of an image that no task will name again: what only it has changed goes with it.
    pub fn forget(&self, id: ImageId) {
        self.lock().remove(&id);
    }

    /// An image.
    ///
    /// # Errors
    /// [`NoImage`].
    pub fn image(&self, id: ImageId) -> Result<Image, NoImage> {
        self.lock().get(&id).cloned().ok_or(NoImage(id))
    }

    /// A clone with the content of an image, behaving as the plan says and growing as far as the limits let it.
    pub fn clone_of(&self, image: Image, clone: &ClonePlan, limits: &Limits) -> Arc<CloneFile> {
        let settings = CloneSettings { now_unix_ms: clone.now_unix_ms, growth_bytes_max: limits.growth_bytes };
        CloneFile::new(image, &self.store, settings)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ImageId, Image>> {
        // A map of images is whole whatever thread panicked while it held the lock.
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
