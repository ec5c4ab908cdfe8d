//! A body that tells when it has ended.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use indelible_recorder::http::Exchange;

pin_project_lite::pin_project! {
    /// The body of an audited response: that of the service, unchanged. The request is recorded when this one has ended,
    /// or is dropped before.
    #[derive(Debug)]
    pub struct AuditBody<R> {
        // Dropped first: what it records as it goes belongs to the request.
        #[pin]
        inner: R,
        exchange: Option<Exchange>,
    }
}

impl<R> AuditBody<R> {
    pub(crate) fn new(inner: R, exchange: Option<Exchange>) -> AuditBody<R> {
        AuditBody { inner, exchange }
    }

    /// The body of a response that is not audited.
    pub(crate) fn plain(inner: R) -> AuditBody<R> {
        AuditBody::new(inner, None)
    }
}

impl<R: Body> Body for AuditBody<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<R::Data>, R::Error>>> {
        let mut this = self.project();
        let Some(exchange) = this.exchange else { return this.inner.poll_frame(cx) };
        let polled = exchange.within(|| this.inner.as_mut().poll_frame(cx));
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(frame))) => {
                see(exchange, frame);
                // Servers do not ask again where nothing can come.
                if this.inner.is_end_stream() {
                    this.exchange.take().into_iter().for_each(Exchange::finish);
                }
            }
            Poll::Ready(Some(Err(_))) => {
                this.exchange.take().into_iter().for_each(Exchange::fail_body)
            }
            Poll::Ready(None) => this.exchange.take().into_iter().for_each(Exchange::finish),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn see<D: Buf>(exchange: &mut Exchange, frame: &Frame<D>) {
    if let Some(data) = frame.data_ref() {
        exchange.sent(data.remaining() as u64);
    }
    if let Some(status) = frame.trailers_ref().and_then(|trailers| trailers.get("grpc-status")) {
        exchange.grpc_status(status.as_bytes());
    }
}
