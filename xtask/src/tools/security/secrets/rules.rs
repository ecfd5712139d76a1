//! The token formats, each written from its vendor's public description of the format.
//!
//! A rule is a literal to look for in one pass, and a pattern that must match where the literal stands. In a
//! pattern, `shown` is what a report may print and never holds a secret character; `secret` (or `bare`) is the
//! secret part. Specific rules stand before general ones: at one place the first rule wins.

/// One format.
pub(super) struct Rule {
    /// Kebab case: the finding's code is `secrets/<name>`.
    pub(super) name: &'static str,
    /// What it is, for people.
    pub(super) what: &'static str,
    /// Literals to look for, in any case; the pattern starts at one of them.
    pub(super) anchors: &'static [&'static str],
    /// Bytes regex, matched from the anchor on.
    pub(super) pattern: &'static str,
    /// What must stand before the anchor.
    pub(super) before: Before,
    /// What the secret part must be besides.
    pub(super) check: Check,
    /// Bytes from the anchor on that the pattern may look at.
    pub(super) window: usize,
}

/// What must stand before an anchor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// No letter, digit or underscore: the anchor begins a word.
    Boundary,
    /// Anything: the anchor is long enough to be sure.
    Anything,
    /// A number of 8 to 10 digits, itself at a boundary.
    Number,
}

/// What the secret part must be, besides its form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Random enough, and no placeholder.
    Random,
    /// The same, but a right CRC-32 at its end is proof enough.
    Checksummed,
    /// Three parts, of which the first names an algorithm.
    Jwt,
    /// A block with a key's length.
    KeyBlock,
    /// A password in a URL of a host that others can reach.
    UrlPassword,
    /// A value beside a telling name: must look like no word, path or code.
    Generic,
}

const TOKEN_WINDOW: usize = 1024;
const JWT_WINDOW: usize = 8 * 1024;
const KEY_WINDOW: usize = 64 * 1024;

const fn token(
    name: &'static str,
    what: &'static str,
    anchors: &'static [&'static str],
    pattern: &'static str,
) -> Rule {
    Rule {
        name,
        what,
        anchors,
        pattern,
        before: Before::Boundary,
        check: Check::Random,
        window: TOKEN_WINDOW,
    }
}

impl Rule {
    const fn anywhere(self) -> Rule {
        Rule { before: Before::Anything, ..self }
    }

    const fn after_number(self) -> Rule {
        Rule { before: Before::Number, ..self }
    }

    const fn check(self, check: Check) -> Rule {
        let window = match check {
            Check::Jwt => JWT_WINDOW,
            Check::KeyBlock => KEY_WINDOW,
            _ => TOKEN_WINDOW,
        };
        Rule { check, window, ..self }
    }
}

/// A value of so many characters beside a name, with the signs that languages put between them.
macro_rules! beside {
    ($name:literal, $value:literal) => {
        concat!(
            r#"(?P<shown>(?i:"#,
            $name,
            r#"))["'`]?\]?\s{0,4}(?:=>|:=|==?|:|,)\s{0,4}["'`]?(?P<secret>"#,
            $value,
            ")"
        )
    };
}

