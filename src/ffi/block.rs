//! The memory of results: blocks that C sees as `sidelite_result`, counted while they are kept, recycled when they are not.
//!
//! In front of what C sees stands a header with the count and the way back to the pool. Blocks come in four sizes,
//! each eight times the one before, and above these as large as they must be. A growing result moves up through the
//! sizes, so that a small one that a host keeps holds little memory; and large ones go back to the pool, not to the
//! kernel, because the page faults of a fresh megabyte cost more than filling it.

use super::result::sidelite_result;
use super::status::SIDELITE_ERR_NO_MEMORY;
use super::value::sidelite_value;
use parking_lot::Mutex;
use std::alloc::Layout;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const SIZES: [usize; 4] = [1 << 10, 8 << 10, 64 << 10, 512 << 10];
const ALIGN: usize = 16;
/// What a pool keeps at most, by count for each size and by bytes for all.
const POOLED_BLOCKS_MAX: usize = 64;
const POOLED_BYTES_MAX: usize = 16 << 20;

#[repr(C, align(16))]
struct Header {
    refs: AtomicUsize,
    /// Bytes of the whole allocation.
    size: usize,
    /// Bytes used behind the header.
    len: usize,
    pool: ManuallyDrop<Arc<Pool>>,
}

const HEADER: usize = size_of::<Header>();

/// A result block: one owner while it is built, then one reference for each keep.
pub(crate) struct Block {
    header: NonNull<Header>,
}

// SAFETY: a block is plain memory with an atomic count; it is written by its one builder only.
unsafe impl Send for Block {}
// SAFETY: shared blocks are read-only.
unsafe impl Sync for Block {}

impl Block {
    /// An empty block of the smallest size.
    pub(crate) fn new(pool: &Arc<Pool>) -> Result<Self, i32> {
        Self::with_size(pool, SIZES[0])
    }

    fn with_size(pool: &Arc<Pool>, size: usize) -> Result<Self, i32> {
        if let Some(block) = pool.take(size) {
            return Ok(block);
        }
        let layout = Layout::from_size_align(size, ALIGN).map_err(|_| SIDELITE_ERR_NO_MEMORY)?;
        // SAFETY: the size is not 0.
        let memory = unsafe { std::alloc::alloc(layout) };
        let header = NonNull::new(memory.cast::<Header>()).ok_or(SIDELITE_ERR_NO_MEMORY)?;
        let pool = ManuallyDrop::new(Arc::clone(pool));
        // SAFETY: fresh memory, aligned and larger than a header.
        unsafe {
            header.write(Header {
                refs: AtomicUsize::new(1),
                size,
                len: 0,
                pool,
            })
        };
        Ok(Self { header })
    }

    fn header(&self) -> &Header {
        // SAFETY: the header lives as long as any reference.
        unsafe { self.header.as_ref() }
    }

    fn data(&self) -> *mut u8 {
        // SAFETY: every allocation is at least as large as its header.
        unsafe { self.header.as_ptr().cast::<u8>().add(HEADER) }
    }

    pub(crate) fn len(&self) -> usize {
        self.header().len
    }

    /// Makes room for `more` bytes behind `len`, moving to a larger block when needed.
    #[inline]
    fn reserve(&mut self, more: usize) -> Result<(), i32> {
        let Header { size, len, .. } = *self.header();
        match more <= size - HEADER - len {
            true => Ok(()),
            false => self.grow(more),
        }
    }

    #[cold]
    fn grow(&mut self, more: usize) -> Result<(), i32> {
        let len = self.len();
        let needed = len
            .checked_add(more)
            .and_then(|n| n.checked_add(HEADER))
            .ok_or(SIDELITE_ERR_NO_MEMORY)?;
        let size = SIZES
            .into_iter()
            .find(|&size| size >= needed)
            .unwrap_or_else(|| needed.max(2 * self.header().size));
        if size > 2 * SIZES[3] && self.header().size >= SIZES[3] {
            return self.resize(size);
        }
        let mut larger = Self::with_size(&self.header().pool, size)?;
        larger.append(self.bytes());
        *self = larger;
        Ok(())
    }

    /// Large blocks are resized where they are: the kernel moves their pages without copying.
    fn resize(&mut self, size: usize) -> Result<(), i32> {
        let layout = Layout::from_size_align(self.header().size, ALIGN)
            .map_err(|_| SIDELITE_ERR_NO_MEMORY)?;
        Layout::from_size_align(size, ALIGN).map_err(|_| SIDELITE_ERR_NO_MEMORY)?;
        // SAFETY: allocated with this layout; `size` is not 0 and was checked. On failure the old block stays.
        let memory = unsafe { std::alloc::realloc(self.header.as_ptr().cast(), layout, size) };
        self.header = NonNull::new(memory.cast()).ok_or(SIDELITE_ERR_NO_MEMORY)?;
        // SAFETY: one owner while it is built.
        unsafe { self.header.as_mut() }.size = size;
        Ok(())
    }

