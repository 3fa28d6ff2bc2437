//! Handles: ids in pointer's clothing, checked on every call and never dereferenced.
//!
//! A handle is `kind:2 | generation:31 | index:20`, below 2^53 and never 0. The index names a slot; the generation has
//! to match the slot's, which grows with every reuse. A slot whose generations are used up is retired, so that no
//! handle ever comes back to life.
//!
//! Slots live in buckets that never move, so looking one up takes no table lock, only the slot's own. After `fork` the
//! child's epoch differs from that of the slots it inherited: these answer FORKED before any lock is touched, because
//! a thread that does not exist in the child may have held it. The one lock that the child needs, `vacant`, is held
//! across the fork by `before_fork` and `after_fork`.

use crate::ffi::status::{SIDELITE_ERR_BAD_HANDLE, SIDELITE_ERR_FORKED, SIDELITE_ERR_NO_MEMORY};
use parking_lot::{Mutex, MutexGuard};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

const INDEX_BITS: u32 = 20;
const GENERATION_BITS: u32 = 31;
const GENERATION_MAX: u32 = (1 << GENERATION_BITS) - 1;
const SLOTS_MAX: u32 = 1 << INDEX_BITS;

/// Grows by one in each child.
static EPOCH: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Table<T> {
    kind: u64,
    /// Bucket `b` holds 2^b slots.
    buckets: [OnceLock<Box<[Slot<T>]>>; INDEX_BITS as usize],
    vacant: Mutex<Vacant>,
}

struct Slot<T> {
    generation: AtomicU32,
    epoch: AtomicU32,
    value: Mutex<Option<Arc<T>>>,
}

/// Indexes to give out: those that came back, then new ones. Index 0 stays unused, so that no handle is 0.
pub(crate) struct Vacant {
    returned: Vec<u32>,
    next: u32,
}

impl<T> Table<T> {
    /// `kind`: 1 to 3, the top bits of its handles.
    pub(crate) const fn new(kind: u64) -> Self {
        Self {
            kind,
            buckets: [const { OnceLock::new() }; INDEX_BITS as usize],
            vacant: Mutex::new(Vacant {
                returned: Vec::new(),
                next: 1,
            }),
        }
    }

    /// Takes in what `make` makes of its handle; NO_MEMORY when a million are alive.
    pub(crate) fn insert(&self, make: impl FnOnce(u64) -> Arc<T>) -> Result<Arc<T>, i32> {
        let mut vacant = self.vacant.lock();
        let index = match vacant.returned.pop() {
            Some(index) => index,
            None if vacant.next < SLOTS_MAX => {
                vacant.next += 1;
                vacant.next - 1
            }
            None => return Err(SIDELITE_ERR_NO_MEMORY),
        };
        let (bucket, offset) = place(index);
        let slots =
            self.buckets[bucket].get_or_init(|| (0..1u32 << bucket).map(|_| Slot::new()).collect());
        drop(vacant);
        let slot = &slots[offset];
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
        if generation < GENERATION_MAX {
            self.vacant.lock().returned.push(index_of(handle));
        }
        true
    }

    fn slot(&self, handle: u64) -> Option<&Slot<T>> {
        let index = index_of(handle);
        if handle >> (INDEX_BITS + GENERATION_BITS) != self.kind || index == 0 {
            return None;
        }
        let (bucket, offset) = place(index);
        self.buckets[bucket].get().map(|slots| &slots[offset])
    }

    fn handle(&self, index: u32, generation: u32) -> u64 {
        self.kind << (INDEX_BITS + GENERATION_BITS)
            | u64::from(generation) << INDEX_BITS
            | u64::from(index)
    }
}

impl<T> Slot<T> {
    fn new() -> Self {
        Self {
            generation: AtomicU32::new(1),
            epoch: AtomicU32::new(0),
            value: Mutex::new(None),
        }
    }
}

fn place(index: u32) -> (usize, usize) {
    let bucket = index.ilog2();
    (bucket as usize, (index - (1 << bucket)) as usize)
}

fn index_of(handle: u64) -> u32 {
    (handle & u64::from(SLOTS_MAX - 1)) as u32
}

fn generation_of(handle: u64) -> u32 {
    (handle >> INDEX_BITS & u64::from(GENERATION_MAX)) as u32
}

type Held = RefCell<Vec<MutexGuard<'static, Vacant>>>;

thread_local! {
    /// The tables' locks while this thread forks.
    static HELD: Held = const { RefCell::new(Vec::new()) };
}

/// Holds the table's lock while this thread forks, so that the child inherits it in a known state.
pub(crate) fn before_fork<T>(table: &'static Table<T>) {
    HELD.with_borrow_mut(|held| held.push(table.vacant.lock()));
}

/// Gives the locks back. The child forgets the indexes that came back: a slot of the parent may hold a lock for ever.
pub(crate) fn after_fork(in_child: bool) {
    HELD.with_borrow_mut(|held| {
        if in_child {
            EPOCH.fetch_add(1, Ordering::Relaxed);
            held.iter_mut().for_each(|vacant| vacant.returned.clear());
        }
        held.clear();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_08_a_handle_never_comes_back_to_life() {
        let table = Table::new(1);
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
        let table = Table::new(1);
        let first = table.insert(Arc::new).unwrap();
        table.remove(*first);
        let index = index_of(*first);
        table
            .slot(*first)
            .unwrap()
            .generation
            .store(GENERATION_MAX, Ordering::Relaxed);
        let last = table.insert(Arc::new).unwrap();
        assert_eq!(index_of(*last), index);
        assert!(table.remove(*last));
        assert_eq!(table.get(*last).unwrap_err(), SIDELITE_ERR_BAD_HANDLE);
        let next = table.insert(Arc::new).unwrap();
        assert_ne!(index_of(*next), index, "never used again");
    }

    #[test]
    fn contract_08_other_kinds_and_random_numbers_are_refused() {
        let table: Table<u64> = Table::new(1);
        let handle = *table.insert(Arc::new).unwrap();
        for other in [
            0,
            1,
            u64::MAX,
            handle ^ 1 << 52,
            handle + 1,
            handle | 1 << 60,
            handle ^ 1 << 20,
        ] {
            assert_eq!(
                table.get(other).unwrap_err(),
                SIDELITE_ERR_BAD_HANDLE,
                "{other:#x}"
            );
        }
    }
}
