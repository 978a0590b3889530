//! Modules that misbehave, one attack each, in `examples/<surface>_<attack>.rs`.
//!
//! The tests rehearse them and expect a refusal, a finding or, for the few that are merely odd, none. `cargo xtask tidy`
//! tells of those that no test mentions. All of them run on any clone: they touch no table but `hostile_mark`, their own.
