//! Forges, what builds there, and registries.

use super::{Check, Rule, token};

#[rustfmt::skip] // a table: one rule a paragraph
pub(super) const RULES: &[Rule] = &[
    // An installation token may carry a JWT since 2026-04: no fixed length.
    token("github-token", "GitHub token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        r"(?P<shown>gh[pousr]_)(?P<secret>[A-Za-z0-9]{36,255}|[0-9]{1,12}_eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")
        .check(Check::Crc62),
    token("github-fine-grained-token", "GitHub fine-grained token", &["github_pat_"],
        r"(?P<shown>github_pat_)(?P<secret>[A-Za-z0-9]{22}_[A-Za-z0-9]{59})").anywhere(),
    token("gitlab-token", "GitLab token",
        &["glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-", "glffct-", "glwt-"],
        r"(?P<shown>gl(?:pat|dt|rtr|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt)-)(?P<secret>[0-9A-Za-z_.-]{20,330})").check(Check::Crc36),
    token("gitlab-runner-token", "GitLab runner registration token", &["GR1348941"], r"(?P<shown>GR1348941)(?P<secret>[0-9A-Za-z_-]{20})"),
    token("bitbucket-token", "Bitbucket app password", &["ATBB"], r"(?P<shown>ATBB)(?P<secret>[A-Za-z0-9]{32})"),
    token("bitbucket-server-token", "Bitbucket Data Center token", &["BBDC-"], r"(?P<shown>BBDC-)(?P<secret>[MNO][A-Za-z0-9+/]{43})"),
    token("atlassian-token", "Atlassian API token", &["ATATT3", "ATCTT3"], r"(?P<shown>AT[AC]TT3)(?P<secret>[A-Za-z0-9_=-]{60,300})"),
    token("buildkite-token", "Buildkite token", &["bkua_", "bkaat_", "bkct_"], r"(?P<shown>bk(?:ua|aat|ct)_)(?P<secret>[0-9A-Za-z]{40,64})"),
    token("circleci-token", "CircleCI token", &["CCIPAT_", "CCIPRJ_"], r"(?P<shown>CCIP(?:AT|RJ)_)(?P<secret>[A-Za-z0-9]{20,24}_[0-9a-f]{40})"),
    token("sourcegraph-token", "Sourcegraph token", &["sgp_", "slk_", "sgd_", "sgph_"],
        r"(?P<shown>(?:sgp_(?:local_)?|slk_|sgd_|sgph_))(?P<secret>(?:[a-fA-F0-9]{16}_)?[a-fA-F0-9]{40,64})"),
    token("sonar-token", "SonarQube token", &["sqa_", "sqp_", "squ_"], r"(?P<shown>sq[apu]_)(?P<secret>[0-9a-f]{40})"),
    token("snyk-token", "Snyk token", &["snyk_uat.", "snyk_sat."], r"(?P<shown>snyk_[us]at\.)(?P<secret>[0-9a-f]{8}\.[A-Za-z0-9_.-]{60,1000})"),
    token("harness-token", "Harness token", &["pat.", "sat."], r"(?P<shown>[ps]at\.)(?P<secret>[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20})"),
    token("octopus-key", "Octopus Deploy API key", &["API-"], r"(?P<shown>API-)(?P<secret>[A-Z0-9]{26,31})"),
    token("jetbrains-token", "JetBrains Hub or YouTrack token", &["perm:", "perm-"],
        r"(?P<shown>perm[:-])(?P<secret>[A-Za-z0-9+/=_-]{2,60}\.[A-Za-z0-9+/=_-]{2,60}\.[A-Za-z0-9+/=_-]{30,60})"),
    token("gitea-token", "Gitea token", &["gitea_token", "gitea_access_token", "forgejo_token", "forgejo_access_token"],
        super::beside!("(?:gitea|forgejo)_(?:access_)?token", "[0-9a-f]{40}")).named(),
    token("reviewboard-token", "Review Board token", &["rbp_"], r"(?P<shown>rbp_)(?P<secret>[A-Za-z0-9]{251})"),
    // Registries.
    token("crates-io-token", "crates.io token", &["cio"], r"(?P<shown>cio)(?P<secret>[A-Za-z0-9]{32})"),
    token("npm-token", "npm token", &["npm_"], r"(?P<shown>npm_)(?P<secret>[A-Za-z0-9]{36})").check(Check::Crc62),
    token("pypi-token", "PyPI token", &["pypi-AgEIcHlwaS5vcmc", "pypi-AgENdGVzdC5weXBpLm9yZw"],
        r"(?P<shown>pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw))(?P<secret>[A-Za-z0-9_-]{50,600})").anywhere(),
    token("rubygems-token", "RubyGems API key", &["rubygems_"], r"(?P<shown>rubygems_)(?P<secret>[0-9a-f]{48})"),
    token("nuget-key", "NuGet API key", &["oy2"], r"(?P<shown>oy2)(?P<secret>[a-z0-9]{43})"),
    token("docker-token", "Docker Hub token", &["dckr_pat_", "dckr_oat_"], r"(?P<shown>dckr_[po]at_)(?P<secret>[A-Za-z0-9_-]{27,32})"),
    token("artifactory-key", "Artifactory API key", &["AKCp"], r"(?P<shown>AKCp)(?P<secret>[A-Za-z0-9]{69})"),
    token("artifactory-reference-token", "Artifactory reference token", &["cmVmdGtu"], r"(?P<shown>cmVmdGtu)(?P<secret>[A-Za-z0-9]{56})"),
    token("clojars-token", "Clojars token", &["CLOJARS_"], r"(?P<shown>CLOJARS_)(?P<secret>[0-9a-f]{60})"),
    token("packagist-token", "Private Packagist token", &["packagist_"], r"(?P<shown>packagist_[a-z]{2,4}_)(?P<secret>[0-9a-f]{68})"),
    token("jsr-token", "JSR token", &["jsrp_", "jsrd_"], r"(?P<shown>jsr[pd]_)(?P<secret>[A-Za-z0-9]{30,64})"),
    token("readme-key", "ReadMe key", &["rdme_"], r"(?P<shown>rdme_)(?P<secret>[a-z0-9]{70})"),
    token("buf-token", "Buf token", &["buf_token"], super::beside!("buf_token", "[0-9a-f]{64}")).named(),
    token("depot-token", "Depot token", &["depot_org_", "depot_project_", "depot_user_"],
        r"(?P<shown>depot_(?:org|project|user)_)(?P<secret>[0-9a-zA-Z]{40,80})"),
    token("jfrog-identity-token", "JFrog identity token", &["jfrog_access_token", "artifactory_token"],
        super::beside!("(?:jfrog_access|artifactory)_token", "[A-Za-z0-9]{64,73}")).named(),
];
