//! The deployer: observes, lets [`advance`] decide, makes it so, and writes down what it did.
//!
//! `intent` goes into the journal before each effect, `done` after it was observed. Nothing is remembered here that is
//! not there: a deployer that dies is replaced by the next one, which observes first.

mod approval;
mod link;
mod orders;
mod outcome;
mod records;

pub use approval::{Given, NAMESPACE, People, give, statement, would_count};
pub use link::Link;
pub use orders::{Book, Order};
pub use outcome::{exit_of, summary_line};
pub use records::{Judgement, Past, judgements, past};

use crate::failure::Failure;
use crate::platform::protocol::{
    Entry, GrantKind, InstanceSpec, Phase, Refusal, RefusalCode, Reply, Request, Target,
};
use crate::policy::approvers::Approvers;
use crate::report::{Console, Step};
use crate::rollout::seen::EnvironmentStatus;
use crate::rollout::{Action, Kind, Observation, Previous, Rollout, State, Terminal, advance};
use crate::world::World;
use std::time::Duration;

/// Most actions of one rollout; the engine's deadlines end it long before.
const ACTIONS_MAX: u32 = 1_000_000;
/// The longest between two looks at whether a window has opened.
const LOOK_AT_WINDOW: Duration = Duration::from_secs(1);
/// After a refused action, this long until the next look.
const AFTER_REFUSAL: Duration = Duration::from_millis(200);

/// Who answers approval requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approver {
    /// `--yes`: the person who runs this, where policy lets them.
    Yes,
    /// Whoever sits at the terminal, if anybody does.
    Ask,
}

/// One rollout being followed.
pub struct Deployer<'a> {
    /// The door to the outside.
    pub world: &'a World,
    /// Where narration goes.
    pub console: &'a Console,
    /// The connection to the supervisor.
    pub link: &'a mut Link,
    /// How an instance of the new version is started; its id and role are filled in.
    pub spec: InstanceSpec,
    /// Who answers.
    pub approver: Approver,
    /// Who is who, by the policies in force.
    pub people: Approvers,
}

/// How following ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Followed {
    /// In a terminal state.
    Ended(Rollout),
    /// Waiting for an approval that could not be had here.
    Held(Rollout),
    /// Waiting for an order to be taken back, or a window; the text says which, and how.
    Ordered(Rollout, String),
}

