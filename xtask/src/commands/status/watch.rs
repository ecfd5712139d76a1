//! `status --watch`: what serves, again and again. On a terminal it is drawn anew and ends with `q` or Ctrl-C; elsewhere it is
//! printed once per change, until somebody stops it.

use super::{gather, human};
use crate::commands::context::Context;
use crate::exit::Exit;
use crate::report::Style;
use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use std::convert::Infallible;
use std::io::Read as _;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Clears the screen and begins at its top (ECMA-48: ED, CUP).
const ANEW: &str = "\u{1b}[2J\u{1b}[H";

/// Watches until `q`, Ctrl-C or SIGTERM.
pub(in crate::commands) async fn watch(context: &Context) -> anyhow::Result<Exit> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let draws = isatty(std::io::stdout());
    let keys_of_terminal = Keys::begin();
    let (pressed, mut keys) = mpsc::channel(1);
    if keys_of_terminal.is_some() {
        // It ends with the process: nobody waits for a thread that reads a terminal.
        std::thread::spawn(move || wait_for_q(&pressed));
    }
    // Also in the middle of a look somebody may stop it.
    tokio::select! {
        biased;
        _ = interrupt.recv() => Ok(Exit::Done),
        _ = terminate.recv() => Ok(Exit::Done),
        Some(()) = keys.recv() => Ok(Exit::Done),
        Err(failed) = look_again(context, draws) => Err(failed),
    }
}

/// Looks until it cannot.
async fn look_again(context: &Context, draws: bool) -> anyhow::Result<Infallible> {
    let mut last = None;
    loop {
        let shown = gather(context).await?;
        let now = human(Style::Plain, &shown);
        if last.as_ref() != Some(&now) {
            if draws {
                context.console.raw(ANEW);
            }
            context.console.result(&shown, |style| human(style, &shown));
            last = Some(now);
        }
        context.world.sleep(LOOK_AGAIN).await;
    }
}

fn wait_for_q(pressed: &mpsc::Sender<()>) {
    let keys = std::io::stdin().lock().bytes().map_while(Result::ok);
    if keys.into_iter().any(|key| key == b'q') {
        let _ = pressed.blocking_send(());
    }
}

/// The terminal gives each key as it is pressed; as it was when this is dropped.
struct Keys(Termios);

impl Keys {
    /// `None` where nobody sits there.
    fn begin() -> Option<Keys> {
        let stdin = std::io::stdin();
        if !isatty(&stdin) || !isatty(std::io::stdout()) {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut now = before.clone();
        now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &now).ok()?;
        Some(Keys(before))
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}
