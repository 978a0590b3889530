//! The guest world as Rust, made from the WIT by wasmtime's macro: three worlds that share their interfaces.
#![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "generated; the WIT is the documentation")]

pub mod step {
    wasmtime::component::bindgen!({
        path: "../guest-sdk/wit",
        world: "step-module",
        imports: { default: trappable },
        with: {
            "rehearsal:guest/clone.database": crate::guest::host::Database,
            "rehearsal:guest/clone.cursor": crate::guest::host::Cursor,
        },
    });
}

pub mod probe {
    wasmtime::component::bindgen!({
        path: "../guest-sdk/wit",
        world: "probe-module",
        imports: { default: trappable },
        with: {
            "rehearsal:guest/clone": super::step::rehearsal::guest::clone,
            "rehearsal:guest/inputs": super::step::rehearsal::guest::inputs,
            "rehearsal:guest/diagnostics": super::step::rehearsal::guest::diagnostics,
            "rehearsal:guest/description": super::step::rehearsal::guest::description,
        },
    });
}

pub mod validator {
    wasmtime::component::bindgen!({
        path: "../guest-sdk/wit",
        world: "validator-module",
        imports: { default: trappable },
        with: {
            "rehearsal:guest/inputs": super::step::rehearsal::guest::inputs,
            "rehearsal:guest/diagnostics": super::step::rehearsal::guest::diagnostics,
            "rehearsal:guest/description": super::step::rehearsal::guest::description,
        },
    });
}

pub use step::rehearsal::guest::{clone, description, diagnostics, inputs};
