//! Values of `policies/security.yaml` that have the right type and make no sense. [`crate::policy::parse`] finds their place.

use super::{BannedFeatures, SecurityPolicy};
use crate::policy::tests::Senseless;
use semver::VersionReq;

/// Entries of one list.
const ENTRIES_MAX: usize = 1000;
/// How licences are read: with the names of the SPDX list, old ones too.
pub(crate) const LICENCES: spdx::ParseMode = spdx::ParseMode {
    // `MIT/Apache-2.0` was cargo's way to write `OR` for years.
    allow_slash_as_or_operator: true,
    allow_imprecise_license_names: false,
    allow_postfix_plus_on_gpl: true,
    allow_deprecated: true,
    allow_unknown: false,
};

impl SecurityPolicy {
    /// The first value that makes no sense.
    pub fn senseless(&self) -> Option<Senseless> {
        let own = [self.lists(), self.licences(), self.versions(), self.reasons(), self.inputs()];
        self.advisories.senseless().into_iter().chain(own.into_iter().flatten()).next()
    }

    fn lists(&self) -> Option<Senseless> {
        let lengths = [
            ("licences.allow", self.licences.allow.len()),
            ("licences.exceptions", self.licences.exceptions.len()),
            ("licences.clarifications", self.licences.clarifications.len()),
            ("bans.deny", self.bans.deny.len()),
            ("bans.features", self.bans.features.len()),
            ("bans.skip", self.bans.skip.len()),
            ("bans.build_scripts.allow", self.bans.build_scripts.allow.len()),
            ("sources.registries", self.sources.registries.len()),
            ("sources.git", self.sources.git.len()),
            ("scanners.inputs", self.scanners.inputs.len()),
        ];
        let (key, length) = lengths.into_iter().find(|(_, length)| *length > ENTRIES_MAX)?;
        let what = format!("{length} entries, {ENTRIES_MAX} at most");
        said(key, what, "leave out what says nothing")
    }

    fn licences(&self) -> Option<Senseless> {
        let one = |text: &String| spdx::Licensee::parse_mode(text, LICENCES).is_err();
        let help = "use a name of https://spdx.org/licenses, as `Apache-2.0 WITH LLVM-exception`";
        let allow =
            self.licences.allow.iter().enumerate().map(|(at, name)| (format!("licences.allow[{at}]"), name));
        let exceptions = self.licences.exceptions.iter().enumerate().flat_map(|(at, exception)| {
            exception.allow.iter().map(move |name| (format!("licences.exceptions[{at}].allow"), name))
        });
        if let Some((key, name)) = allow.chain(exceptions).find(|(_, name)| one(name)) {
            return said(key, format!("`{name}` is no licence that SPDX knows"), help);
        }
        for (at, one) in self.licences.clarifications.iter().enumerate() {
            let key = |of: &str| format!("licences.clarifications[{at}].{of}");
            if spdx::Expression::parse_mode(&one.expression, LICENCES).is_err() {
                return said(key("expression"), format!("`{}` is no SPDX expression", one.expression), help);
            }
            if one.sha256.len() != 64 || !one.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let what = "`sha256` has 64 hexadecimal digits".to_owned();
                return said(
                    key("sha256"),
                    what,
                    "the report names it for each package that needs a clarification",
                );
            }
            let plain = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
            if one.file.is_empty() || !std::path::Path::new(&one.file).components().all(plain) {
                let what = format!("`{}` is no file of the package", one.file);
                return said(key("file"), what, "name it relative to the package: LICENSE");
            }
        }
        None
    }

    fn versions(&self) -> Option<Senseless> {
        let versions =
            indexed("licences.exceptions", self.licences.exceptions.iter().map(|one| &one.version))
                .chain(indexed(
                    "licences.clarifications",
                    self.licences.clarifications.iter().map(|one| &one.version),
                ))
                .chain(indexed("bans.deny", self.bans.deny.iter().map(|one| &one.version)))
                .chain(indexed("bans.features", self.bans.features.iter().map(|one| &one.version)))
                .chain(indexed("bans.skip", self.bans.skip.iter().map(|one| &one.version)));
        let wrong = |version: &Option<String>| {
            version.as_ref().is_some_and(|text| text.parse::<VersionReq>().is_err())
        };
        let mut versions = versions;
        let (key, version) = versions.find(|(_, version)| wrong(version))?;
        let what = format!("`{}` is no requirement of versions", version.as_deref().unwrap_or_default());
        said(key, what, "write it as in Cargo.toml: `<1.2`, `=0.3.1`")
    }

    fn reasons(&self) -> Option<Senseless> {
        let exceptions =
            self.licences.exceptions.iter().map(|one| ("licences.exceptions", &one.package, &one.reason));
        let deny = self.bans.deny.iter().map(|one| ("bans.deny", &one.package, &one.reason));
        let features = self.bans.features.iter().map(|one| ("bans.features", &one.package, &one.reason));
        let skip = self.bans.skip.iter().map(|one| ("bans.skip", &one.package, &one.reason));
        let mut all = exceptions.chain(deny).chain(features).chain(skip);
        let empty = |one: &BannedFeatures| one.deny.is_empty() && one.allow.is_empty();
        if let Some(at) = self.bans.features.iter().position(empty) {
            let what = "neither `deny` nor `allow` has a feature".to_owned();
            return said(format!("bans.features[{at}]"), what, "name the features: `deny: [native-tls]`");
        }
        let (key, package, _) =
            all.find(|(_, name, reason)| name.trim().is_empty() || reason.trim().is_empty())?;
        said(key, format!("an entry for `{package}` without its reason or name"), "say why in one line")
    }

    fn inputs(&self) -> Option<Senseless> {
        let at = self.scanners.inputs.iter().position(|input| input.file.trim().is_empty())?;
        let key = format!("scanners.inputs[{at}].file");
        said(key, "an input without a file".to_owned(), "name it: `inputs: [{file: report.sarif}]`")
    }
}

fn indexed<'a>(
    list: &'static str,
    versions: impl Iterator<Item = &'a Option<String>>,
) -> impl Iterator<Item = (String, &'a Option<String>)> {
    versions.enumerate().map(move |(at, version)| (format!("{list}[{at}].version"), version))
}

fn said(key: impl Into<String>, what: String, help: &'static str) -> Option<Senseless> {
    Some(Senseless { key: key.into(), what, help })
}
