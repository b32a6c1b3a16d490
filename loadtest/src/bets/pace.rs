//! When the next request should be sent.

use std::time::Duration;
use tokio::time::Instant;

/// How late the runtime's timer may wake an idle connection; that is not the server's time.
const TIMER_SLACK: Duration = Duration::from_millis(2);

/// One connection's share of a fixed rate, or no rate at all.
#[derive(Debug)]
pub(crate) struct Pace {
    next: Instant,
    /// Between two requests of this connection.
    gap: Option<Duration>,
}

impl Pace {
    /// Connection `seat` of `connections` that together send `rate` requests a second.
    pub(crate) fn new(
        begin: Instant,
        rate: Option<usize>,
        seat: usize,
        connections: usize,
    ) -> Self {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let gap = rate.map(|rate| {
            Duration::from_secs(1).saturating_mul(number(connections)) / number(rate).max(1)
        });
        let offset = gap.unwrap_or_default().saturating_mul(number(seat)) / number(connections);
        Self { next: begin + offset, gap }
    }

    /// Waits for the next turn and returns the moment from which latency counts.
    ///
    /// A connection that is behind sends at once and counts from when it should have sent; one
    /// that waited is forgiven the timer's rounding, and no more.
    pub(crate) async fn turn(&mut self) -> Instant {
        let Some(gap) = self.gap else { return Instant::now() };
        let due = self.next;
        self.next += gap;
        if Instant::now() >= due {
            return due;
        }
        tokio::time::sleep_until(due).await;
        Instant::now().min(due + TIMER_SLACK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_late_request_counts_from_when_it_was_due() {
        let begin = Instant::now();
        let ms = Duration::from_millis;
        let mut pace = Pace::new(begin, Some(20), 1, 2);
        assert_eq!(pace.turn().await, begin + ms(50));
        tokio::time::advance(ms(330)).await;
        assert_eq!(pace.turn().await, begin + ms(150));
        assert_eq!(pace.turn().await, begin + ms(250));
        assert_eq!(pace.turn().await, begin + ms(350));
        assert_eq!(pace.turn().await, begin + ms(450));
        assert_eq!(Instant::now(), begin + ms(450));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_there_is_no_waiting() {
        let begin = Instant::now();
        assert_eq!(Pace::new(begin, None, 0, 1).turn().await, begin);
    }
}