    /// Appends where there is room.
    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        let len = self.len();
        // SAFETY: the callers reserved; source and block do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.data().add(len), bytes.len()) };
        // SAFETY: one owner while it is built.
        unsafe { self.header.as_mut() }.len = len + bytes.len();
    }

    /// Appends bytes and returns where they begin.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<u64, i32> {
        self.reserve(bytes.len())?;
        let at = self.len();
        self.append(bytes);
        Ok(at as u64)
    }

    /// Appends text and a NUL, and returns where it begins.
    #[inline]
    pub(crate) fn push_text(&mut self, text: &[u8]) -> Result<u64, i32> {
        self.reserve(text.len() + 1)?;
        let at = self.len();
        self.append(text);
        self.append(&[0]);
        Ok(at as u64)
    }

    /// Appends values, aligned, and returns where they begin.
    pub(crate) fn push_values(&mut self, values: &[sidelite_value]) -> Result<u64, i32> {
        let padding = self.len().next_multiple_of(align_of::<sidelite_value>()) - self.len();
        self.push(&[0; 8][..padding])?;
        // SAFETY: values made by `result.rs` have no uninitialised byte: a type, a length and eight bytes.
        let bytes = unsafe {
            std::slice::from_raw_parts(values.as_ptr().cast::<u8>(), size_of_val(values))
        };
        self.push(bytes)
    }

    /// Writes the C header, for which the first bytes were left.
    pub(crate) fn set_result(&mut self, result: sidelite_result) {
        assert!(self.len() >= size_of::<sidelite_result>());
        // SAFETY: there is room, it is aligned, and nobody else sees the block yet.
        unsafe { self.data().cast::<sidelite_result>().write(result) };
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: `len` bytes were appended.
        unsafe { std::slice::from_raw_parts(self.data(), self.len()) }
    }

    pub(crate) fn as_ptr(&self) -> *const sidelite_result {
        self.data().cast()
    }

    /// # Safety
    /// The result is one that `as_ptr` gave and that is still referenced.
    pub(super) unsafe fn retain(result: *const sidelite_result) {
        // SAFETY: the caller's promise.
        let block = ManuallyDrop::new(unsafe { Self::behind(result) });
        block.header().refs.fetch_add(1, Ordering::Relaxed);
    }

    /// # Safety
    /// The result was retained, and not yet released as often.
    pub(super) unsafe fn release(result: *const sidelite_result) {
        // SAFETY: the caller's promise; dropping gives the reference back.
        drop(unsafe { Self::behind(result) });
    }

    /// # Safety
    /// The result is one that `as_ptr` gave and that is still referenced.
    unsafe fn behind(result: *const sidelite_result) -> Self {
        // SAFETY: the header stands in front of what C sees, in the same allocation.
        let header = unsafe { result.cast_mut().cast::<u8>().sub(HEADER) }.cast();
        // SAFETY: inside an allocation, so not NULL.
        let header = unsafe { NonNull::new_unchecked(header) };
        Self { header }
    }

    /// Gives the memory back to the allocator.
    fn free(self) {
        let block = ManuallyDrop::new(self);
        let size = block.header().size;
        // SAFETY: the last owner; the pool's count is given back before the memory goes, which has this layout.
        unsafe {
            let pool = ManuallyDrop::take(&mut (*block.header.as_ptr()).pool);
            std::alloc::dealloc(
                block.header.as_ptr().cast(),
                Layout::from_size_align_unchecked(size, ALIGN),
            );
            drop(pool);
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.header().refs.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        let last = Self {
            header: self.header,
        };
        let pool = Arc::clone(&self.header().pool);
        if let Some(unwanted) = pool.put(last) {
            unwanted.free();
        }
    }
}

/// The blocks of one connection that wait for their next result. It outlives the connection while results are kept.
#[derive(Default)]
pub(crate) struct Pool {
    pooled: Mutex<Pooled>,
}

#[derive(Default)]
struct Pooled {
    /// One stack for each size, and one for what is larger.
    stacks: [Vec<Idle>; SIZES.len() + 1],
    bytes: usize,
    closed: bool,
}

/// A block nobody refers to. Its pool pointer would make a circle, so the pool must be emptied at the end.
struct Idle(ManuallyDrop<Block>);

impl Pool {
    fn take(&self, size: usize) -> Option<Block> {
        let mut pooled = self.pooled.lock();
        let Pooled { stacks, bytes, .. } = &mut *pooled;
        let stack = &mut stacks[class(size)];
        let fits = |idle: &Idle| (size..=4 * size).contains(&idle.0.header().size);
        let at = stack.iter().rposition(fits)?;
        let Idle(block) = stack.swap_remove(at);
        *bytes -= block.header().size;
        drop(pooled);
        let mut block = ManuallyDrop::into_inner(block);
        // SAFETY: nobody else refers to an idle block.
        let header = unsafe { block.header.as_mut() };
        *header.refs.get_mut() = 1;
        header.len = 0;
        Some(block)
    }

    /// Takes a block in, or gives it back when it has enough.
    fn put(&self, block: Block) -> Option<Block> {
        let size = block.header().size;
        // In a forked child the lock may be held for ever by a thread that is not there.
        let Some(mut pooled) = self.pooled.try_lock() else {
            return Some(block);
        };
        let full = pooled.stacks[class(size)].len() >= POOLED_BLOCKS_MAX
            || pooled.bytes + size > POOLED_BYTES_MAX;
        if pooled.closed || full {
            return Some(block);
        }
        pooled.bytes += size;
        pooled.stacks[class(size)].push(Idle(ManuallyDrop::new(block)));
        None
    }

    /// Frees what is idle; what comes back later is freed at once.
    pub(crate) fn close(&self) {
        let mut pooled = self.pooled.lock();
        pooled.closed = true;
        let stacks = std::mem::take(&mut pooled.stacks);
        drop(pooled);
        for Idle(block) in stacks.into_iter().flatten() {
            ManuallyDrop::into_inner(block).free();
        }
    }
}

fn class(size: usize) -> usize {
    SIZES
        .iter()
        .position(|&class| size <= class)
        .unwrap_or(SIZES.len())
}
