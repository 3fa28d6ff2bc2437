//! The completion queue and its wake, model-checked: the very source of `src/queue.rs` over loom's locks, which runs
//! every interleaving of a few threads (up to three preemptions each). A lost wake-up shows as a deadlock.

#![allow(
    dead_code,
    reason = "the models use only parts of the modules they include"
)]

#[path = "../src/chain.rs"]
mod chain;
#[path = "../src/queue.rs"]
mod queue;

/// loom's locks behind the names and signatures of `src/sync.rs`.
mod sync {
    use std::ops::{Deref, DerefMut};

    pub(crate) use loom::sync::atomic::{AtomicUsize, Ordering};

    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    /// Always `Some`, but while a condition variable has it.
    pub(crate) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    pub(crate) struct Condvar(loom::sync::Condvar);

    pub(crate) struct TimedOut;

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap()))
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().unwrap()
        }
    }

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self(loom::sync::Condvar::new())
        }

        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let inner = guard.0.take().unwrap();
            guard.0 = Some(self.0.wait(inner).unwrap());
        }

        /// Time does not pass in a model.
        pub(crate) fn wait_until<T>(
            &self,
            guard: &mut MutexGuard<'_, T>,
            _until: std::time::Instant,
        ) -> TimedOut {
            self.wait(guard);
            TimedOut
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    impl TimedOut {
        pub(crate) fn timed_out(&self) -> bool {
            false
        }
    }
}

use chain::{Chain, Link};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use queue::{Queue, Wake};

struct Node {
    link: Option<Box<Node>>,
    number: usize,
}

impl Link for Node {
    fn link(&mut self) -> &mut Option<Box<Self>> {
        &mut self.link
    }
}

fn chain_of(numbers: impl DoubleEndedIterator<Item = usize>) -> Chain<Node> {
    let mut chain = Chain::new();
    for number in numbers.rev() {
        chain.push(Box::new(Node { link: None, number }));
    }
    chain
}

/// A host that sleeps until it is woken: with a level-triggered descriptor, or a function that fires once.
struct Host {
    is_raised: loom::sync::Mutex<bool>,
    raised: loom::sync::Condvar,
    is_one_shot: bool,
    /// After the queue was freed, nothing may wake the host.
    is_gone: AtomicBool,
}

impl Host {
    fn new(is_one_shot: bool) -> Self {
        Self {
            is_raised: loom::sync::Mutex::new(false),
            raised: loom::sync::Condvar::new(),
            is_one_shot,
            is_gone: AtomicBool::new(false),
        }
    }

    fn sleep(&self) {
        let mut is_raised = self.is_raised.lock().unwrap();
        while !*is_raised {
            is_raised = self.raised.wait(is_raised).unwrap();
        }
        if self.is_one_shot {
            *is_raised = false;
        }
    }
}

impl Wake for Host {
    fn signal(&self) -> bool {
        assert!(
            !self.is_gone.load(Ordering::SeqCst),
            "a wake after the queue was freed"
        );
        *self.is_raised.lock().unwrap() = true;
        self.raised.notify_one();
        true
    }

    fn clear(&self) {
        if !self.is_one_shot {
            *self.is_raised.lock().unwrap() = false;
        }
    }

    fn is_one_shot(&self) -> bool {
        self.is_one_shot
    }
}

type Model = Queue<Node, Host>;

fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Takes up to `capacity` boxes; returns their numbers.
fn take(queue: &Model, capacity: usize) -> Vec<usize> {
    let mut drain = queue.drain(capacity, None).expect("one host");
    let mut numbers = Vec::new();
    while let Some(node) = drain.next() {
        numbers.push(node.number);
    }
    numbers
}

fn produce(queue: &Arc<Model>, first: usize, count: usize) -> thread::JoinHandle<()> {
    let queue = Arc::clone(queue);
    thread::spawn(move || {
        (first..first + count).for_each(|number| queue.push(chain_of(number..number + 1)))
    })
}

/// Two producers against a host that looks only when it is woken, and takes at most `capacity` at a time.
fn no_wake_is_lost(is_one_shot: bool, capacity: usize) {
    check(move || {
        let queue = Arc::new(Model::new(Host::new(is_one_shot)));
        let producers = [produce(&queue, 10, 1), produce(&queue, 20, 2)];
        let mut seen = Vec::new();
        while seen.len() < 3 {
            queue.wake.sleep();
            seen.extend(take(&queue, capacity));
        }
        producers
            .into_iter()
            .for_each(|producer| producer.join().unwrap());
        assert!(take(&queue, 8).is_empty(), "nothing is delivered twice");
        let place = |number| {
            seen.iter()
                .position(|&n| n == number)
                .expect("everything is delivered")
        };
        assert!(place(20) < place(21), "the order of a producer is kept");
        place(10);
    });
}

