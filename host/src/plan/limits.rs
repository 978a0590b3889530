//! What a module may use up. There is no call without limits and no limit without a value.

use serde::{Deserialize, Serialize};

/// Whether a value is below the least that there may be, which for some limits is nothing at all.
fn is_less(value: u64, least: u64) -> bool {
    value < least
}

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident = $standard:literal, $least:literal;)+) => {
        /// The limits of one module. Each holds for one call, unless it says otherwise.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl Limits {
            /// What holds where the plan says nothing.
            pub const STANDARD: Limits = Limits { $($name: $standard,)+ };

            /// Every limit as the plan spells it, with its value.
            pub fn entries(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)+]
            }
        }

        /// The limits that a plan states; the others come from outside ([`LimitsText::over`]).
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct LimitsText {
            $(#[doc = "As in [`Limits`]."] pub(super) $name: Option<toml::Spanned<u64>>,)+
        }

        impl LimitsText {
            /// These limits, and those of `base` where these say nothing.
            ///
            /// # Errors
            /// The place, the name and the least value of a limit that is too small to run anything at all.
            pub(super) fn over(&self, base: &Limits) -> Result<Limits, (std::ops::Range<usize>, &'static str, u64)> {
                Ok(Limits {
                    $($name: match &self.$name {
                        Some(value) if is_less(*value.as_ref(), $least) => return Err((value.span(), stringify!($name), $least)),
                        // TOML integers are signed: larger values do not parse.
                        Some(value) => *value.as_ref(),
                        None => base.$name,
                    },)+
                })
            }
        }
    };
}

limits! {
    /// Fuel: about one unit a wasm instruction. The same module on the same clone uses the same fuel every time.
    fuel = 5_000_000_000, 1;
    /// Wall-clock milliseconds. The backstop behind `fuel` and `sql_steps`: what those stop is stopped at the same place
    /// every time, what this stops is not.
    call_ms = 120_000, 1;
    /// Bytes of linear memory, all memories of the component together.
    memory_bytes = 268_435_456, 65_536;
    /// Elements of all tables together.
    table_elements = 100_000, 1;
    /// Core instances of the component.
    instances = 64, 1;
    /// Cursors open at one time.
    cursors = 64, 1;
    /// Bytes of captured log.
    log_bytes = 65_536, 0;
    /// Rows read through cursors.
    rows = 50_000_000, 1;
    /// Steps of SQLite's virtual machine, counted in thousands begun.
    sql_steps = 5_000_000_000, 1_000;
    /// Bytes of one SQL statement.
    sql_bytes = 16_777_216, 16;
    /// Bytes of one value or row.
    value_bytes = 67_108_864, 16;
    /// Bytes of memory that SQLite may take.
    sql_memory_bytes = 268_435_456, 1_048_576;
    /// Bytes that the clone may take beside the source: changed and new pages, its journal, temporary files.
    growth_bytes = 17_179_869_184, 0;
}
