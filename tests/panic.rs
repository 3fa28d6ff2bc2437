//! Contract 19: a defect inside sidelite ends its request and its connection, and nothing else.

#![allow(unsafe_code, reason = "a host calls C functions")]

mod host;

use host::Host;
use sidelite::testhooks::arm;
use sidelite::*;
use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard};

/// Fault points are the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[test]
fn contract_19_a_panic_in_a_request_poisons_its_connection_alone() {
    let _alone = alone();
    let (other, _) = Host::open(":memory:", 0);
    let (host, opened) = Host::open(":memory:", 0);
    assert_eq!(opened.code, SIDELITE_OK);
    assert_eq!(host.fetch("SELECT 1").cells, ["1"]);

    // Behind a query that runs for a while, so that all are queued when the second one hits the point.
    let slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT sum(i) FROM n";
    let first = host.submit(SIDELITE_FETCH, slow);
    arm("exec.step");
    let ids: Vec<i64> = (0..4)
        .map(|_| host.submit(SIDELITE_FETCH, "SELECT 2"))
        .collect();
    let events: Vec<_> = (0..5).map(|_| host.next()).collect();
    assert_eq!(
        events.iter().map(|event| event.id).collect::<Vec<_>>(),
        [&[first], &ids[..]].concat()
    );
    let hit = events
        .iter()
        .position(|event| event.code == SIDELITE_ERR_PANIC)
        .expect("one ends with PANIC");
    assert!(
        events[hit].message.contains("exec.step"),
        "{}",
        events[hit].message
    );
    for event in &events[hit + 1..] {
        assert_eq!(event.code, SIDELITE_ERR_ABORTED);
        assert_ne!(event.flags & SIDELITE_EVENT_NOT_RUN, 0);
    }

    assert_eq!(
        host.submit(SIDELITE_FETCH, "SELECT 3"),
        i64::from(SIDELITE_ERR_PANIC)
    );
    assert_eq!(host.close().code, SIDELITE_OK);
    assert_eq!(other.fetch("SELECT 4").cells, ["4"], "the neighbour lives");
}

#[test]
fn contract_19_a_panic_in_a_stream_ends_it_once() {
    let _alone = alone();
    let (host, _) = Host::open(":memory:", 0);
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let parked = host.submit(SIDELITE_STREAM, endless);
    assert_eq!(
        (host.next().flags, host.next().flags),
        (SIDELITE_EVENT_MORE, SIDELITE_EVENT_MORE)
    );
    arm("stream.step");
    assert_eq!(sidelite_more(host.conn, parked, 1), SIDELITE_OK);
    let event = host.next();
    assert_eq!(
        (event.id, event.code, event.flags & SIDELITE_EVENT_MORE),
        (parked, SIDELITE_ERR_PANIC, 0)
    );
    assert_eq!(sidelite_more(host.conn, parked, 1), SIDELITE_ERR_BAD_HANDLE);
    assert_ne!(host.close().flags & SIDELITE_EVENT_CLOSED, 0);
}

#[test]
fn contract_19_a_panic_ends_the_paused_streams_of_its_connection() {
    let _alone = alone();
    let (host, _) = Host::open(":memory:", 0);
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let parked = host.submit(SIDELITE_STREAM, endless);
    host.next();
    host.next();
    arm("exec.step");
    let fetch = host.submit(SIDELITE_FETCH, "SELECT 1");
    let (first, second) = (host.next(), host.next());
    assert_eq!((first.id, first.code), (fetch, SIDELITE_ERR_PANIC));
    assert_eq!((second.id, second.code), (parked, SIDELITE_ERR_ABORTED));
    host.close();
}

#[test]
fn contract_19_a_panic_while_opening_is_told_by_opened() {
    let _alone = alone();
    arm("worker.open");
    let (host, opened) = Host::open(":memory:", 0);
    assert_eq!(opened.code, SIDELITE_ERR_PANIC);
    assert!(opened.message.contains("worker.open"), "{}", opened.message);
    assert_eq!(host.fetch("SELECT 1").code, SIDELITE_ERR_PANIC);
    host.close();
}

unsafe extern "C-unwind" fn panic_in_run(_: *mut c_void, _: *mut c_void) -> i32 {
    panic!("in a RUN function");
}

#[test]
fn contract_19_a_panic_in_a_run_function_ends_its_request_alone() {
    let _alone = alone();
    let (host, _) = Host::open(":memory:", 0);
    // SAFETY: zero is a valid request.
    let mut request: sidelite_request = unsafe { std::mem::zeroed() };
    request.struct_size = size_of::<sidelite_request>() as u32;
    request.kind = SIDELITE_RUN;
    request.run = Some(panic_in_run);
    // SAFETY: a request as the header says.
    let run = unsafe { sidelite_submit(host.conn, &request, 1) };
    let fetch = host.submit(SIDELITE_FETCH, "SELECT 1");
    let (first, second) = (host.next(), host.next());
    assert_eq!((first.id, first.code), (run, SIDELITE_ERR_PANIC));
    assert!(first.message.contains("panicked"), "{}", first.message);
    assert_eq!((second.id, second.code), (fetch, SIDELITE_OK));
    host.close();
}

#[test]
fn contract_19_shipped_profiles_unwind() {
    let manifest = include_str!("../Cargo.toml");
    let profiles: Vec<_> = manifest.split("\n[profile.").skip(1).collect();
    for name in ["release]", "dev]"] {
        let profile = profiles
            .iter()
            .find(|profile| profile.starts_with(name))
            .expect(name);
        let body = profile.split("\n[").next().unwrap();
        assert!(
            body.contains("panic = \"unwind\""),
            "profile {name} must unwind"
        );
    }
    assert!(!manifest.contains("panic = \"abort\""));
    const { assert!(cfg!(panic = "unwind")) };
}
