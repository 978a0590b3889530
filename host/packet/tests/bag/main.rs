//! The container of a packet: what is written, what is refused, and what the refusals say.

mod contents;
mod drift;
mod every_byte;
mod reading;
mod sample;
mod writing;
