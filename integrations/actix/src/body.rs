//! A body that tells when it has ended.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use indelible_recorder::http::Exchange;

pin_project_lite::pin_project! {
    /// The body of an audited response: that of the service, unchanged. The request is recorded when this one has ended,
    /// or is dropped before.
    #[derive(Debug)]
    pub struct AuditBody<B> {
        // Dropped first: what it records as it goes belongs to the request.
        #[pin]
        inner: B,
        exchange: Option<Exchange>,
    }
}

impl<B> AuditBody<B> {
    /// Without an exchange, the body of a response that is not audited.
    pub(crate) fn new(inner: B, exchange: Option<Exchange>) -> AuditBody<B> {
        AuditBody { inner, exchange }
    }
}

impl<B: MessageBody> MessageBody for AuditBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.inner.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, B::Error>>> {
        let this = self.project();
        let Some(exchange) = this.exchange else { return this.inner.poll_next(cx) };
        let polled = exchange.within(|| this.inner.poll_next(cx));
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(bytes))) => exchange.sent(bytes.len() as u64),
            Poll::Ready(Some(Err(_))) => {
                this.exchange.take().into_iter().for_each(Exchange::fail_body);
            }
            Poll::Ready(None) => this.exchange.take().into_iter().for_each(Exchange::finish),
        }
        polled
    }
}
