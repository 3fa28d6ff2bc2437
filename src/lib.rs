//! sidelite: asynchronous SQLite behind a C ABI, for any language and any event loop.
//!
//! A host opens a connection and gets an opaque handle. Its calls put requests on the connection's own thread and return at
//! once; when a request is done, its completion waits in the host's queue until the host, woken by a descriptor or
//! a function of its own, drains it and runs the callback on its own loop. One thread crossing out, one back, and
//! nothing else in between.
//!
//! ```text
//!  sidelite_execute  ->  Conn::submit  ->  channel  ==> thread ==>  Worker::run  ->  exec, stream, transaction
//!  (ffi/request.rs)      (conn.rs)         (crossbeam)              (worker.rs)      (over sqlite/)
//!                                                                                          |
//!  host's callback  <-  sidelite_dispatch, sidelite_poll  <== wake ==  Queue::push  <-  Pending::complete
//!                       (ffi/deliver.rs)                               (queue.rs)       (request.rs, outbox.rs)
//! ```
//!
//! Two edges may say `unsafe`: `ffi`, which C sees, and `sqlite`. Nothing between them may. The public API and its
//! contract are in `include/sidelite.h`, which is generated from `ffi`.

#![allow(non_camel_case_types, reason = "the names are those of the C header")]

#[cfg(not(target_pointer_width = "64"))]
compile_error!("sidelite's handles are 53 bits wide: it needs 64-bit pointers");

// In the order in which a request meets them.
#[expect(unsafe_code, reason = "the edge to the host")]
pub mod ffi;
mod handle;
mod conn;
mod account;
mod request;
mod wait;
mod worker;
mod lane;
mod watch;
mod exec;
mod job;
mod stream;
mod transaction;
mod command;
mod describe;
mod config;
mod script;
mod blob;
mod image;
mod backup;
mod loan;
mod dump;
mod session;
mod function;
mod hooks;
mod authorize;
mod observe;
mod text;
#[expect(unsafe_code, reason = "the edge to SQLite")]
mod sqlite;
mod result;
mod outbox;
mod chain;
mod host;
mod queue;
mod wake;
mod sync;
mod error;
mod fault;

pub use ffi::{
    command::*, conn::*, event::*, function::*, queue::*, request::*, result::*, status::*,
    value::*,
};

/// Fault points, for the tests of this crate.
#[cfg(feature = "testhooks")]
pub mod testhooks {
    pub use crate::fault::hooks::arm;
}
