//! What the export macros expand to. Not for direct use: nothing here is stable.

use std::{panic, sync::Once};

pub use crate::bindings::{probe_world, step_world, validator_world};
use crate::{
    Database, Error, Probe, Step, Validator,
    bindings::{
        probe_world::exports::rehearsal::guest::probe as raw_probe,
        step_world::exports::rehearsal::guest::step as raw_step,
        step_world::rehearsal::guest::{clone as raw_clone, description::Description as RawDescription, diagnostics},
        validator_world::exports::rehearsal::guest::validator as raw_validator,
    },
};

/// Sends panics to the report. Without this a panic would be a bare trap, and nobody would know which.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| panic::set_hook(Box::new(|panic| diagnostics::fail(&panic.to_string().replace(":\n", ": ")))));
}

/// `Step::describe` and `Step::operations`.
pub fn step_describe<T: Step>() -> (RawDescription, raw_step::Operations) {
    report_panics();
    (T::describe().into_raw(), T::operations().into_raw())
}

/// `Step::apply`.
pub fn step_apply<T: Step>(db: &raw_clone::Database) -> Result<raw_step::Outcome, String> {
    report_panics();
    T::apply(Database::lent(db)).map(|outcome| outcome.into_raw()).map_err(String::from)
}

/// `Step::verify`: violations and the failure to look for them are the same to the host.
pub fn step_verify<T: Step>(db: &raw_clone::Database) -> Result<(), Vec<String>> {
    report_panics();
    let violations = T::verify(Database::lent(db)).unwrap_or_else(|error| vec![error.into()]);
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

/// `Step::revert`.
pub fn step_revert<T: Step>(db: &raw_clone::Database) -> Result<raw_step::Outcome, String> {
    report_panics();
    T::revert(Database::lent(db)).map(|outcome| outcome.into_raw()).map_err(String::from)
}

/// `Probe::describe`.
pub fn probe_describe<T: Probe>() -> RawDescription {
    report_panics();
    T::describe().into_raw()
}

/// `Probe::cases`.
pub fn probe_cases<T: Probe>() -> Vec<raw_probe::Case> {
    report_panics();
    T::cases().into_iter().map(|case| case.into_raw()).collect()
}

/// Runs the case of that name.
pub fn probe_run<T: Probe>(name: &str, db: &raw_clone::Database) -> Result<(), String> {
    report_panics();
    let cases = T::cases();
    let case = cases.iter().find(|case| case.name() == name).ok_or_else(|| Error::new(format!("there is no case `{name}`")))?;
    Ok(case.run(Database::lent(db))?)
}

/// `Validator::describe`.
pub fn validator_describe<T: Validator>() -> RawDescription {
    report_panics();
    T::describe().into_raw()
}

/// `Validator::validate`.
pub fn validator_validate<T: Validator>(record: &str) -> raw_validator::Ruling {
    report_panics();
    T::validate(record).into_raw()
}

/// Exports a type that implements [`Step`](crate::Step): `export_step!(MyStep);`, once in a module.
///
/// The exports exist in WebAssembly alone, so that a module's logic can be tested with a plain `cargo test`.
#[macro_export]
macro_rules! export_step {
    ($module:ty) => {
        // Natively nothing else uses the type, and the compiler would call it dead.
        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || drop($crate::export::step_describe::<$module>());
        const _: () = {
            #[allow(dead_code, reason = "used by the exports, which exist in WebAssembly alone")]
            struct Exported;

            impl $crate::export::step_world::exports::rehearsal::guest::step::Guest for Exported {
                fn describe() -> (
                    $crate::export::step_world::rehearsal::guest::description::Description,
                    $crate::export::step_world::exports::rehearsal::guest::step::Operations,
                ) {
                    $crate::export::step_describe::<$module>()
                }

                fn apply(
                    db: &$crate::export::step_world::rehearsal::guest::clone::Database,
                ) -> ::std::result::Result<$crate::export::step_world::exports::rehearsal::guest::step::Outcome, ::std::string::String>
                {
                    $crate::export::step_apply::<$module>(db)
                }

                fn verify(
                    db: &$crate::export::step_world::rehearsal::guest::clone::Database,
                ) -> ::std::result::Result<(), ::std::vec::Vec<::std::string::String>> {
                    $crate::export::step_verify::<$module>(db)
                }

                fn revert(
                    db: &$crate::export::step_world::rehearsal::guest::clone::Database,
                ) -> ::std::result::Result<$crate::export::step_world::exports::rehearsal::guest::step::Outcome, ::std::string::String>
                {
                    $crate::export::step_revert::<$module>(db)
                }
            }

            #[cfg(target_family = "wasm")]
    $crate::export::step_world::__export_step_world!(Exported with_types_in $crate::export::step_world);
        };
    };
}

/// Exports a type that implements [`Probe`](crate::Probe): `export_probe!(MyProbe);`, once in a module.
///
/// The exports exist in WebAssembly alone, so that a module's logic can be tested with a plain `cargo test`.
#[macro_export]
macro_rules! export_probe {
    ($module:ty) => {
        // Natively nothing else uses the type, and the compiler would call it dead.
        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || drop($crate::export::probe_describe::<$module>());
        const _: () = {
            #[allow(dead_code, reason = "used by the exports, which exist in WebAssembly alone")]
            struct Exported;

            impl $crate::export::probe_world::exports::rehearsal::guest::probe::Guest for Exported {
                fn describe() -> $crate::export::step_world::rehearsal::guest::description::Description {
                    $crate::export::probe_describe::<$module>()
                }

                fn cases() -> ::std::vec::Vec<$crate::export::probe_world::exports::rehearsal::guest::probe::Case> {
                    $crate::export::probe_cases::<$module>()
                }

                fn run(
                    name: ::std::string::String,
                    db: &$crate::export::step_world::rehearsal::guest::clone::Database,
                ) -> ::std::result::Result<(), ::std::string::String> {
                    $crate::export::probe_run::<$module>(&name, db)
                }
            }

            #[cfg(target_family = "wasm")]
    $crate::export::probe_world::__export_probe_world!(Exported with_types_in $crate::export::probe_world);
        };
    };
}

/// Exports a type that implements [`Validator`](crate::Validator): `export_validator!(MyValidator);`, once in a module.
///
/// The exports exist in WebAssembly alone, so that a module's logic can be tested with a plain `cargo test`.
#[macro_export]
macro_rules! export_validator {
    ($module:ty) => {
        // Natively nothing else uses the type, and the compiler would call it dead.
        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || drop($crate::export::validator_describe::<$module>());
        const _: () = {
            #[allow(dead_code, reason = "used by the exports, which exist in WebAssembly alone")]
            struct Exported;

            impl $crate::export::validator_world::exports::rehearsal::guest::validator::Guest for Exported {
                fn describe() -> $crate::export::step_world::rehearsal::guest::description::Description {
                    $crate::export::validator_describe::<$module>()
                }

                fn validate(
                    record: ::std::string::String,
                ) -> $crate::export::validator_world::exports::rehearsal::guest::validator::Ruling {
                    $crate::export::validator_validate::<$module>(&record)
                }
            }

            #[cfg(target_family = "wasm")]
            $crate::export::validator_world::__export_validator_world!(
                Exported with_types_in $crate::export::validator_world
            );
        };
    };
}