#[test]
fn contract_04_no_wake_is_lost_with_a_descriptor() {
    no_wake_is_lost(false, 8);
}

#[test]
fn contract_04_no_wake_is_lost_with_a_function() {
    no_wake_is_lost(true, 8);
}

#[test]
fn contract_04_a_partial_drain_rearms_a_descriptor() {
    no_wake_is_lost(false, 1);
}

#[test]
fn contract_04_a_partial_drain_rearms_a_function() {
    no_wake_is_lost(true, 1);
}

/// A drain that stops on the way, as a dispatch whose budget is used up or whose callback throws.
#[test]
fn contract_04_an_abandoned_drain_rearms() {
    for is_one_shot in [false, true] {
        check(move || {
            let queue = Arc::new(Model::new(Host::new(is_one_shot)));
            let producer = produce(&queue, 10, 2);
            let mut seen = 0;
            while seen < 2 {
                queue.wake.sleep();
                let mut drain = queue.drain(8, None).unwrap();
                seen += usize::from(drain.next().is_some());
            }
            producer.join().unwrap();
        });
    }
}

#[test]
fn contract_04_a_sleeping_poll_sees_every_arrival() {
    check(|| {
        let queue = Arc::new(Model::new(Host::new(false)));
        let producers = [produce(&queue, 10, 1), produce(&queue, 20, 1)];
        let mut seen = 0;
        while seen < 2 {
            let mut drain = queue.drain(8, Some(None)).unwrap();
            while drain.next().is_some() {
                seen += 1;
            }
        }
        producers
            .into_iter()
            .for_each(|producer| producer.join().unwrap());
    });
}

/// A host that looks before it sleeps: what arrives meanwhile makes no wake, unless it is left.
fn no_wake_is_lost_beside_a_look(is_one_shot: bool) {
    check(move || {
        let queue = Arc::new(Model::new(Host::new(is_one_shot)));
        let producers = [produce(&queue, 10, 1), produce(&queue, 20, 1)];
        let mut seen = 0;
        while seen < 2 {
            let attended = queue.attend();
            if queue.has_arrivals() {
                seen += take(&queue, 1).len();
            }
            drop(attended);
            if seen < 2 {
                queue.wake.sleep();
                seen += take(&queue, 8).len();
            }
        }
        producers
            .into_iter()
            .for_each(|producer| producer.join().unwrap());
    });
}

#[test]
fn contract_04_no_wake_is_lost_beside_a_look_with_a_descriptor() {
    no_wake_is_lost_beside_a_look(false);
}

#[test]
fn contract_04_no_wake_is_lost_beside_a_look_with_a_function() {
    no_wake_is_lost_beside_a_look(true);
}

#[test]
fn contract_04_what_comes_during_a_look_makes_no_wake() {
    check(|| {
        let queue = Arc::new(Model::new(Host::new(false)));
        let attended = queue.attend();
        let producer = produce(&queue, 10, 1);
        while !queue.has_arrivals() {
            thread::yield_now();
        }
        assert_eq!(take(&queue, 8), [10]);
        drop(attended);
        producer.join().unwrap();
        assert!(!*queue.wake.is_raised.lock().unwrap());
    });
}

/// Freeing while workers complete: everything is handed out once or counted, and no wake comes after.
#[test]
fn contract_05_free_against_wake() {
    check(|| {
        let queue = Arc::new(Model::new(Host::new(true)));
        let handed_out = Arc::new(AtomicUsize::new(0));
        assert!(queue.attach());
        let producer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                queue.push(chain_of(0..2));
                queue.push(chain_of(2..3));
                queue.detach();
            })
        };
        let host = {
            let (queue, handed_out) = (Arc::clone(&queue), Arc::clone(&handed_out));
            thread::spawn(move || {
                if let Ok(mut drain) = queue.drain(1, None) {
                    handed_out.fetch_add(usize::from(drain.next().is_some()), Ordering::SeqCst);
                }
            })
        };
        let undelivered = queue.close(None).expect("it waits for ever");
        queue.wake.is_gone.store(true, Ordering::SeqCst);
        producer.join().unwrap();
        host.join().unwrap();
        assert_eq!(undelivered as usize + handed_out.load(Ordering::SeqCst), 3);
        assert!(!queue.attach(), "a freed queue takes nobody in");
    });
}

/// A poll that sleeps while the queue is freed comes back.
#[test]
fn contract_05_free_ends_a_sleeping_poll() {
    check(|| {
        let queue = Arc::new(Model::new(Host::new(false)));
        let host = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || drop(queue.drain(8, Some(None))))
        };
        assert_eq!(queue.close(None), Some(0));
        host.join().unwrap();
    });
}
