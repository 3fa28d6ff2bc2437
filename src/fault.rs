//! Named fault points, at which a test can make the library panic. Without the feature `testhooks` they are nothing.

/// A place where a test may want a defect.
#[inline]
pub(crate) fn point(_name: &str) {
    #[cfg(feature = "testhooks")]
    hooks::panic_if_armed(_name);
}

#[cfg(feature = "testhooks")]
pub(crate) mod hooks {
    use parking_lot::Mutex;

    static ARMED: Mutex<Option<String>> = Mutex::new(None);

    /// The next pass of the point panics, once.
    pub fn arm(name: &str) {
        *ARMED.lock() = Some(name.to_owned());
    }

    pub(super) fn panic_if_armed(name: &str) {
        let is_armed = ARMED.lock().take_if(|armed| armed == name).is_some();
        assert!(!is_armed, "fault point {name}");
    }
}
