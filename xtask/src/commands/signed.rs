//! Signed evidence: what `ship` attaches, what `image verify` shows and `deploy` and `promote` demand; and `key`.

use super::context::{Context, InForce};
use super::image::{Made, package};
use crate::cli::KeyVerb;
use crate::digest::Digest;
use crate::evidence::Evidence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::oci::layout;
use crate::policy::image::{RequiredEvidence, VerifyPolicy};
use crate::policy::lint::Level;
use crate::release::Release;
use crate::release::attest::judge::{Accepted, Demands, Refusal};
use crate::release::attest::key::PublicKey;
use crate::release::attest::statement::{Built, Predicate, Statement, VerdictPredicate, provenance};
use crate::report::table::table;
use crate::tools::image::architecture_here;
use crate::tools::sbom::{self, Subject};
use crate::tools::toolchain::Toolchain;
use crate::tools::{evidence, signing};
use crate::verdict::Verdict;
use crate::workspace::Workspace;
use anyhow::Context as _;
use jiff::SignedDuration;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The end of `image verify`, as `--format json` shows it.
#[derive(Serialize)]
struct Verified<'a> {
    /// `gateline/image-verify/v1`.
    schema: &'static str,
    digest: &'a Digest,
    accepted: Option<&'a Accepted>,
    refused: &'a [Refusal],
}

/// What the gates said of a release to be, to be signed.
pub(super) fn said(verdict: &Verdict, measured: &Evidence, file: &[u8]) -> VerdictPredicate {
    let subject = &measured.subject;
    VerdictPredicate {
        gateline: VERSION.to_owned(),
        commit: subject.commit.clone(),
        tree: subject.tree.clone(),
        policy: subject.policy.clone(),
        toolchain: subject.toolchain.clone(),
        evidence: Digest::of(file),
        outcome: verdict.outcome,
        gates: verdict.gates.iter().map(|gate| (gate.gate.name().to_owned(), gate.outcome)).collect(),
    }
}

/// Signs what is known of an image with the key of this machine, and attaches it.
pub(super) async fn attach(
    context: &Context,
    workspace: &Workspace,
    in_force: &InForce,
    made: &Made,
    verdict: &VerdictPredicate,
) -> anyhow::Result<()> {
    let (policy, built) = (&in_force.policy.image, &made.built);
    let facts = package(workspace, policy)?;
    let toolchain = Toolchain::read(&context.world, &workspace.root, Some(&workspace.target)).await?;
    let target = toolchain.host()?.to_owned();
    let subject =
        Subject { root: &workspace.root, package: &facts.name, target: &target, profile: &policy.profile };
    let account = sbom::account(&context.world, &subject).await?;
    let bill = sbom::bill(&account, &subject, &built.linked, &toolchain)?.document(super::sbom::MAKER);
    let bill: serde_json::Value = serde_json::from_str(&bill).context("the bill of materials is no JSON")?;
    let lockfile = Digest::of(&sbom::lockfile(&workspace.root)?);
    let programs = [
        ("rustc", &toolchain.rustc),
        ("cargo", &toolchain.cargo),
        ("linker", &toolchain.linker),
        ("libc", &toolchain.libc),
    ];
    let programs = programs.map(|(name, version)| (name.to_owned(), version.clone()));
    let how = provenance(&Built {
        commit: &workspace.repository.commit,
        repository: facts.repository.as_deref(),
        lockfile: &lockfile,
        toolchain: (BTreeMap::from(programs), &toolchain.digest()),
        parameters: serde_json::json!({
            "package": facts.name,
            "binary": policy.binary,
            "profile": policy.profile,
            "features": policy.features,
            "arguments": policy.arguments,
            "target": target,
        }),
        version: VERSION,
        times: made.times,
    });
    let statements = [
        Statement::new(&facts.name, &built.digest, Predicate::Provenance, &how)?,
        Statement::new(&facts.name, &built.digest, Predicate::Sbom, &bill)?,
        Statement::new(&facts.name, &built.digest, Predicate::Verdict, verdict)?,
    ];
    let key = signing::of_state(&context.world, &context.state()?)?;
    evidence::attach(&built.layout, &built.digest, &statements, &key).map_err(|error| {
        let message = format!("failed to attach evidence to {}: {error}", built.layout.display());
        Failure::infrastructure(message, "cargo xtask ship --fresh")
    })?;
    let (image, key) = (built.digest.short(), key.public().id().clone());
    context.console.detail(format!("  signed provenance, sbom and verdict of {image} with {}", key.short()));
    Ok(())
}

/// Everything that is demanded, together.
fn judged(
    context: &Context,
    in_force: &InForce,
    layout: &Path,
    image: &Digest,
    (commit, file): (Option<&str>, Option<&Digest>),
) -> anyhow::Result<Result<Accepted, Vec<Refusal>>> {
    let verify = &in_force.policy.image.verify;
    let keys = admitted(&context.state()?, verify)?;
    let kinds = verify.required.iter().map(|one| match one {
        RequiredEvidence::Provenance => Predicate::Provenance,
        RequiredEvidence::Sbom => Predicate::Sbom,
        RequiredEvidence::Verdict => Predicate::Verdict,
    });
    let demands = Demands {
        image,
        commit,
        evidence: file,
        policy: &in_force.policy.hash(),
        keys: &keys,
        required: &kinds.collect::<Vec<_>>(),
        now: context.world.now(),
        age_max: SignedDuration::from_hours(i64::from(verify.age_days_max) * 24),
    };
    Ok(evidence::verify(layout, &demands))
}

