//! Shows the log to one hub at a time.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;

use embassy_time::Timer;
use embedded_storage_async::nor_flash::NorFlash;
use node_core::rpc::{Code, LOG_STREAM_S, LogItem, LogLine, LogRequest, LogTime};

use super::{Methods, read_body};
use crate::application::{Application, Reply};
use crate::exchange::Exchange;
use crate::log;
use crate::state::ExchangeError;

/// Longest request.
const REQUEST: usize = 32;

impl<F: NorFlash, A: Application> Methods<'_, '_, F, A> {
    /// Sends lines until the caller has what it asked for.
    pub(crate) async fn logs(&self, exchange: &mut Exchange<'_>) -> Result<(), ExchangeError> {
        let mut buffer = [0; REQUEST];
        let mut reply = Reply::new(exchange);
        let length = read_body(reply.exchange(), &mut buffer).await?.unwrap_or_default();
        let Ok(request) = postcard::from_bytes::<LogRequest>(buffer.get(..length).unwrap_or_default()) else {
            return reply.error(Code::BadRequest, "this is no request for a log").await;
        };
        reply.ok(&()).await?;
        let end = if request.follow { u64::MAX } else { log::last() };
        let mut next = request.after.saturating_add(1);
        let mut over = Timer::after_secs(LOG_STREAM_S.into());
        while next <= end {
            let found = poll_fn(|cx| match log::find(next, cx.waker()) {
                Some(line) => Poll::Ready(Some(line)),
                None => Pin::new(&mut over).poll(cx).map(|()| None),
            });
            let Some(line) = found.await else { return reply.item(&LogItem::Until(next - 1)).await };
            let lost = line.number - next;
            next = line.number + 1;
            // A reader that asks by age misses no numbers.
            if lost > 0 && request.max_age_ms.is_none() {
                reply.item(&LogItem::Lost(lost)).await?;
            }
            let age = embassy_time::Instant::now().as_millis().saturating_sub(line.at);
            if line.level <= request.level && request.max_age_ms.is_none_or(|most| age <= most) {
                let item = LogItem::Line(LogLine {
                    number: line.number,
                    time: LogTime::Ago(age),
                    level: line.level,
                    target: "node_embedded",
                    message: &line.text,
                    fields: &[],
                });
                reply.item(&item).await?;
            }
        }
        Ok(())
    }
}
