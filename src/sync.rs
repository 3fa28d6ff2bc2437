//! The locks of the completion queue, by one name, so that the model checker can put its own in their place
//! (`tests/loom.rs` compiles `queue.rs` over a `sync` module of loom's).

pub(crate) use parking_lot::{Condvar, Mutex};
pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};
