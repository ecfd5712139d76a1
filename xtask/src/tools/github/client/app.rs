//! Who we are for each request: a token that was given, or an App's. It says who it is by a JWT, signed with its key and good for
//! some minutes, and gets a token of its installation, which is kept until shortly before it ends.
//!
//! By `ring`, which TLS brings anyway. octocrab's own way (`jsonwebtoken` without C) brings the crate `rsa`, whose timing leak
//! RUSTSEC-2023-0071 has no fix; our own gate would refuse it (docs/decisions/0024).

use super::{Call, Client, Failed, Trouble, name};
use crate::tools::github::limits;
use crate::tools::github::retry::{self, Came, Effect, Next};
use crate::tools::github::token::{Identity, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Method;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;

/// Seconds that our clock may be ahead.
const EARLIER: i64 = 60;
/// Seconds that it is good; GitHub takes ten minutes at most.
const GOOD_FOR: i64 = 540;

impl Client {
    /// The token for the next request: ours, or the installation's, made anew before it ends.
    pub(super) async fn token(&self) -> Result<Secret, Failed> {
        let (id, key) = match &self.who {
            Identity::Token(token) => return Ok(token.clone()),
            Identity::App { id, key } => (id, key),
        };
        let now = self.world.now();
        let good = |ends: Timestamp| {
            ends.duration_since(now).as_secs() > limits::TOKEN_REST_MIN.as_secs().cast_signed()
        };
        if let Some((token, _)) = self.memory().token.clone().filter(|(_, ends)| good(*ends)) {
            return Ok(token);
        }
        let jwt = jwt(id, key, now).map_err(|why| Failed::Trouble(Trouble::Key(why)))?;
        let installed = self.as_app(Method::GET, self.moved(&self.at("/installation")), &jwt).await?;
        let installation =
            installed["id"].as_u64().ok_or_else(|| Failed::Lost("no installation".to_owned()))?;
        let path = format!("/app/installations/{installation}/access_tokens");
        let made = self.as_app(Method::POST, path, &jwt).await?;
        let token =
            made["token"].as_str().map(Secret::new).ok_or_else(|| Failed::Lost("no token".to_owned()))?;
        let ends = made["expires_at"].as_str().and_then(|ends| ends.parse().ok()).unwrap_or(now);
        self.memory().token = Some((token.clone(), ends));
        Ok(token)
    }

    /// A request of the App itself. A token that was made and lost does no harm: it ends by itself.
    async fn as_app(&self, method: Method, path: String, jwt: &Secret) -> Result<Value, Failed> {
        let effect = if method == Method::GET { Effect::Reads } else { Effect::Sets };
        let call = Call { method, path, body: None, effect };
        let mut attempt = 1;
        loop {
            let sent = self.transfer(&call, &call.path, jwt).await;
            self.memory().sent.0 += 1;
            let (came, body) = match sent {
                Ok((head, _, body)) => (Came::Reply(head), body),
                Err(_) => (Came::Nothing, Value::Null),
            };
            match (retry::next(effect, attempt, &came, self.world.now()), came) {
                (Next::Again(pause), _) => self.pause(pause).await,
                (Next::Answer, Came::Reply(head)) if head.status < 300 => return Ok(body),
                (_, Came::Reply(head)) => {
                    let (status, message) = (head.status, head.message);
                    return Err(Failed::Trouble(Trouble::Answered { status, call: name(&call), message }));
                }
                (_, Came::Nothing) => {
                    let why = "no reply".to_owned();
                    return Err(Failed::Trouble(Trouble::Unreachable { call: name(&call), why }));
                }
            }
            attempt += 1;
        }
    }
}

/// The token of an App, or why its key is none.
fn jwt(id: &str, key: &Secret, now: Timestamp) -> Result<Secret, String> {
    let der = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes())
        .map_err(|_| "it is no private key in PEM".to_owned())?;
    let pair = match &der {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return Err("it is no RSA key".to_owned()),
    };
    let pair = pair.map_err(|why| format!("it is no RSA key that can sign: {why}"))?;
    let now = now.as_second();
    let head = serde_json::json!({"alg": "RS256", "typ": "JWT"});
    let claims = serde_json::json!({"iss": id, "iat": now - EARLIER, "exp": now + GOOD_FOR});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&head), part(&claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| "signing with it failed".to_owned())?;
    Ok(Secret::new(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Clock, CommandLine, World};
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use std::collections::BTreeMap;

    /// A key of its own for each run: a key in the repository would be a finding.
    fn key(traditional: &[&str]) -> Option<String> {
        let path = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
        let world = World::with(path, "/".into(), Clock::system());
        let command = CommandLine::new("openssl", [&["genrsa"], traditional, &["2048"]].concat());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let made = runtime.block_on(world.run(&command)).ok().filter(|made| made.status.success())?;
        Some(String::from_utf8(made.stdout).unwrap())
    }

    #[test]
    fn both_forms_of_a_key_sign_what_its_public_part_verifies() {
        for form in [&["-traditional"][..], &[]] {
            let Some(pem) = key(form) else {
                println!("gateline-skip: openssl");
                return;
            };
            let secret = Secret::new(&pem);
            let now = Timestamp::from_second(1_800_000_000).unwrap();
            let jwt = jwt("Iv1.abc", &secret, now).unwrap();
            let (signed, signature) = jwt.reveal().rsplit_once('.').unwrap();
            let claims = URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap();
            let claims: Value = serde_json::from_slice(&claims).unwrap();
            assert_eq!(
                claims,
                serde_json::json!({"iss": "Iv1.abc", "iat": 1_799_999_940, "exp": 1_800_000_540})
            );
            let pair = match PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap() {
                PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
                PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
                _ => panic!("another kind of key"),
            };
            let public = pair.unwrap().public().as_ref().to_vec();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            let checked = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
            checked.verify(signed.as_bytes(), &signature).unwrap();
        }
    }

    #[test]
    fn what_is_no_key_is_told_without_it() {
        for text in
            ["", "hunter2hunter2", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"]
        {
            let why = jwt("1", &Secret::new(text), Timestamp::UNIX_EPOCH).err().unwrap();
            assert!(!why.contains("hunter2") && !why.contains("AAAA"), "{why}");
        }
    }
}
