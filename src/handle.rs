//! Handles: ids in pointer's clothing, checked on every call and never dereferenced.
//!
//! A handle is `kind:2 | generation:32 | index:16`, below 2^53 and never 0. The index names a slot; the generation has
//! to match the slot's, which grows with every reuse. A slot whose generations are used up is retired, so that no
//! handle ever comes back to life.
//!
//! The slots are a plain static array, of which the system provides what is used, and vacant ones are chained without a
//! lock: so nothing here can be left locked by a thread that a forked child does not have. After `fork` the
//! child's epoch differs from that of the slots it inherited. These answer FORKED before their lock is touched, and are
//! not used again.

use crate::ffi::status::{SIDELITE_ERR_BAD_HANDLE, SIDELITE_ERR_FORKED, SIDELITE_ERR_NO_MEMORY};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const INDEX_BITS: u32 = 16;
const GENERATION_BITS: u32 = 32;
const SLOTS: usize = 1 << INDEX_BITS;

/// Grows by one in each child.
static EPOCH: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Table<T> {
    kind: u64,
    /// Slot 0 stays unused, so that no handle is 0.
    slots: [Slot<T>; SLOTS],
    /// How many slots have ever been used.
    used: AtomicU32,
    vacant: Vacant,
}

struct Slot<T> {
    generation: AtomicU32,
    epoch: AtomicU32,
    /// The next vacant slot, while this one is.
    next_vacant: AtomicU32,
    value: Mutex<Option<Arc<T>>>,
}

/// The first vacant slot, or 0, below a tag that grows with each change: without it, a slot that went and came back
/// meanwhile would be taken for one that stayed.
struct Vacant(AtomicU64);

impl<T> Table<T> {
    /// `kind`: 1 to 3, the top bits of its handles.
    pub(crate) const fn new(kind: u64) -> Self {
        Self {
            kind,
            slots: [const { Slot::new() }; SLOTS],
            used: AtomicU32::new(0),
            vacant: Vacant(AtomicU64::new(0)),
        }
    }

    /// Takes in what `make` makes of its handle; NO_MEMORY when 65,535 are alive.
    pub(crate) fn insert(&self, make: impl FnOnce(u64) -> Arc<T>) -> Result<Arc<T>, i32> {
        let index = self
            .pop_vacant()
            .or_else(|| self.new_index())
            .ok_or(SIDELITE_ERR_NO_MEMORY)?;
        let slot = &self.slots[index as usize];
        slot.epoch
            .store(EPOCH.load(Ordering::Relaxed), Ordering::Relaxed);
        let generation = slot.generation.load(Ordering::Relaxed);
        let value = make(self.handle(index, generation));
        *slot.value.lock() = Some(Arc::clone(&value));
        Ok(value)
    }

    /// BAD_HANDLE for what is not a live handle of this kind, FORKED for one that the parent process made.
    pub(crate) fn get(&self, handle: u64) -> Result<Arc<T>, i32> {
        let slot = self.slot(handle).ok_or(SIDELITE_ERR_BAD_HANDLE)?;
        let generation = generation_of(handle);
        if slot.generation.load(Ordering::Acquire) != generation {
            return Err(SIDELITE_ERR_BAD_HANDLE);
        }
        if slot.epoch.load(Ordering::Relaxed) != EPOCH.load(Ordering::Relaxed) {
            return Err(SIDELITE_ERR_FORKED);
        }
        let value = slot.value.lock();
        if slot.generation.load(Ordering::Acquire) != generation {
            return Err(SIDELITE_ERR_BAD_HANDLE);
        }
        value.clone().ok_or(SIDELITE_ERR_BAD_HANDLE)
    }

    /// Ends a handle; false when it had ended before.
    pub(crate) fn remove(&self, handle: u64) -> bool {
        let Some(slot) = self.slot(handle) else {
            return false;
        };
        let generation = generation_of(handle);
        let mut value = slot.value.lock();
        if slot.generation.load(Ordering::Acquire) != generation {
            return false;
        }
        let Some(ended) = value.take() else {
            return false;
        };
        slot.generation
            .store(generation.wrapping_add(1), Ordering::Release);
        drop(value);
        drop(ended);
        if generation < u32::MAX {
            self.push_vacant(index_of(handle));
        }
        true
    }

