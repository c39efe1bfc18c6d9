//! A program's settings on a real disk, set up, killed in between and put back: what the tests of all such
//! programs share.

#[cfg(unix)]
pub(crate) mod crash;
mod place;

pub(crate) use place::{Options, Place, begin, corpus};
