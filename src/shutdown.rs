//! Which signals stop the desk: SIGTERM from a supervisor and SIGINT from a terminal mean the same.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals, listened for since the creation: none that came during the start is lost.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    #[cfg(feature = "faults")]
    deaf_to_terminate: bool,
}

impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(feature = "faults")]
            deaf_to_terminate: false,
        })
    }

    #[cfg(feature = "faults")]
    pub(crate) fn apply(&mut self, fault: Option<crate::faults::Fault>) {
        self.deaf_to_terminate = fault == Some(crate::faults::Fault::IgnoreSigterm);
    }

    /// Waits for the first of them, and names it.
    pub(crate) async fn stop(&mut self) -> &'static str {
        #[cfg(feature = "faults")]
        if self.deaf_to_terminate {
            self.interrupt.recv().await;
            return "SIGINT";
        }
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
