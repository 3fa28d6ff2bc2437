//! The three ways to make a host look at its queue: a descriptor, a function of its own, or none.

use crate::ffi::callback::WakeFunction;
use crate::ffi::os::Signal;
use crate::queue::Wake;
use parking_lot::Mutex;

/// A queue's wake. The descriptor is made when it is first asked for: a game never pays for it.
pub(crate) enum HostWake {
    Descriptor(Mutex<Option<Signal>>),
    Function(WakeFunction),
}

impl Wake for HostWake {
    fn signal(&self) -> bool {
        match self {
            Self::Descriptor(signal) => signal.lock().as_mut().map(Signal::raise).is_some(),
            Self::Function(function) => {
                function.call();
                true
            }
        }
    }

    fn clear(&self) {
        if let Self::Descriptor(signal) = self
            && let Some(signal) = &mut *signal.lock()
        {
            signal.lower();
        }
    }

    fn is_one_shot(&self) -> bool {
        matches!(self, Self::Function(_))
    }
}
