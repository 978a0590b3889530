//! The locks that connections on one clone hold against each other: those of a database file (SQLite, "File Locking And
//! Concurrency In SQLite Version 3"), kept as plain numbers.

use rusqlite::ffi;

/// How much of a lock a connection holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lock {
    #[default]
    None,
    Shared,
    Reserved,
    Pending,
    Exclusive,
}

impl Lock {
    /// The lock by SQLite's number for it.
    pub(crate) fn from_code(code: i32) -> Self {
        match code {
            ffi::SQLITE_LOCK_NONE => Self::None,
            ffi::SQLITE_LOCK_SHARED => Self::Shared,
            ffi::SQLITE_LOCK_RESERVED => Self::Reserved,
            ffi::SQLITE_LOCK_PENDING => Self::Pending,
            _ => Self::Exclusive,
        }
    }
}

/// Every lock on one clone.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    /// How many hold a shared lock or more.
    readers: u32,
    /// Who holds more than a shared lock: one at the most.
    writer: Option<u64>,
    /// Whether that one keeps new readers out.
    is_pending: bool,
}

impl Locks {
    /// Whether nobody holds any.
    pub(crate) fn are_free(&self) -> bool {
        self.readers == 0
    }

    /// Whether somebody means to write, or does.
    pub(crate) fn is_reserved(&self) -> bool {
        self.writer.is_some()
    }

    /// Raises the lock of `who` from `held` to `wanted`. What it now holds, and whether that is what was wanted.
    pub(crate) fn raise(&mut self, who: u64, held: Lock, wanted: Lock) -> (Lock, bool) {
        if held >= wanted {
            return (held, true);
        }
        let other_writer = self.writer.is_some_and(|writer| writer != who);
        match wanted {
            Lock::None => (held, true),
            Lock::Shared if self.is_pending => (held, false),
            Lock::Shared => {
                self.readers += 1;
                (Lock::Shared, true)
            }
            _ if other_writer => (held, false),
            Lock::Reserved => {
                self.writer = Some(who);
                (Lock::Reserved, true)
            }
            Lock::Pending | Lock::Exclusive => {
                self.writer = Some(who);
                self.is_pending = true;
                // The writer is one of the readers.
                if wanted == Lock::Exclusive && self.readers > 1 { (Lock::Pending, false) } else { (wanted, true) }
            }
        }
    }

    /// Lowers the lock of `who` from `held` to `wanted`, which is shared or none.
    pub(crate) fn lower(&mut self, who: u64, held: Lock, wanted: Lock) {
        if self.writer == Some(who) && wanted <= Lock::Shared {
            self.writer = None;
            self.is_pending = false;
        }
        if held >= Lock::Shared && wanted == Lock::None {
            self.readers -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_waits_for_readers_and_keeps_new_ones_out() {
        let mut locks = Locks::default();
        let (reader, writer, late) = (1, 2, 3);
        assert_eq!(locks.raise(reader, Lock::None, Lock::Shared), (Lock::Shared, true));
        assert_eq!(locks.raise(writer, Lock::None, Lock::Shared), (Lock::Shared, true));
        assert_eq!(locks.raise(writer, Lock::Shared, Lock::Reserved), (Lock::Reserved, true));
        assert_eq!(locks.raise(reader, Lock::Shared, Lock::Reserved), (Lock::Shared, false));
        assert_eq!(locks.raise(writer, Lock::Reserved, Lock::Exclusive), (Lock::Pending, false));
        assert_eq!(locks.raise(late, Lock::None, Lock::Shared), (Lock::None, false));
        locks.lower(reader, Lock::Shared, Lock::None);
        assert_eq!(locks.raise(writer, Lock::Pending, Lock::Exclusive), (Lock::Exclusive, true));
        locks.lower(writer, Lock::Exclusive, Lock::Shared);
        assert!(!locks.is_reserved());
        assert_eq!(locks.raise(late, Lock::None, Lock::Shared), (Lock::Shared, true));
        locks.lower(writer, Lock::Shared, Lock::None);
        locks.lower(late, Lock::Shared, Lock::None);
        assert!(locks.are_free());
    }
}
