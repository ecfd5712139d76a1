//! Passwords by their place: in URLs, headers and files with credentials; and, last, what only looks like a secret.

use super::{Check, Family, Rule, token};

#[rustfmt::skip] // a table: one rule a paragraph
pub(super) const RULES: &[Rule] = &[
    token("database-url", "database URL with a password",
        &["postgres://", "postgresql://", "mysql://", "mariadb://", "mongodb://", "mongodb+srv://", "redis://",
          "rediss://", "amqp://", "amqps://", "mssql://", "sqlserver://", "clickhouse://", "couchdb://", "neo4j://", "nats://"],
        r#"(?P<shown>(?i:[a-z]{4,10}(?:\+srv)?)://)(?P<user>[^\s:/@"'<>`]{0,64}):(?P<secret>[^\s@/"'<>`]{3,128})@(?P<host>\[[0-9a-fA-F:]+\]|[^\s/"'?:,`<>\\]{1,128})"#)
        .named().check(Check::UrlPassword).family(Family::Password).at_boundary(),
    token("url-password", "URL with a password", &["https://", "http://", "ftp://", "ftps://", "sftp://", "ssh://", "smtp://", "smtps://", "ldap://", "ldaps://"],
        r#"(?P<shown>(?i:https?|s?ftps?|ssh|smtps?|ldaps?)://)(?P<user>[^\s:/@"'<>`]{0,64}):(?P<secret>[^\s@/"'<>`]{8,256})@(?P<host>\[[0-9a-fA-F:]+\]|[^\s/"'?:,`<>\\]{1,128})"#)
        .named().check(Check::UrlPassword).family(Family::Password).at_boundary(),
    token("connection-string-password", "connection string with a password", &["password=", "pwd="],
        r#"(?P<shown>(?i:password|pwd)=)(?P<secret>[^\s;"'<>{}$%&]{8,128});\s{0,2}(?i:[a-z ]{3,30}=)"#)
        .named().check(Check::Generic).family(Family::Generic),
    token("basic-authorization", "header with a name and a password", &["authorization: basic ", "authorization\": \"basic ", "authorization', 'basic ", "authorization\", \"basic "],
        r#"(?P<shown>(?i:authorization["']?[:,] ?["']?basic) )(?P<secret>[A-Za-z0-9+/]{12,400}={0,2})"#)
        .named().check(Check::Basic).family(Family::Password),
    token("bearer-authorization", "header with a bearer token", &["authorization: bearer ", "authorization\": \"bearer ", "authorization', 'bearer ", "authorization\", \"bearer "],
        r#"(?P<shown>(?i:authorization["']?[:,] ?["']?bearer) )(?P<secret>[A-Za-z0-9_.~+/-]{20,1000}={0,2})"#)
        .named().check(Check::Generic).family(Family::Generic),
    token("docker-config-auth", "registry login in a Docker configuration", &["\"auth\""],
        r#"(?P<shown>"auth")\s{0,4}:\s{0,4}"(?P<secret>[A-Za-z0-9+/]{12,2000}={0,2})""#).anywhere().check(Check::Basic).family(Family::Password),
    token("npmrc-auth", "registry login in an .npmrc", &[":_auth=", ":_auth =", "\n_auth=", "\n_auth ="],
        r#"(?P<shown>[:\n]_auth) ?= ?"?(?P<secret>[A-Za-z0-9+/]{12,2000}={0,2})"#).anywhere().check(Check::Basic).family(Family::Password),
    token("npmrc-token", "registry token in an .npmrc", &[":_authtoken", "npm_config__auth"],
        r#"(?P<shown>(?i::_authtoken|npm_config__auth)) ?= ?"?(?P<secret>[A-Za-z0-9_+/.=-]{20,1000})"#).named().check(Check::Generic).family(Family::Password),
    token("netrc-password", "password in a .netrc", &["machine "],
        r"(?P<shown>machine )[^\s]{3,120}\s{1,8}login\s{1,8}[^\s]{1,100}\s{1,8}password\s{1,8}(?P<secret>[^\s]{8,200})")
        .check(Check::UrlPassword).family(Family::Password),
    token("nuget-password", "password in a NuGet configuration", &["ClearTextPassword"],
        r#"(?P<shown>ClearTextPassword)["'] {1,4}value ?= ?["'](?P<secret>[^\s"'<>]{6,128})["']"#).anywhere().check(Check::UrlPassword).family(Family::Password),
    token("bundler-credential", "Bundler credential", &["BUNDLE_ENTERPRISE__CONTRIBSYS__COM", "BUNDLE_GEMS__CONTRIBSYS__COM"],
        r#"(?P<shown>BUNDLE_(?:ENTERPRISE|GEMS)__CONTRIBSYS__COM)["']?[:=]\s?["']?(?P<secret>[0-9a-f]{8}:[0-9a-f]{8})"#),
    token("curl-user", "name and password for curl", &["curl "],
        r#"(?P<shown>curl )(?:[^\r\n|;\\]|\\\r?\n|\\[^\r\n]){0,300}?(?:-u|--user)[ =]?["']?(?P<user>[^\s:"'$]{1,64}):(?P<secret>[^\s"'$]{8,128})"#)
        .check(Check::UrlPassword).family(Family::Password),
    token("generic-secret", "value that looks like a secret",
        &["password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "api-key", "access_key", "access-key",
          "accesskey", "private_key", "privatekey", "auth_key", "authkey", "encryption_key", "signing_key", "credential"],
        concat!(
            r#"(?P<shown>(?i:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private_?key|auth_?key|encryption_key|signing_key|credential))"#,
            // Also a Go type, the operators of make and PHP, two arguments of a call, and an XML element.
            r#"[\w.-]{0,24}(?:\\?["'`]?\]?(?:\s?:\s?&?(?:'static )?[A-Za-z]{3,12}| string)?\s{0,4}(?:=>|:{1,3}=|[?.]=|=|:|>)|\\?["'`],)\s{0,12}"#,
            r#"(?:\\?["'`](?P<secret>[^\s"'`\\]{12,256})\\?["'`]|(?P<bare>[A-Za-z0-9+/=_.~!@\#%^&*-]{16,256})[ \t]*(?:[\r\n]|\z|\\[nr]|</))"#,
        )).named().check(Check::Generic).family(Family::Generic),
];
