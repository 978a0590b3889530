//! Connections that are used again.
//!
//! Opening a connection means reading the schema, which takes longer than most cases do. Cases of one probe start from one image
//! under one set of limits: a connection that a case has left as it found it serves the next one, once its clone is restored.
//!
//! Two things would show through if nobody took care. A page cache is kept as long as the database says that it is the same version,
//! and two images can say so and not be; the clone sees to that when it is restored. And a connection remembers what was set or
//! made on it for as long as it lives; a session that has left traces is not used again ([`Session::retire`]).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rehearsal_clone::CloneFile;

use super::{Access, Clones, ImageId, NoImage, Session, SessionSettings, SqlRefusal, session::IdleConnection};
use crate::plan::{ClonePlan, Limits};

/// Connections that wait for their next session, and what they may be used for.
#[derive(Debug, Default)]
pub struct SessionPool {
    idle: Mutex<Vec<(Purpose, IdleConnection)>>,
}

/// A connection serves one purpose: the schema that it has read is that of one image, and its limits are those of one module.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Purpose {
    image: ImageId,
    access: Access,
    plan: ClonePlan,
    limits: Limits,
}

/// How many connections wait at the most; those that wait the longest are closed.
const IDLE_MAX: usize = 64;

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum NoSession {
    /// There is no such image.
    #[error(transparent)]
    Image(#[from] NoImage),
    /// The clone cannot be opened.
    #[error("cannot open a clone: {0}")]
    Open(SqlRefusal),
}

impl SessionPool {
    /// A session on a clone of an image: on a connection that has served the same purpose before, or on a fresh one.
    ///
    /// # Errors
    /// [`NoSession`].
    pub fn session(&self, clones: &Clones, image: ImageId, settings: &SessionSettings<'_>) -> Result<Session, NoSession> {
        let content = clones.image(image)?;
        let purpose = Purpose::of(image, settings);
        let idle = {
            let mut idle = self.lock();
            idle.iter().rposition(|(of, _)| *of == purpose).map(|at| idle.swap_remove(at).1)
        };
        if let Some(idle) = idle
            && idle.clone_file().restore(&content).is_ok()
        {
            return Ok(Session::again(idle, settings));
        }
        let clone: Arc<CloneFile> = clones.clone_of(content, settings.clone, settings.limits);
        Session::open(&clone, settings).map_err(NoSession::Open)
    }

    /// Keeps a connection for the next session of the same purpose.
    pub fn keep(&self, image: ImageId, settings: &SessionSettings<'_>, connection: IdleConnection) {
        let mut idle = self.lock();
        if idle.len() >= IDLE_MAX {
            idle.remove(0);
        }
        idle.push((Purpose::of(image, settings), connection));
    }

    /// How many connections wait.
    pub fn idle(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Purpose, IdleConnection)>> {
        // A list of connections is whole whatever thread panicked while it held the lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Purpose {
    fn of(image: ImageId, settings: &SessionSettings<'_>) -> Self {
        Self { image, access: settings.access, plan: settings.clone.clone(), limits: settings.limits.clone() }
    }
}