impl Deployer<'_> {
    /// Follows a rollout to its end, or to where it is held.
    ///
    /// # Errors
    /// Where the supervisor cannot be reached or refuses what it should not, or another deployer took over.
    pub async fn follow(&mut self, mut rollout: Rollout) -> anyhow::Result<Followed> {
        let target = Target { service: rollout.service.clone(), environment: rollout.environment.clone() };
        let step =
            self.console.step(self.world, format!("{} {}", rollout.environment, rollout.digest.short()));
        let (mut book, mut verified, mut asked) = (Book::default(), approval::Verified::new(), false);
        for _ in 0..ACTIONS_MAX {
            self.link.news(&rollout.service, &mut book).await?;
            let orders = book.orders(&rollout);
            let seen = self.link.environment(&target).await?;
            let said = book.said(&rollout.id);
            let approvals = approval::given(self.world, said, &rollout, &self.people, &mut verified).await?;
            let now = self.world.now();
            let sides = match rollout.due_look(now, &seen) {
                Some(_) => self.link.samples(&target).await?,
                None => None,
            };
            let observation = Observation { now, approvals, orders, seen, sides };
            let (next, action) = advance(&rollout, &observation);
            if begins(&rollout, &next) && self.link.epoch(&target).is_none() {
                self.take_grant(&target, &rollout, GrantKind::Forward).await?;
                // Approvals, orders and windows are looked at once more with the grant in hand.
                continue;
            }
            // What the judge saw is written before anything follows from it.
            if let Some(input) = rollout.input(&observation).filter(|_| next.judged != rollout.judged) {
                self.link.append(&target, records::judged(&rollout, &input)).await?;
            }
            if let Some(look) = next.judged.iter().find(|look| !rollout.judged.contains(look)) {
                self.console.note(format!("  · {}: the judge {}", rollout.environment, look.told()));
            }
            if next != rollout {
                self.enter(&target, &mut rollout, next, &step, &observation.seen).await?;
            }
            match action {
                Action::Finish => {
                    self.link.release(&target).await;
                    finish_step(step, &rollout);
                    return Ok(Followed::Ended(rollout));
                }
                Action::AskApproval => {
                    self.link.release(&target).await;
                    if asked || !self.ask(&rollout, &step).await? {
                        let (have, need) = (approvals.granted, rollout.plan.approvals);
                        step.failed(format!("held: waiting for an approval ({have} of {need})"));
                        return Ok(Followed::Held(rollout));
                    }
                    asked = true;
                }
                Action::Hold { why, opens: Some(opens) } => {
                    self.link.release(&target).await;
                    step.tell(format!("waits: {why}"));
                    let left = Duration::try_from(opens.duration_since(observation.now)).unwrap_or_default();
                    self.world.sleep(left.min(LOOK_AT_WINDOW)).await;
                }
                Action::Hold { why, opens: None } => {
                    self.link.release(&target).await;
                    step.failed(format!("held: {why}"));
                    return Ok(Followed::Ordered(rollout, why));
                }
                Action::Pause { why } => {
                    self.link.append(&target, Order::Pause.entry(&rollout.id, &why)).await?;
                }
                action => self.make_so(&target, &rollout, &action).await?,
            }
        }
        anyhow::bail!("rollout {} did not end within {ACTIONS_MAX} actions", rollout.id)
    }

    /// Writes the next state down before anything is done in it. From `Starting` on it needs the grant; what was planned
    /// against another stable release is refused there.
    async fn enter(
        &mut self,
        target: &Target,
        rollout: &mut Rollout,
        mut next: Rollout,
        step: &Step<'_>,
        seen: &EnvironmentStatus,
    ) -> anyhow::Result<()> {
        let active = !matches!(next.state, State::AwaitingApproval | State::Ended { .. });
        // The way back has a grant of its own: no deployment may take it away, and its records may use the space that is
        // kept for them.
        let back = next.kind == Kind::Rollback || matches!(next.state, State::GoingBack | State::Cleaning);
        let kind = if back { GrantKind::Rollback } else { GrantKind::Forward };
        if active
            && (self.link.epoch(target).is_none()
                || (back && self.link.kind(target) == Some(GrantKind::Forward)))
        {
            self.take_grant(target, rollout, kind).await?;
        }
        let stable = seen.weights.stable().map(Previous::from);
        if rollout.state == State::AwaitingApproval && active && stable != rollout.previous {
            next = superseded(&next);
        }
        self.link.append(target, records::state(&next)).await?;
        step.tell(outcome::now(&next));
        self.console.detail(format!("{}: {}", next.id, outcome::now(&next)));
        *rollout = next;
        Ok(())
    }

    async fn take_grant(
        &mut self,
        target: &Target,
        rollout: &Rollout,
        kind: GrantKind,
    ) -> anyhow::Result<()> {
        self.link.grant(target, kind).await?;
        self.refuse_if_taken_over(target, rollout).await
    }

    /// With the grant in hand: has somebody else gone on with this rollout meanwhile? A terminal state never changes.
    async fn refuse_if_taken_over(&mut self, target: &Target, rollout: &Rollout) -> anyhow::Result<()> {
        let newest = self.link.environment(target).await?.rollout;
        let newest = newest.and_then(|body| serde_json::from_value::<Rollout>(body).ok());
        let Some(other) = newest.filter(|newest| newest.id == rollout.id && newest.state != rollout.state)
        else {
            return Ok(());
        };
        self.link.release(target).await;
        Err(Failure::error(
            crate::exit::Exit::RolledBack,
            format!("somebody else went on with rollout {}: it is {}", rollout.id, other.state.name()),
            format!("cargo xtask history {}", target.environment),
        ))
    }

    async fn make_so(&mut self, target: &Target, rollout: &Rollout, action: &Action) -> anyhow::Result<()> {
        let Some(request) = self.request(target, rollout, action)? else {
            return self.wait(target, rollout, action).await;
        };
        let journalled = !matches!(action, Action::Probe { .. });
        if journalled {
            self.link.append(target, records::entry(rollout, Phase::Intent, action, None)).await?;
        }
        let (phase, outcome) = match self.link.call(request).await? {
            Ok(reply) => (Phase::Done, serde_json::to_value(&reply)?),
            Err(refusal) if refusal.code == RefusalCode::Stale => return Err(link::refused(&refusal)),
            Err(refusal) => {
                self.world.sleep(AFTER_REFUSAL).await;
                self.console.detail(format!("refused: {}", refusal.message));
                (Phase::Failed, serde_json::to_value(&refusal)?)
            }
        };
        if journalled {
            self.link.append(target, records::entry(rollout, phase, action, Some(outcome))).await?;
        }
        Ok(())
    }

    fn request(
        &self,
        target: &Target,
        rollout: &Rollout,
        action: &Action,
    ) -> anyhow::Result<Option<Request>> {
        let (target, deadlines) = (target.clone(), &rollout.plan.deadlines);
        let epoch = self.link.epoch(&target).unwrap_or(0);
        Ok(match action {
            Action::Start { instance } => {
                let spec = InstanceSpec { id: instance.clone(), ..self.spec.clone() };
                Some(Request::Start { target, epoch, spec })
            }
            Action::SetWeights { weights } => {
                Some(Request::SetWeights { target, epoch, weights: weights.clone() })
            }
            Action::Probe { count } => Some(Request::Probe {
                target,
                epoch,
                role: crate::rollout::seen::Role::Canary,
                path: self.link.probe_path().to_owned(),
                count: *count,
            }),
            Action::Stop { instance } => Some(Request::Stop {
                target,
                epoch,
                instance: instance.clone(),
                drain_millis: deadlines.drain_secs * 1000,
                grace_millis: deadlines.stop_secs * 1000,
            }),
            Action::Wait { .. }
            | Action::AskApproval
            | Action::Hold { .. }
            | Action::Pause { .. }
            | Action::Finish => None,
        })
    }

    /// Lets time pass and keeps the weights alive.
    async fn wait(&mut self, target: &Target, rollout: &Rollout, action: &Action) -> anyhow::Result<()> {
        let Action::Wait { millis } = action else { return Ok(()) };
        if let (true, Some(epoch)) = (rollout.is_exposed(), self.link.epoch(target)) {
            let expires_in_millis = rollout.plan.deadlines.weight_expiry_secs * 1000;
            // A refused renewal shows in the next observation: the weights have lapsed.
            let _ =
                self.link.call(Request::Renew { target: target.clone(), epoch, expires_in_millis }).await?;
        }
        self.world.sleep(Duration::from_millis(*millis)).await;
        Ok(())
    }

    /// Asks at the terminal, on a thread of its own: Ctrl-C must still be heard.
    async fn asked(&self, rollout: &Rollout, step: &Step<'_>) -> bool {
        step.hide();
        let (console, question) = (self.console.clone(), approval::question(rollout));
        let answer = tokio::task::spawn_blocking(move || console.ask(&question)).await;
        step.show();
        answer.unwrap_or(false)
    }

    async fn ask(&mut self, rollout: &Rollout, step: &Step<'_>) -> anyhow::Result<bool> {
        let yes = match self.approver {
            Approver::Yes => rollout.plan.self_approval,
            Approver::Ask => {
                step.tell("waiting for an approval");
                rollout.plan.self_approval && self.console.can_ask() && self.asked(rollout, step).await
            }
        };
        let people = People { approvers: &self.people, now: self.world.now() };
        match would_count(rollout, Given::Yes, None, &people) {
            Ok(()) if yes => give(self.link, rollout, Given::Yes, "", None).await.map(|()| true),
            Err(why) if yes => {
                self.console.note(format!("  ! your approval would not count: {why}"));
                Ok(false)
            }
            _ => Ok(false),
        }
    }
}

