//! The tests of the clone, through what the crate makes public.

mod budget;
mod connections;
mod crash;
mod database;
mod diff;
mod differential;
mod digests;
mod engine;
mod hostile;
mod logical;
mod model;
mod reference;
mod scene;
mod tree;
mod workload;
