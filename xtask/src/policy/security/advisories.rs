//! `advisories` of `policies/security.yaml`: what the advisory databases say of dependencies, and how near a fault has to come.

use crate::policy::FeatureSet;
use crate::policy::lint::Level;
use crate::policy::tests::Senseless;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The database itself, for `security update`.
pub const DATABASE_URL: &str = "https://github.com/RustSec/advisory-db";

/// Which advisories refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdvisoriesPolicy {
    /// Vulnerabilities. Default refuse.
    pub vulnerability: Level,
    /// Unsound code. Default warn.
    pub unsound: Level,
    /// Whose unsound code counts: of packages that the workspace names itself (`workspace`), of what those bring
    /// (`transitive`), or `all`. Default all.
    pub unsound_scope: AdvisoryScope,
    /// Unmaintained packages. Default warn.
    pub unmaintained: Level,
    /// Which unmaintained packages count, as for `unsound_scope`. Default all.
    pub unmaintained_scope: AdvisoryScope,
    /// Notices of the database, of another kind than these. Default warn.
    pub notice: Level,
    /// Versions that were withdrawn from the registry, as far as cargo's copy of its index knows. Default warn.
    pub yanked: Level,
    /// At most this for what only runs while the workspace is built: build scripts, procedural macros, and what they need.
    /// Default refuse.
    pub build: Level,
    /// At most this for what only tests, examples and benches need. Default warn.
    pub development: Level,
    /// At most this for what only Cargo.lock names: for other platforms, or behind features that nobody turns on. Default warn.
    pub lockfile: Level,
    /// At most this, on a change, for what its base has already. On the default branch and at release it counts in full.
    /// Default warn.
    pub inherited: Level,
    /// Which features of the members are on: `default`, `all`, `none`, or names with commas between. Default all.
    pub features: FeatureSet,
    /// The platforms that are built for, as triples. Default: the one that this runs on.
    pub platforms: Vec<String>,
    /// Where advisories come from: `embedded` (the snapshot in this program), `clone` (what `security update` fetched), or a
    /// folder with a checkout of the database. Default embedded.
    pub database: String,
    /// What `security update` fetches. Default: the RustSec database on GitHub.
    pub url: String,
    /// Advisories in OSV format besides: folders of `.json` files, or `.zip` archives of such. Default none.
    pub osv: Vec<String>,
    /// The database may be this old before it is told. Default 30.
    pub snapshot_age_days_max: u32,
    /// A database that is older than that, when gates run. Default warn: nobody's change is wrong because a day has passed.
    pub stale_snapshot: Level,
    /// A release is refused where the database is older than this, whatever `stale_snapshot` says. Default 90.
    pub release_age_days_max: u32,
}

/// Whose fault counts, by who names the package.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdvisoryScope {
    /// Only packages that a member of the workspace names.
    Workspace,
    /// Only packages that no member names.
    Transitive,
    /// Every package.
    #[default]
    All,
}

impl Default for AdvisoriesPolicy {
    fn default() -> Self {
        AdvisoriesPolicy {
            vulnerability: Level::Refuse,
            unsound: Level::Warn,
            unsound_scope: AdvisoryScope::All,
            unmaintained: Level::Warn,
            unmaintained_scope: AdvisoryScope::All,
            notice: Level::Warn,
            yanked: Level::Warn,
            build: Level::Refuse,
            development: Level::Warn,
            lockfile: Level::Warn,
            inherited: Level::Warn,
            features: FeatureSet::All,
            platforms: Vec::new(),
            database: "embedded".to_owned(),
            url: DATABASE_URL.to_owned(),
            osv: Vec::new(),
            snapshot_age_days_max: 30,
            stale_snapshot: Level::Warn,
            release_age_days_max: 90,
        }
    }
}

impl AdvisoriesPolicy {
    /// The first value that can never make sense.
    pub fn senseless(&self) -> Option<Senseless> {
        let wrong = |key: String, what: String, help: &'static str| {
            Some(Senseless { key: format!("advisories.{key}"), what, help })
        };
        if self.database.trim().is_empty() {
            let help = "write `database: embedded`, `clone`, or a folder";
            return wrong("database".into(), "a database without a name".into(), help);
        }
        if self.url.trim().is_empty() || self.url.starts_with('-') {
            let help = "leave the key out for the RustSec database";
            return wrong("url".into(), format!("`{}` is no address of a git repository", self.url), help);
        }
        if let Some(at) = self.osv.iter().position(|path| path.trim().is_empty()) {
            let help = "name a folder or a .zip: `osv: [advisories/osv]`";
            return wrong(format!("osv[{at}]"), "advisories without a file".into(), help);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let triple = |platform: &String| {
            platform.contains('-') && !platform.starts_with('-') && platform.chars().all(plain)
        };
        let at = self.platforms.iter().position(|platform| !triple(platform))?;
        let what = format!("`{}` is no platform", self.platforms[at]);
        wrong(format!("platforms[{at}]"), what, "rustc --print target-list names them")
    }
}
