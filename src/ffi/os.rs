//! What the operating system gives: the queue's descriptor, signal masks, the fork handler. Safe to call.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// A descriptor that is readable while it is raised: an eventfd on Linux, a pipe elsewhere.
pub(crate) struct Signal {
    is_raised: bool,
    read: OwnedFd,
    /// The other end of the pipe.
    #[cfg(not(target_os = "linux"))]
    write: OwnedFd,
}

impl Signal {
    #[cfg(target_os = "linux")]
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: eventfd has no preconditions.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and belongs to nobody else.
        let read = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self {
            is_raised: false,
            read,
        })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new() -> io::Result<Self> {
        let mut fds = [0; 2];
        // SAFETY: the array has room for two descriptors.
        if unsafe { libc::pipe(fds.as_mut_ptr()) } < 0 {
            return Err(io::Error::last_os_error());
        }
        for fd in fds {
            // SAFETY: plain calls on a descriptor that was just made.
            unsafe {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
                libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK);
            }
        }
        // SAFETY: the descriptors were just made and belong to nobody else.
        Ok(unsafe {
            Self {
                is_raised: false,
                read: OwnedFd::from_raw_fd(fds[0]),
                write: OwnedFd::from_raw_fd(fds[1]),
            }
        })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.read.as_raw_fd()
    }

    /// Makes it readable. A write that would block finds it readable already.
    pub(crate) fn raise(&mut self) {
        self.is_raised = true;
        #[cfg(target_os = "linux")]
        let fd = self.read.as_raw_fd();
        #[cfg(not(target_os = "linux"))]
        let fd = self.write.as_raw_fd();
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight bytes are readable at `one`.
        while unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) } < 0 && interrupted() {}
    }

    /// Makes it unreadable, if it is not.
    pub(crate) fn lower(&mut self) {
        if !std::mem::take(&mut self.is_raised) {
            return;
        }
        let mut bytes = [0u8; 64];
        loop {
            // SAFETY: `bytes` is writable for its length. Eventfds want eight, pipes give what they have.
            let read = unsafe { libc::read(self.fd(), bytes.as_mut_ptr().cast(), bytes.len()) };
            let again = if read < 0 {
                interrupted()
            } else {
                read as usize == bytes.len()
            };
            if !again {
                return;
            }
        }
    }
}

fn interrupted() -> bool {
    io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
}

/// Runs `spawn` with the asynchronous signals blocked, so that the thread it starts is born with them blocked and
/// no handler of the host ever runs there. The synchronous ones stay open for the host's crash reporter.
pub(crate) fn with_signals_blocked<R>(spawn: impl FnOnce() -> R) -> R {
    const SYNCHRONOUS: [i32; 7] = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGSYS,
        libc::SIGABRT,
    ];
    let mut blocked = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises the set before it is read; pthread_sigmask initialises `before`.
    let masked = unsafe {
        libc::sigfillset(blocked.as_mut_ptr());
        for signal in SYNCHRONOUS {
            libc::sigdelset(blocked.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, blocked.as_ptr(), before.as_mut_ptr()) == 0
    };
    let result = spawn();
    if masked {
        // SAFETY: `before` was written by the call that succeeded.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    }
    result
}

/// Registers the fork handlers, once a process.
pub(crate) fn watch_forks() {
    extern "C" fn prepare() {
        super::before_fork();
    }
    extern "C" fn parent() {
        super::after_fork(false);
    }
    extern "C" fn child() {
        super::after_fork(true);
    }
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handlers are plain functions of this library, which is never unloaded (-z nodelete). Without
        // memory for them, forks go unnoticed; nothing else depends on it.
        unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    });
}
