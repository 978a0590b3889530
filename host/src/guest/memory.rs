//! Memory in total: wasmtime's own limits are per memory, and a component may have many.

use wasmtime::ResourceLimiter;

use crate::plan::Limits;

/// Counts what all memories and tables of one instance hold together.
#[derive(Debug)]
pub(super) struct TotalMemory {
    memory_bytes: u64,
    table_elements: u64,
    limits: Limits,
    /// The limit that was overrun first.
    pub(super) overrun: Option<(&'static str, u64)>,
}

impl TotalMemory {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { memory_bytes: 0, table_elements: 0, limits: limits.clone(), overrun: None }
    }

    fn grow(total: &mut u64, current: usize, desired: usize, most: u64) -> bool {
        let grown = *total + (desired.saturating_sub(current)) as u64;
        if grown <= most {
            *total = grown;
        }
        grown <= most
    }
}

impl ResourceLimiter for TotalMemory {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if Self::grow(&mut self.memory_bytes, current, desired, self.limits.memory_bytes) {
            return Ok(true);
        }
        // A module that is refused memory mostly aborts without saying why: end the call here, where the reason is known.
        self.overrun.get_or_insert(("memory_bytes", self.limits.memory_bytes));
        Err(wasmtime::Error::msg("more memory than the plan allows"))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if Self::grow(&mut self.table_elements, current, desired, self.limits.table_elements) {
            return Ok(true);
        }
        self.overrun.get_or_insert(("table_elements", self.limits.table_elements));
        Err(wasmtime::Error::msg("more table elements than the plan allows"))
    }

    fn instances(&self) -> usize {
        usize::try_from(self.limits.instances).unwrap_or(usize::MAX)
    }

    fn tables(&self) -> usize {
        usize::try_from(self.limits.instances).unwrap_or(usize::MAX)
    }

    fn memories(&self) -> usize {
        usize::try_from(self.limits.instances).unwrap_or(usize::MAX)
    }
}
