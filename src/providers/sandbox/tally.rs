//! What happened, for one log line every ten seconds.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! tally {
    ($($(#[$doc:meta])* $name:ident / $count:ident,)*) => {
        /// Counts since the start.
        #[derive(Debug, Default)]
        pub(super) struct Tally { $($name: AtomicU64,)* }

        /// Counts at one moment.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub(super) struct Counts { $($(#[$doc])* pub(super) $name: u64,)* }

        impl Tally {
            $($(#[$doc])* pub(super) fn $count(&self) {
                self.$name.fetch_add(1, Relaxed);
            })*

            /// All counts.
            pub(super) fn counts(&self) -> Counts {
                Counts { $($name: self.$name.load(Relaxed),)* }
            }
        }

        impl Counts {
            /// What came since.
            pub(super) fn since(self, before: Self) -> Self {
                Self { $($name: self.$name.saturating_sub(before.$name),)* }
            }
        }
    };
}

tally! {
    /// A bet went through.
    bets / bet,
    /// A bet got its result.
    settled / settle,
    /// A bet was given back.
    rolled_back / roll_back,
    /// A deposit went through.
    deposits / deposit,
    /// A session was opened.
    sessions / session,
    /// A request was repeated on purpose.
    repeated / repeat,
    /// A request was sent out of order on purpose.
    disordered / disorder,
    /// A bet was refused for a good reason.
    refused / refuse,
    /// A request had to wait for a busy or missing server.
    waits / waited,
    /// An answer was not one that the protocol leads to expect.
    unexpected / surprise,
}

impl Counts {
    /// The line.
    pub(super) fn log(self, open: usize) {
        let Self { bets, settled, rolled_back, deposits, sessions, .. } = self;
        let Self { repeated, disordered, refused, waits, unexpected, .. } = self;
        tracing::info!(
            bets,
            settled,
            rolled_back,
            open,
            deposits,
            sessions,
            repeated,
            disordered,
            refused,
            waits,
            unexpected,
            "sandbox, last 10 s"
        );
    }
}
