//! The engine: one configuration, one compilation of each module, one linker for each world.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rehearsal_packet::Sha256;
use wasmtime::{
    Config, Engine,
    component::{Component, HasSelf, InstancePre, Linker},
};

use super::{bindings, host::HostState};
use crate::admit::{AdmittedModule, Role};

/// How often the engine's epoch advances: the resolution of `call_ms`.
pub(super) const EPOCH_MS: u64 = 10;

/// The stack of a guest. Rust guests use a few kilobytes; interpreters more.
const WASM_STACK_BYTES: usize = 1 << 20;

/// Modules compiled and ready to be called, by digest and role.
#[derive(Clone)]
pub struct Guests {
    engine: Engine,
    compiled: BTreeMap<(Sha256, Role), InstancePre<HostState>>,
    _ticker: Arc<Ticker>,
}

impl std::fmt::Debug for Guests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guests").field("compiled", &self.compiled.keys()).finish_non_exhaustive()
    }
}

/// A module that was admitted and does not compile or link all the same.
#[derive(Debug, thiserror::Error)]
#[error("module {digest} cannot be compiled as a {role}: {reason}")]
pub struct CompileError {
    digest: Sha256,
    role: Role,
    reason: String,
}

impl Guests {
    /// An engine with nothing compiled.
    ///
    /// # Errors
    /// When this machine cannot run the engine as configured.
    pub fn new() -> wasmtime::Result<Self> {
        let engine = Engine::new(&config())?;
        let ticker = Arc::new(Ticker::default());
        ticker.start(&engine);
        Ok(Self { engine, compiled: BTreeMap::new(), _ticker: ticker })
    }

    /// Compiles a module, unless it was compiled before.
    ///
    /// # Errors
    /// [`CompileError`].
    pub fn compile(&mut self, module: &AdmittedModule) -> Result<(), CompileError> {
        let (digest, role) = (module.anatomy().sha256, module.role());
        if self.compiled.contains_key(&(digest, role)) {
            return Ok(());
        }
        let failed = |error: wasmtime::Error| CompileError { digest, role, reason: format!("{error:#}") };
        let component = Component::from_binary(&self.engine, module.bytes()).map_err(failed)?;
        let pre = linker(&self.engine, role).and_then(|linker| linker.instantiate_pre(&component)).map_err(failed)?;
        self.compiled.insert((digest, role), pre);
        Ok(())
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn instance_pre(&self, module: Sha256, role: Role) -> Option<&InstancePre<HostState>> {
        self.compiled.get(&(module, role))
    }
}

/// What guests do not need is off; what could differ between two runs is fixed.
fn config() -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .relaxed_simd_deterministic(true)
        .wasm_tail_call(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        // A backtrace names functions of the guest: nothing that a report should depend on.
        .wasm_backtrace_max_frames(None);
    config
}

/// The imports of one role, and no others: an import that is not here fails to link, whatever admission said.
fn linker(engine: &Engine, role: Role) -> wasmtime::Result<Linker<HostState>> {
    use bindings::{clone, description, diagnostics, inputs};
    let mut linker = Linker::new(engine);
    inputs::add_to_linker::<_, HasSelf<HostState>>(&mut linker, |state| state)?;
    diagnostics::add_to_linker::<_, HasSelf<HostState>>(&mut linker, |state| state)?;
    description::add_to_linker::<_, HasSelf<HostState>>(&mut linker, |state| state)?;
    if role != Role::Validator {
        clone::add_to_linker::<_, HasSelf<HostState>>(&mut linker, |state| state)?;
    }
    Ok(linker)
}

/// Advances the epoch for as long as somebody holds it.
#[derive(Debug, Default)]
struct Ticker {
    stop: Arc<AtomicBool>,
}

impl Ticker {
    fn start(&self, engine: &Engine) {
        let stop: Weak<AtomicBool> = Arc::downgrade(&self.stop);
        let engine = engine.weak();
        thread::spawn(move || {
            while let (Some(stop), Some(engine)) = (stop.upgrade(), engine.upgrade()) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                engine.increment_epoch();
                drop((stop, engine));
                thread::sleep(Duration::from_millis(EPOCH_MS));
            }
        });
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
