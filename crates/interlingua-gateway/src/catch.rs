//! What is left of a panic.

use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::task::Poll;

/// A panic that was caught; the process's hook has reported it.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Drives `future` to its end or to its panic, which costs one request instead of a connection with all
/// that was said on it.
///
/// What the future borrowed is not looked at again, so nothing half-done is seen. The shared state
/// consists of atomic values and of locks that survive a panic.
pub(crate) async fn caught<T>(future: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut future = pin!(future);
    std::future::poll_fn(move |cx| {
        match panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_result() {
        assert!(matches!(caught(async { 7 }).await, Ok(7)));
        let late = async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        };
        assert!(caught::<()>(late).await.is_err());
    }
}