/// Every rule, specific before general.
#[rustfmt::skip] // a table: one rule a paragraph
pub(super) const RULES: &[Rule] = &[
    // Clouds.
    token("aws-access-key", "AWS access key id", &["AKIA", "ASIA"], r"(?P<shown>AKIA|ASIA)(?P<secret>[A-Z2-7]{16})"),
    token("aws-secret-key", "AWS secret access key", &["secret_access_key", "secretaccesskey", "aws_secret_key"],
        beside!("secret_?access_?key|aws_secret_key", "[A-Za-z0-9/+]{40}")).anywhere(),
    token("google-api-key", "Google API key", &["AIza"], r"(?P<shown>AIza)(?P<secret>[0-9A-Za-z_-]{35})"),
    token("google-oauth-secret", "Google OAuth client secret", &["GOCSPX-"],
        r"(?P<shown>GOCSPX-)(?P<secret>[0-9A-Za-z_-]{28})"),
    token("azure-storage-key", "Azure storage account key", &["AccountKey="],
        r"(?P<shown>(?i:AccountKey=))(?P<secret>[A-Za-z0-9+/]{86}==)").anywhere(),
    token("azure-shared-access-key", "Azure shared access key", &["SharedAccessKey="],
        r"(?P<shown>(?i:SharedAccessKey=))(?P<secret>[A-Za-z0-9+/]{43}=)").anywhere(),
    token("digitalocean-token", "DigitalOcean token", &["dop_v1_", "doo_v1_", "dor_v1_"],
        r"(?P<shown>do[por]_v1_)(?P<secret>[0-9a-f]{64})"),
    token("heroku-key", "Heroku API key", &["HRKU-"], r"(?P<shown>HRKU-)(?P<secret>[0-9A-Za-z_-]{36,64})"),
    token("cloudflare-origin-key", "Cloudflare origin CA key", &["v1.0-"],
        r"(?P<shown>v1\.0-)(?P<secret>[0-9a-f]{24}-[0-9a-f]{146})"),
    token("fly-token", "Fly.io token", &["fm1r_", "fm2_"], r"(?P<shown>fm(?:1r|2)_)(?P<secret>[A-Za-z0-9+/=,_-]{80,})"),
    token("alibaba-secret-key", "Alibaba Cloud access key", &["LTAI"], r"(?P<shown>LTAI)(?P<secret>[A-Za-z0-9]{20})"),
    // Forges and what builds there. A GitHub installation token may carry a JWT since 2026-04: no fixed length.
    token("github-token", "GitHub token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        r"(?P<shown>gh[pousr]_)(?P<secret>[A-Za-z0-9]{36,255}|[0-9]{1,12}_eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")
        .check(Check::Checksummed),
    token("github-fine-grained-token", "GitHub fine-grained token", &["github_pat_"],
        r"(?P<shown>github_pat_)(?P<secret>[A-Za-z0-9]{22}_[A-Za-z0-9]{59})").anywhere(),
    token("gitlab-token", "GitLab token",
        &["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-", "glffct-"],
        r"(?P<shown>gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-)(?P<secret>[0-9A-Za-z_.-]{20,})"),
    token("buildkite-token", "Buildkite token", &["bkua_"], r"(?P<shown>bkua_)(?P<secret>[0-9a-f]{40})"),
    token("atlassian-token", "Atlassian API token", &["ATATT3"], r"(?P<shown>ATATT3)(?P<secret>[A-Za-z0-9_=-]{60,})"),
    // Registries.
    token("crates-io-token", "crates.io token", &["cio"], r"(?P<shown>cio)(?P<secret>[A-Za-z0-9]{32})"),
    token("npm-token", "npm token", &["npm_"], r"(?P<shown>npm_)(?P<secret>[A-Za-z0-9]{36})").check(Check::Checksummed),
    token("pypi-token", "PyPI token", &["pypi-AgEIcHlwaS5vcmc", "pypi-AgENdGVzdC5weXBpLm9yZw"],
        r"(?P<shown>pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw))(?P<secret>[A-Za-z0-9_-]{50,})").anywhere(),
    token("rubygems-token", "RubyGems API key", &["rubygems_"], r"(?P<shown>rubygems_)(?P<secret>[0-9a-f]{48})"),
    token("nuget-key", "NuGet API key", &["oy2"], r"(?P<shown>oy2)(?P<secret>[a-z0-9]{43})"),
    token("docker-token", "Docker Hub token", &["dckr_pat_", "dckr_oat_"], r"(?P<shown>dckr_[po]at_)(?P<secret>[A-Za-z0-9_-]{27,})"),
    token("artifactory-key", "Artifactory API key", &["AKCp"], r"(?P<shown>AKCp)(?P<secret>[A-Za-z0-9]{69})"),
    // Models.
    token("anthropic-key", "Anthropic API key", &["sk-ant-"],
        r"(?P<shown>sk-ant-[a-z]{3,8}[0-9]{2}-)(?P<secret>[A-Za-z0-9_-]{80,})"),
    token("openai-key", "OpenAI API key", &["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-"],
        r"(?P<shown>sk-(?:proj-|svcacct-|admin-)?)(?P<secret>[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,})"),
    token("hugging-face-token", "Hugging Face token", &["hf_"], r"(?P<shown>hf_)(?P<secret>[A-Za-z]{34})"),
    token("groq-key", "Groq API key", &["gsk_"], r"(?P<shown>gsk_)(?P<secret>[A-Za-z0-9]{52})"),
    token("replicate-token", "Replicate token", &["r8_"], r"(?P<shown>r8_)(?P<secret>[A-Za-z0-9]{37})"),
    token("perplexity-key", "Perplexity API key", &["pplx-"], r"(?P<shown>pplx-)(?P<secret>[A-Za-z0-9]{48})"),
    // Messages and money.
    token("slack-token", "Slack token", &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xoxe.", "xapp-"],
        r"(?P<shown>xox[bpars]-|xoxe[.-](?:xox[bp]-)?|xapp-)(?P<secret>[0-9A-Za-z-]{24,})"),
    token("slack-webhook", "Slack webhook", &["hooks.slack.com/"],
        r"(?P<shown>hooks\.slack\.com/(?:services|workflows|triggers)/)(?P<secret>[A-Z0-9]{8,12}/[A-Z0-9]{8,12}/[A-Za-z0-9/]{20,})").anywhere(),
    token("discord-webhook", "Discord webhook", &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
        r"(?P<shown>discord(?:app)?\.com/api/webhooks/)(?P<secret>[0-9]{17,20}/[A-Za-z0-9_-]{60,})").anywhere(),
    token("telegram-bot-token", "Telegram bot token", &[":AA"], r"(?P<shown>:AA)(?P<secret>[A-Za-z0-9_-]{33})").after_number(),
    token("stripe-key", "Stripe secret key", &["sk_live_", "rk_live_", "sk_test_", "rk_test_"],
        r"(?P<shown>[sr]k_(?:live|test)_)(?P<secret>[A-Za-z0-9]{16,})"),
    token("stripe-webhook-secret", "Stripe webhook secret", &["whsec_"], r"(?P<shown>whsec_)(?P<secret>[A-Za-z0-9+/]{32,}=?)"),
    token("square-token", "Square access token", &["sq0csp-", "sq0atp-"], r"(?P<shown>sq0(?:csp|atp)-)(?P<secret>[A-Za-z0-9_-]{22,43})"),
    token("shopify-token", "Shopify token", &["shpat_", "shpca_", "shppa_", "shpss_"],
        r"(?P<shown>shp(?:at|ca|pa|ss)_)(?P<secret>[0-9a-fA-F]{32})"),
    token("sendgrid-key", "SendGrid API key", &["SG."], r"(?P<shown>SG\.)(?P<secret>[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})"),
    token("mailgun-key", "Mailgun API key", &["key-"], r"(?P<shown>key-)(?P<secret>[0-9a-f]{32})"),
    token("twilio-auth-token", "Twilio auth token", &["twilio_auth_token", "twilioauthtoken"],
        beside!("twilio_?auth_?token", "[0-9a-f]{32}")).anywhere(),
    token("twilio-api-key", "Twilio API key", &["twilio_api_key", "twilio_api_secret", "twilioapisecret"],
        beside!("twilio_?api_?(?:key|secret)", "(?:SK[0-9a-f]{32}|[A-Za-z0-9]{32})")).anywhere(),
    // What teams run.
    token("databricks-token", "Databricks token", &["dapi"], r"(?P<shown>dapi)(?P<secret>[0-9a-f]{32})"),
    token("vault-token", "HashiCorp Vault token", &["hvs.", "hvb.", "hvr."], r"(?P<shown>hv[sbr]\.)(?P<secret>[A-Za-z0-9_-]{24,})"),
    token("pulumi-token", "Pulumi token", &["pul-"], r"(?P<shown>pul-)(?P<secret>[0-9a-f]{40})"),
    token("grafana-token", "Grafana token", &["glsa_", "glc_"],
        r"(?P<shown>glsa_|glc_)(?P<secret>[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|eyJ[A-Za-z0-9+/=]{60,})"),
    token("new-relic-key", "New Relic user key", &["NRAK-"], r"(?P<shown>NRAK-)(?P<secret>[A-Z0-9]{27})"),
    token("sentry-token", "Sentry token", &["sntrys_", "sntryu_"],
        r"(?P<shown>sntry[su]_)(?P<secret>[0-9a-f]{64}|eyJ[A-Za-z0-9+/=_-]{60,})"),
    token("doppler-token", "Doppler token", &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."],
        r"(?P<shown>dp\.(?:pt|st|ct|sa|scim|audit)\.)(?P<secret>(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44})"),
    token("linear-key", "Linear API key", &["lin_api_"], r"(?P<shown>lin_api_)(?P<secret>[A-Za-z0-9]{40})"),
    token("notion-token", "Notion token", &["ntn_"], r"(?P<shown>ntn_)(?P<secret>[0-9]{11}[A-Za-z0-9]{35})"),
    token("postman-key", "Postman API key", &["PMAK-"], r"(?P<shown>PMAK-)(?P<secret>[0-9a-f]{24}-[0-9a-f]{34})"),
    token("planetscale-token", "PlanetScale token", &["pscale_tkn_", "pscale_pw_", "pscale_oauth_"],
        r"(?P<shown>pscale_(?:tkn|pw|oauth)_)(?P<secret>[A-Za-z0-9_.-]{32,64})"),
    token("supabase-token", "Supabase token", &["sbp_"], r"(?P<shown>sbp_)(?P<secret>[0-9a-f]{40})"),
    token("tailscale-key", "Tailscale key", &["tskey-"],
        r"(?P<shown>tskey-(?:auth|api|client|scim|webhook)-)(?P<secret>[A-Za-z0-9]{8,24}-[A-Za-z0-9]{20,})"),
    // Keys.
    token("private-key", "private key", &["-----BEGIN "],
        r"(?P<shown>-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED|ANY) )?PRIVATE KEY-----)(?P<secret>(?:[^-]|-[^-])+)-----END [A-Z ]{0,20}PRIVATE KEY-----")
        .anywhere().check(Check::KeyBlock),
    token("pgp-private-key", "PGP private key", &["-----BEGIN PGP PRIVATE"],
        r"(?P<shown>-----BEGIN PGP PRIVATE KEY BLOCK-----)(?P<secret>(?:[^-]|-[^-])+)-----END PGP PRIVATE KEY BLOCK-----")
        .anywhere().check(Check::KeyBlock),
    token("putty-private-key", "PuTTY private key", &["Private-Lines:"],
        r"(?P<shown>Private-Lines:) ?[0-9]{1,4}\r?\n(?P<secret>[A-Za-z0-9+/=\r\n]{40,})").check(Check::KeyBlock),
    token("age-secret-key", "age secret key", &["AGE-SECRET-KEY-1"],
        r"(?P<shown>AGE-SECRET-KEY-1)(?P<secret>[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})").anywhere(),
    token("jwt", "JSON web token", &["eyJ"],
        r"(?P<shown>eyJ)(?P<secret>[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,})").check(Check::Jwt),
    // Passwords.
    token("database-url", "database URL with a password",
        &["postgres://", "postgresql://", "mysql://", "mariadb://", "mongodb://", "mongodb+srv://", "redis://",
          "rediss://", "amqp://", "amqps://", "mssql://", "sqlserver://", "clickhouse://"],
        r#"(?P<shown>(?i:[a-z]{4,10}(?:\+srv)?)://)(?P<user>[^\s:/@"'<>`]{0,64}):(?P<secret>[^\s@/"'<>`]{3,128})@(?P<host>\[[0-9a-fA-F:]+\]|[^\s/"'?:,`<>\\]{1,128})"#)
        .check(Check::UrlPassword),
    token("url-password", "URL with a password", &["https://", "http://", "ftp://", "ssh://"],
        r#"(?P<shown>(?i:https?|ftp|ssh)://)(?P<user>[^\s:/@"'<>`]{0,64}):(?P<secret>[^\s@/"'<>`]{8,256})@(?P<host>\[[0-9a-fA-F:]+\]|[^\s/"'?:,`<>\\]{1,128})"#)
        .check(Check::UrlPassword),
    token("generic-secret", "value that looks like a secret",
        &["password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "api-key", "access_key",
          "accesskey", "private_key", "auth_key", "credential"],
        concat!(
            r#"(?P<shown>(?i:password|passwd|passphrase|secret|token|api[_-]?key|access_?key|private_key|auth_key|credential))"#,
            r#"[\w.-]{0,24}["'`]?\]?(?:\s?:\s?&?(?:'static )?[A-Za-z]{3,12})?\s{0,4}(?:=>|:=|=|:)\s{0,4}"#,
            r#"(?:["'`](?P<secret>[^\s"'`]{12,256})["'`]|(?P<bare>[A-Za-z0-9+/=_.~!@\#%^&*-]{16,256})[ \t]*(?:[\r\n]|\z))"#,
        )).anywhere().check(Check::Generic),
];
