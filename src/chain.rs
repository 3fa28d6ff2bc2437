//! Boxes chained through a link of their own: moving one from hand to hand never needs memory.
//!
//! A request's box is allocated at submit and is the same box that carries the completion back, so that nothing on
//! the way of a completion can fail for want of memory. A `VecDeque` would have to reserve for it.

/// A type with room for the link.
pub(crate) trait Link: Sized {
    fn link(&mut self) -> &mut Option<Box<Self>>;
}

/// A stack of boxes.
pub(crate) struct Chain<T: Link> {
    head: Option<Box<T>>,
    len: usize,
}

impl<T: Link> Chain<T> {
    pub(crate) const fn new() -> Self {
        Self { head: None, len: 0 }
    }

    pub(crate) fn of(node: Box<T>) -> Self {
        let mut chain = Self::new();
        chain.push(node);
        chain
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn first(&self) -> Option<&T> {
        self.head.as_deref()
    }

    pub(crate) fn first_mut(&mut self) -> Option<&mut T> {
        self.head.as_deref_mut()
    }

    pub(crate) fn push(&mut self, mut node: Box<T>) {
        *node.link() = self.head.take();
        self.head = Some(node);
        self.len += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<Box<T>> {
        let mut node = self.head.take()?;
        self.head = node.link().take();
        self.len -= 1;
        Some(node)
    }

    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new())
    }

    /// The other way round: producers push the newest first, consumers want the oldest.
    pub(crate) fn reversed(mut self) -> Self {
        let mut other = Self::new();
        while let Some(node) = self.pop() {
            other.push(node);
        }
        other
    }
}

impl<T: Link> Drop for Chain<T> {
    /// One by one: dropping a long chain through its links would recurse.
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