    fn slot(&self, handle: u64) -> Option<&Slot<T>> {
        let index = index_of(handle);
        let is_ours = handle >> (INDEX_BITS + GENERATION_BITS) == self.kind;
        (is_ours && index > 0).then(|| &self.slots[index as usize])
    }

    fn handle(&self, index: u32, generation: u32) -> u64 {
        (self.kind << (INDEX_BITS + GENERATION_BITS))
            | (u64::from(generation) << INDEX_BITS)
            | u64::from(index)
    }

    /// A slot that was never used.
    fn new_index(&self) -> Option<u32> {
        let next = |used: u32| (used < SLOTS as u32 - 1).then_some(used + 1);
        let used = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        used.ok().map(|used| used + 1)
    }

    fn pop_vacant(&self) -> Option<u32> {
        self.vacant.change(|first| {
            let slot = &self.slots[first as usize];
            (first > 0).then(|| slot.next_vacant.load(Ordering::Relaxed))
        })
    }

    fn push_vacant(&self, index: u32) {
        self.vacant.change(|first| {
            self.slots[index as usize]
                .next_vacant
                .store(first, Ordering::Relaxed);
            Some(index)
        });
    }

    /// In the child of a fork: what the parent gave back may be locked for ever.
    pub(crate) fn forget_vacant(&self) {
        self.vacant.0.store(0, Ordering::Relaxed);
    }
}

impl Vacant {
    /// Replaces the first vacant slot by what `next` makes of it, if anything; returns the one before.
    fn change(&self, mut next: impl FnMut(u32) -> Option<u32>) -> Option<u32> {
        let first_of = |tagged: u64| tagged as u32;
        let change = |tagged: u64| {
            let tag = (tagged >> 32).wrapping_add(1) << 32;
            next(first_of(tagged)).map(|first| tag | u64::from(first))
        };
        let changed = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, change);
        changed.ok().map(first_of)
    }
}

impl<T> Slot<T> {
    const fn new() -> Self {
        Self {
            generation: AtomicU32::new(0),
            epoch: AtomicU32::new(0),
            next_vacant: AtomicU32::new(0),
            value: Mutex::new(None),
        }
    }
}

fn index_of(handle: u64) -> u32 {
    handle as u32 & (SLOTS as u32 - 1)
}

fn generation_of(handle: u64) -> u32 {
    (handle >> INDEX_BITS) as u32
}

/// Handles that are alive now are foreign from now on.
pub(crate) fn forked() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_08_a_handle_never_comes_back_to_life() {
        static TABLE: Table<u64> = Table::new(1);
        let table = &TABLE;
        let first = table.insert(Arc::new).unwrap();
        assert!(table.get(*first).is_ok());
        assert!(table.remove(*first));
        assert!(!table.remove(*first), "a second removal is noticed");
        assert_eq!(table.get(*first).unwrap_err(), SIDELITE_ERR_BAD_HANDLE);
        let second = table.insert(Arc::new).unwrap();
        assert_ne!(*first, *second, "the slot is reused, the handle is not");
        assert!(*second < 1 << 53, "a handle fits a JavaScript number");
    }

    #[test]
    fn contract_08_a_slot_with_used_up_generations_is_retired() {
        static TABLE: Table<u64> = Table::new(1);
        let table = &TABLE;
        let first = table.insert(Arc::new).unwrap();
        table.remove(*first);
        let index = index_of(*first);
        table
            .slot(*first)
            .unwrap()
            .generation
            .store(u32::MAX, Ordering::Relaxed);
        let last = table.insert(Arc::new).unwrap();
        assert_eq!(index_of(*last), index);
        assert!(table.remove(*last));
        assert_eq!(table.get(*last).unwrap_err(), SIDELITE_ERR_BAD_HANDLE);
        let next = table.insert(Arc::new).unwrap();
        assert_ne!(index_of(*next), index, "never used again");
    }

    #[test]
    fn contract_08_other_kinds_and_random_numbers_are_refused() {
        static TABLE: Table<u64> = Table::new(1);
        let table = &TABLE;
        let handle = *table.insert(Arc::new).unwrap();
        for other in [
            0,
            1,
            u64::MAX,
            handle ^ (1 << 49),
            handle + 1,
            handle | (1 << 60),
            handle ^ (1 << 16),
        ] {
            assert_eq!(
                table.get(other).unwrap_err(),
                SIDELITE_ERR_BAD_HANDLE,
                "{other:#x}"
            );
        }
    }
}
