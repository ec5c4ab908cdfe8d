//! The answer to something the recorder's own threads do: awaited in any runtime, or waited for in none.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures_channel::oneshot;

/// Something that will be answered. Await it, in whatever runtime, or [`wait`](Ticket::wait) for it where
/// there is none. Dropping it changes nothing about what was asked for.
#[must_use = "the answer tells whether it was done; `drop` it where that does not matter"]
pub struct Ticket<T>(State<T>);

enum State<T> {
    Answered(Option<T>),
    Asked {
        answer: oneshot::Receiver<T>,
        otherwise: fn() -> T,
    },
    /// An answer of another kind, on its way through a function.
    Mapped(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> Ticket<T> {
    pub(crate) fn answered(answer: T) -> Ticket<T> {
        Ticket(State::Answered(Some(answer)))
    }

    /// A ticket, the way to answer it, and the answer of one whose answerer went away.
    pub(crate) fn asked(otherwise: fn() -> T) -> (oneshot::Sender<T>, Ticket<T>) {
        let (sender, answer) = oneshot::channel();
        (sender, Ticket(State::Asked { answer, otherwise }))
    }

    /// One answer made of many, in order.
    pub(crate) fn all(tickets: Vec<Ticket<T>>) -> Ticket<Vec<T>>
    where
        T: Send + Unpin + 'static,
    {
        Ticket(State::Mapped(Box::pin(async move {
            let mut answers = Vec::with_capacity(tickets.len());
            for ticket in tickets {
                answers.push(ticket.await);
            }
            answers
        })))
    }

    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U + Send + 'static) -> Ticket<U>
    where
        T: Send + Unpin + 'static,
    {
        Ticket(State::Mapped(Box::pin(async move { f(self.await) })))
    }

    /// Waits for the answer on this thread. Within async code await the ticket instead.
    pub fn wait(self) -> T
    where
        T: Unpin,
    {
        block_on(self)
    }
}

impl<T: Unpin> Future for Ticket<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            State::Answered(answer) => {
                Poll::Ready(answer.take().expect("a ticket is not polled after it was answered"))
            }
            State::Asked { answer, otherwise } => {
                let otherwise = *otherwise;
                let poll = Pin::new(answer).poll(cx);
                if poll.is_ready() {
                    // A second answer would be that nobody answers.
                    self.0 = State::Answered(None);
                }
                poll.map(|answer| answer.unwrap_or_else(|_| otherwise()))
            }
            State::Mapped(future) => future.as_mut().poll(cx),
        }
    }
}

impl<T> std::fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Unpark>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}
