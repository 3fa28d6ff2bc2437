//! A host in Rust, over the C functions: a queue that is polled, and what came back.

#![allow(dead_code, reason = "each test uses a part")]

use sidelite::*;
use std::ffi::{CStr, CString, c_void};
use std::ptr;

/// An event, copied out of the queue.
#[derive(Clone, Debug)]
pub struct Seen {
    pub id: i64,
    pub code: i32,
    pub flags: u32,
    pub message: String,
    /// Cells of all rows as text.
    pub cells: Vec<String>,
}

pub struct Host {
    pub queue: *mut sidelite_queue,
    pub conn: *mut sidelite_conn,
}

impl Host {
    pub fn open(path: &str, flags: u32) -> (Self, Seen) {
        let mut host = Self {
            queue: ptr::null_mut(),
            conn: ptr::null_mut(),
        };
        let config = sidelite_open_config {
            struct_size: size_of::<sidelite_open_config>() as u32,
            flags,
            // SAFETY: zeroes are a config.
            ..unsafe { std::mem::zeroed() }
        };
        let path = CString::new(path).unwrap();
        // SAFETY: valid pointers, as the header asks for.
        unsafe {
            assert_eq!(
                sidelite_queue_new(ptr::null(), &mut host.queue),
                SIDELITE_OK
            );
            let code = sidelite_open(
                host.queue,
                path.as_ptr(),
                &config,
                None,
                ptr::null_mut(),
                &mut host.conn,
            );
            assert_eq!(code, SIDELITE_OK);
        }
        let opened = host.next();
        (host, opened)
    }

    /// The next event; a minute without one fails.
    pub fn next(&self) -> Seen {
        // SAFETY: zeroes are an event; the array has room for one.
        unsafe {
            let mut event: sidelite_event = std::mem::zeroed();
            assert_eq!(
                sidelite_poll(self.queue, &mut event, 1, 60_000),
                1,
                "no event within a minute"
            );
            see(&event)
        }
    }

    pub fn submit(&self, kind: u32, sql: &str) -> i64 {
        let sql = CString::new(sql).unwrap();
        let (sql, params, nobody) = (sql.as_ptr(), ptr::null(), ptr::null_mut::<c_void>());
        // SAFETY: `sql` lives until the call returns.
        unsafe {
            match kind {
                SIDELITE_EXECUTE => sidelite_execute(self.conn, sql, params, 0, None, nobody),
                SIDELITE_FETCH => sidelite_fetch(self.conn, sql, params, 0, None, nobody),
                SIDELITE_STREAM => sidelite_stream(self.conn, sql, params, 0, 0, None, nobody),
                _ => sidelite_script(self.conn, sql, None, nobody),
            }
        }
    }

    /// Fetches; the one event of it.
    pub fn fetch(&self, sql: &str) -> Seen {
        assert!(self.submit(SIDELITE_FETCH, sql) > 0);
        self.next()
    }

    pub fn close(&self) -> Seen {
        assert_eq!(
            sidelite_close(self.conn, SIDELITE_CLOSE_DRAIN, None, ptr::null_mut()),
            SIDELITE_OK
        );
        loop {
            let event = self.next();
            if event.flags & SIDELITE_EVENT_CLOSED != 0 {
                return event;
            }
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        sidelite_queue_free(self.queue, -1);
    }
}

/// # Safety
/// The event was just polled.
unsafe fn see(event: &sidelite_event) -> Seen {
    let mut seen = Seen {
        id: event.id,
        code: event.code,
        flags: event.flags,
        message: String::new(),
        cells: vec![],
    };
    if event.result.is_null() {
        return seen;
    }
    // SAFETY: offsets inside a result point into it, and texts are NUL-terminated.
    unsafe {
        let result = &*event.result;
        let base = event.result.cast::<u8>();
        let text = |offset: u64| {
            CStr::from_ptr(base.add(offset as usize).cast())
                .to_string_lossy()
                .into_owned()
        };
        if result.message > 0 {
            seen.message = text(result.message);
        }
        let cells = base.add(result.values as usize).cast::<sidelite_value>();
        for index in 0..result.ncols as usize * result.nrows as usize {
            let cell = &*cells.add(index);
            seen.cells.push(match cell.r#type {
                SIDELITE_INTEGER => cell.r#as.integer.to_string(),
                SIDELITE_REAL => cell.r#as.real.to_string(),
                SIDELITE_TEXT => text(cell.r#as.offset),
                SIDELITE_BLOB => format!("{} bytes", cell.len),
                _ => "NULL".into(),
            });
        }
    }
    seen
}