/// Whether a rollout that waited may begin.
fn begins(rollout: &Rollout, next: &Rollout) -> bool {
    rollout.state == State::AwaitingApproval && next.state == State::Starting
}

/// What was planned against another stable version is not rolled out: it would restore the wrong one.
fn superseded(rollout: &Rollout) -> Rollout {
    let reason = "another version became the stable one while this was waiting";
    Rollout {
        state: State::Ended { terminal: Terminal::Superseded },
        reason: Some(reason.to_owned()),
        ..rollout.clone()
    }
}

fn finish_step(step: Step<'_>, rollout: &Rollout) {
    let line = summary_line(rollout);
    match exit_of(rollout) {
        crate::exit::Exit::Done => step.done(line),
        _ => step.failed(line),
    };
}

/// Starts the record of a new rollout: its first state, before anything is done.
///
/// # Errors
/// Where the journal cannot be written.
pub async fn begin(link: &mut Link, rollout: &Rollout) -> anyhow::Result<()> {
    let target = Target { service: rollout.service.clone(), environment: rollout.environment.clone() };
    link.append(&target, records::state(rollout)).await.map(|_| ())
}

/// The last record of every rollout in a service's journal, oldest first.
///
/// # Errors
/// Where the journal cannot be read.
pub async fn rollouts(link: &mut Link, service: &str) -> anyhow::Result<Vec<Rollout>> {
    readable(link, service).await?.map_err(|refusal| link::refused(&refusal))
}

/// The same for those who go on without a journal: why it cannot be read is a value.
///
/// # Errors
/// Where the supervisor cannot be asked.
pub async fn readable(link: &mut Link, service: &str) -> anyhow::Result<Result<Vec<Rollout>, Refusal>> {
    let records = link.readable(service).await?;
    Ok(records.map(|records| past(&records).into_iter().map(|past| past.rollout).collect()))
}

/// An entry that belongs to no action: an approval, a note.
pub fn event(rollout: &str, what: &str, body: serde_json::Value) -> Entry {
    Entry { rollout: rollout.to_owned(), phase: Phase::Event, what: what.to_owned(), body }
}

/// What a reply should have been, for messages.
fn unexpected(reply: &Reply) -> anyhow::Error {
    let said = serde_json::to_string(reply).unwrap_or_default();
    Failure::infrastructure(
        format!("the supervisor answered something else: {said}"),
        "cargo xtask local down, then local up",
    )
}
