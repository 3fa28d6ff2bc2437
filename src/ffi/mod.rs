//! What C sees, and the only code beside `sqlite` that may say `unsafe`. One file per noun holds the types, the exported
//! functions and their header text; the rest checks what the host passes and hands it to the safe middle.

// What C sees, in the order of the header.
pub mod status;
pub mod value;
pub mod result;
pub mod event;
pub mod queue;
pub mod conn;
pub mod request;
pub mod command;
pub mod function;

// How it gets in and out.
pub(crate) mod block;
pub(crate) mod callback;
mod catch;
mod deliver;
mod guard;
pub(crate) mod inside;
pub(crate) mod os;
pub(crate) mod payload;
mod plain;
pub(crate) mod quiet;
mod submit;

/// Holds what must not change while this thread forks.
fn before_fork() {
    crate::sqlite::before_fork();
}

fn after_fork(in_child: bool) {
    crate::sqlite::after_fork();
    if in_child {
        crate::host::QUEUES.forget_vacant();
        crate::conn::CONNS.forget_vacant();
        crate::handle::forked();
    }
}
