//! Panics that are caught are not printed: what sidelite has to say goes into events.

use std::cell::{Cell, RefCell};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Lets the panics of quiet stretches by without a word, and everybody else's through to the hook that was there.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                return others(info);
            }
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let what = info.payload_as_str().unwrap_or("");
            LAST.set(Some(format!("panic at {place}: {what}")));
        }));
    });
}

/// Runs `body`, in which a panic will be caught and told to the host by other means.
pub(crate) fn quietly<R>(body: impl FnOnce() -> R) -> R {
    let before = QUIET.replace(true);
    let result = body();
    QUIET.set(before);
    result
}

/// What the last quiet panic of this thread said.
pub(crate) fn last_panic() -> String {
    LAST.take().unwrap_or_default()
}
