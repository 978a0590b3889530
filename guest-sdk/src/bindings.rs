//! What wit-bindgen makes of the world: one set of imports, and an export macro for each kind of module.
//!
//! The three worlds import the same interfaces, so the probe's and the validator's bindings refer to the step's: a
//! `Database` is one type wherever it comes from. Only the macro that a module calls marks the module as exporting its
//! world; the others leave no trace in it.

#![allow(missing_docs, reason = "generated; the documentation stands in the WIT")]
#![allow(unreachable_pub, reason = "generated; the exports are reached through macros")]
#![allow(clippy::undocumented_unsafe_blocks, reason = "generated")]

/// What every module imports, and the exports of a step.
pub mod step_world {
    wit_bindgen::generate!({
        path: "wit",
        world: "step-module",
        pub_export_macro: true,
        export_macro_name: "__export_step_world",
        default_bindings_module: "::rehearsal_guest::export::step_world",
        additional_derives: [PartialEq],
        generate_all,
    });
}

/// The exports of a probe.
pub mod probe_world {
    wit_bindgen::generate!({
        path: "wit",
        world: "probe-module",
        pub_export_macro: true,
        export_macro_name: "__export_probe_world",
        default_bindings_module: "::rehearsal_guest::export::probe_world",
        with: {
            "rehearsal:guest/clone@0.1.0": crate::bindings::step_world::rehearsal::guest::clone,
            "rehearsal:guest/inputs@0.1.0": crate::bindings::step_world::rehearsal::guest::inputs,
            "rehearsal:guest/diagnostics@0.1.0": crate::bindings::step_world::rehearsal::guest::diagnostics,
            "rehearsal:guest/description@0.1.0": crate::bindings::step_world::rehearsal::guest::description,
        },
        generate_all,
    });
}

/// The exports of a validator.
pub mod validator_world {
    wit_bindgen::generate!({
        path: "wit",
        world: "validator-module",
        pub_export_macro: true,
        export_macro_name: "__export_validator_world",
        default_bindings_module: "::rehearsal_guest::export::validator_world",
        with: {
            "rehearsal:guest/inputs@0.1.0": crate::bindings::step_world::rehearsal::guest::inputs,
            "rehearsal:guest/diagnostics@0.1.0": crate::bindings::step_world::rehearsal::guest::diagnostics,
            "rehearsal:guest/description@0.1.0": crate::bindings::step_world::rehearsal::guest::description,
        },
        generate_all,
    });
}
