//! Where clones live: a fresh directory, mode 0700, deleted on every way out of the process that lets code run.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Mutex, Once,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use signal_hook::{consts, iterator::Signals, low_level};

/// The directories that a signal must delete.
static LIVE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A scratch directory. Dropping it deletes it and everything in it; so do SIGINT, SIGTERM, SIGHUP and SIGQUIT.
#[derive(Debug)]
pub struct Scratch {
    directory: tempfile::TempDir,
    next: AtomicU64,
}

/// Why there is no scratch space, or no room in it.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// The directory cannot be made.
    #[error("cannot make a scratch directory in {}: {}; set TMPDIR to a directory with room for copies of the source", .parent.display(), .error.kind())]
    Create {
        /// Where it was tried.
        parent: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A clone cannot be copied.
    #[error("cannot copy a clone of {bytes} bytes in {}: {error}; set TMPDIR to a directory with room for several copies of the source", .directory.display())]
    Copy {
        /// The scratch directory.
        directory: PathBuf,
        /// How large the clone is.
        bytes: u64,
        /// The system's reason.
        error: io::Error,
    },
}

/// One clone: a database file inside a [`Scratch`], deleted when dropped.
#[derive(Debug)]
pub struct Image {
    id: ImageId,
    path: PathBuf,
}

/// Names a clone within its [`Scratch`]: what a task carries instead of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageId(u64);

impl Scratch {
    /// Makes one in the system's directory for temporary files (`TMPDIR`).
    ///
    /// # Errors
    /// [`ScratchError::Create`].
    pub fn new() -> Result<Self, ScratchError> {
        delete_on_signals();
        let parent = std::env::temp_dir();
        // `tempfile` makes directories with mode 0700.
        let directory =
            tempfile::Builder::new().prefix("rehearsal-").tempdir_in(&parent).map_err(|error| ScratchError::Create { parent, error })?;
        lock_live().insert(directory.path().to_owned());
        Ok(Self { directory, next: AtomicU64::new(0) })
    }

    /// A name for a new clone; there is no file yet.
    pub fn new_image(&self) -> Image {
        let id = ImageId(self.next.fetch_add(1, Ordering::Relaxed));
        Image { id, path: self.path_of(id) }
    }

    /// A new clone with the same bytes as another.
    ///
    /// # Errors
    /// [`ScratchError::Copy`].
    pub fn copy_of(&self, image: ImageId) -> Result<Image, ScratchError> {
        let copy = self.new_image();
        self.restore(copy.id, image)?;
        Ok(copy)
    }

    /// Gives a clone the bytes of another.
    ///
    /// # Errors
    /// [`ScratchError::Copy`].
    pub fn restore(&self, image: ImageId, from: ImageId) -> Result<(), ScratchError> {
        let from = self.path_of(from);
        // The library's copy lets the file system share blocks where it can.
        match fs::copy(&from, self.path_of(image)) {
            Ok(_) => Ok(()),
            Err(error) => Err(ScratchError::Copy {
                directory: self.directory.path().to_owned(),
                bytes: fs::metadata(&from).map_or(0, |metadata| metadata.len()),
                error,
            }),
        }
    }

    /// Where a clone is, or will be.
    pub fn path_of(&self, image: ImageId) -> PathBuf {
        self.directory.path().join(format!("{}.db", image.0))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // `TempDir` deletes the directory after this; a signal in between deletes it twice, which is once.
        lock_live().remove(self.directory.path());
    }
}

impl Image {
    /// Its name within the scratch directory.
    pub fn id(&self) -> ImageId {
        self.id
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // What cannot be deleted now goes with the whole directory.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(self.path.with_extension("db-journal"));
    }
}

fn lock_live() -> std::sync::MutexGuard<'static, BTreeSet<PathBuf>> {
    // A set of paths is whole whatever thread panicked while it held the lock.
    LIVE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Starts, once, the thread that deletes what is live when a signal asks the process to end.
fn delete_on_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Ok(mut signals) = Signals::new([consts::SIGINT, consts::SIGTERM, consts::SIGHUP, consts::SIGQUIT]) else {
            return;
        };
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                // The lock is kept: nothing new appears while the process ends.
                let live = lock_live();
                for directory in live.iter() {
                    // A running leg may add a file while the tree is being deleted: try until it is gone or clearly cannot be.
                    for _ in 0..16 {
                        if fs::remove_dir_all(directory).is_ok() || !directory.exists() {
                            break;
                        }
                    }
                }
                let _ = low_level::emulate_default_handler(signal);
            }
        });
    });
}