/// Whose signatures count.
fn admitted(state: &Path, verify: &VerifyPolicy) -> anyhow::Result<Vec<PublicKey>> {
    let mut keys = Vec::new();
    for (at, text) in verify.keys.iter().enumerate() {
        keys.push(PublicKey::from_pem(text).map_err(|why| {
            let message = format!("policies/image.yaml: `verify.keys[{at}]` is refused: {why}");
            Failure::usage(message, "write what `cargo xtask key show` prints")
        })?);
    }
    if verify.local_key
        && let Some(key) = signing::read(&signing::file(state))?
    {
        keys.push(key.public());
    }
    Ok(keys)
}

/// Whether the signed evidence of a release holds, as the policy wants it.
///
/// # Errors
/// Exit 10 with the last refusal; the others are told before.
pub(super) fn demand(
    context: &Context,
    in_force: &InForce,
    layout: &Path,
    release: &Release,
) -> anyhow::Result<()> {
    let level = in_force.policy.image.verify.level;
    if level == Level::Off {
        return Ok(());
    }
    let Err(refused) =
        judged(context, in_force, layout, &release.digest, (Some(&release.commit), Some(&release.evidence)))?
    else {
        return Ok(());
    };
    let (last, others) = match refused.split_last() {
        Some((last, others)) if level == Level::Refuse => (Some(last), others),
        _ => (None, &refused[..]),
    };
    for one in others {
        context.console.note(format!("  ! {}: {}", one.code, one.message));
    }
    last.map_or(Ok(()), |one| {
        let message = format!("release {} is refused: {}: {}", release.digest.short(), one.code, one.message);
        Err(Failure::error(Exit::Refused, message, one.help.clone()))
    })
}

/// What `image verify` looks at.
pub(super) enum Looked {
    /// A layout here, whole; the newest release where none is named.
    Layout(Option<PathBuf>),
    /// The evidence of an image of a registry, fetched into a layout; the digest is what its tag led to.
    #[cfg_attr(not(feature = "registry"), expect(dead_code, reason = "the light build starts itself again"))]
    Fetched(PathBuf, Digest),
}

/// `image verify`.
pub(super) async fn verify(
    context: &Context,
    looked: Looked,
    digest: Option<String>,
    commit: Option<String>,
) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    // The tag is resolved once, here; from here on only the digest counts.
    let (layout, held) = match looked {
        Looked::Fetched(layout, held) => (layout, held),
        Looked::Layout(named) => {
            let layout = named.map_or_else(
                || context.reports(&workspace).join("release").join("image"),
                |layout| context.world.directory().join(layout),
            );
            let stored = layout::read(&layout, architecture_here()?).map_err(|error| {
                let message = format!("failed to read the image in {}: {error}", layout.display());
                let help = "cargo xtask ship, which makes one in target/gateline/release/image";
                Failure::infrastructure(message, help)
            })?;
            (layout, stored.digest)
        }
    };
    let digest = match digest {
        Some(text) => {
            text.parse().map_err(|why: String| Failure::usage(why, "give it as `image inspect` shows it"))?
        }
        None => held.clone(),
    };
    let judged = if digest == held {
        judged(context, &in_force, &layout, &digest, (commit.as_deref(), None))?
    } else {
        let message = format!("{} is there, and {} was asked for", held.short(), digest.short());
        Err(vec![Refusal::new(
            "evidence/other-image",
            message,
            "see what is there: cargo xtask image inspect",
        )])
    };
    let (accepted, refused) = match &judged {
        Ok(accepted) => (Some(accepted), &[][..]),
        Err(refused) => (None, &refused[..]),
    };
    let shown = Verified { schema: "gateline/image-verify/v1", digest: &digest, accepted, refused };
    context.console.result(&shown, |style| match accepted {
        Some(accepted) => {
            let row = |one: &crate::release::attest::judge::Said| {
                vec![one.predicate.to_owned(), one.key.short().to_owned(), one.manifest.short().to_owned()]
            };
            let rows: Vec<_> = accepted.statements.iter().map(row).collect();
            let rows = table(style, &["evidence", "signed by", "referrer"], &rows);
            format!("{rows}\n\n{digest} holds\ncommit {}\nbuilt  {}", accepted.commit, accepted.built_at)
        }
        None => {
            let line = |one: &Refusal| format!("{}: {}\n  next: {}", one.code, one.message, one.help);
            format!("{digest} is refused\n\n{}", refused.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
    });
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Refused })
}

/// A key as `key` shows it: never its secret part.
#[derive(Serialize)]
struct Shown {
    /// `gateline/key/v1`.
    schema: &'static str,
    id: Digest,
    file: PathBuf,
    public: String,
}

/// `key create` and `key show`.
pub(super) fn key(context: &Context, verb: &KeyVerb) -> anyhow::Result<Exit> {
    let file = signing::file(&context.state()?);
    let key = match verb {
        KeyVerb::Create => signing::create(&context.world, &file)?,
        KeyVerb::Show => signing::read(&file)?.ok_or_else(|| {
            let message = format!("there is no key in {}", file.display());
            Failure::usage(message, "cargo xtask key create; `ship` makes one by itself")
        })?,
    };
    let public = key.public();
    let shown = Shown { schema: "gateline/key/v1", id: public.id().clone(), file, public: public.to_pem() };
    context
        .console
        .result(&shown, |_| format!("{}\n{}\n{}", shown.id, shown.file.display(), shown.public.trim_end()));
    Ok(Exit::Done)
}
