//! How old the database may be: what our own repository does from the day on that its snapshot is too old.

use super::support;
use gateline::digest::Digest;
use gateline::evidence::advisories::AdvisoriesEvidence;
use gateline::evidence::{self, Evidence, GateEvidence, Measured, Subject};
use gateline::gates;
use gateline::policy::parse;
use gateline::tools::security::advisories::Databases;
use gateline::tools::security::snapshot::embedded;
use gateline::verdict::{Gate, Outcome, Severity};
use gateline::world::{Clock, World};
use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Our own policy, our own snapshot, and a clock that stands beyond every limit: gates say it and pass, a release is refused and
/// told what to type.
#[test]
fn our_own_policy_warns_of_an_old_snapshot_and_refuses_a_release() {
    let text = std::fs::read_to_string(support::repository().join("policies/security.yaml")).unwrap();
    let policy = parse::parse(|name| Ok((name == "security.yaml").then(|| text.clone()))).unwrap();
    let made: Date = embedded().unwrap().date.parse().unwrap();
    let limit = i64::from(policy.security.advisories.release_age_days_max);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let judged = |days: i64, gates: &[Gate]| {
        let day = made.saturating_add(Span::new().days(days));
        let now = day.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
        let folder = tempfile::tempdir().unwrap();
        let world = World::with([].into(), folder.path().to_owned(), Clock::manual(now));
        let reading = Databases::read(&world, folder.path(), folder.path(), &policy.security.advisories);
        let databases = runtime.block_on(reading).unwrap().used;
        let advisories = AdvisoriesEvidence { packages: 1, databases, ..AdvisoriesEvidence::default() };
        let measured = Measured { result: Ok(advisories), duration_millis: 0 };
        let gate_evidence = GateEvidence { advisories: Some(measured), ..GateEvidence::default() };
        let digest = Digest::of(b"");
        let subject = Subject {
            commit: "c".into(),
            dirty: false,
            tree: digest.clone(),
            policy: digest.clone(),
            toolchain: digest,
        };
        let (schema, change, uncompared) = (evidence::SCHEMA.to_owned(), None, None);
        let evidence = Evidence { schema, subject, change, uncompared, gates: gate_evidence };
        let verdict = gates::verdict(&policy, &evidence, gates);
        let gate = verdict.gates.into_iter().find(|gate| gate.gate == Gate::Advisories).unwrap();
        let stale = gate.findings.into_iter().find(|one| one.code == "advisories/stale-snapshot");
        (gate.outcome, stale.map(|one| (one.severity, one.help)))
    };
    for days in [limit + 1, limit + 3650] {
        let (outcome, told) = judged(days, &Gate::SECURITY);
        let (severity, help) = told.unwrap();
        assert_eq!((outcome, severity), (Outcome::Passed, Severity::Warning), "{days} days");
        assert!(help.contains("security update"), "{help}");
        let (outcome, told) = judged(days, &Gate::FOR_RELEASE);
        let (severity, help) = told.unwrap();
        assert_eq!((outcome, severity), (Outcome::Refused, Severity::Error), "{days} days");
        assert!(help.contains("security update"), "{help}");
    }
    let (outcome, told) = judged(limit, &Gate::FOR_RELEASE);
    assert_eq!((outcome, told.unwrap().0), (Outcome::Passed, Severity::Warning), "the last day");
    assert_eq!(judged(1, &Gate::FOR_RELEASE), (Outcome::Passed, None));
}
