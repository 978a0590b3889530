//! Which tables and rows differ.

mod bounds;
mod corrupt;
mod pages;
mod random;
mod rows;
mod schema;
