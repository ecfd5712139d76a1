//! Into a registry: what is there is not sent, what another repository has is mounted, what is sent is read back, the tag comes last.
//!
//! Uploads are one POST and one PUT: chunks by PATCH are where registries differ most (GHCR caps one at 4 MiB, ECR's `Range` stands
//! still), and nothing of ours needs them.

use super::{Copied, Descriptor};
use crate::digest::Digest;
use crate::tools::registry::client::{Ask, Client, Reply, Trouble, came_of, said_digest};
use crate::tools::registry::limits::{REPLY_BYTES_MAX, REPLY_TIMEOUT, SLOWEST_BYTES_PER_SEC};
use crate::tools::registry::places::{From, pull};
use crate::tools::registry::reference::Reference;
use crate::tools::registry::retry::{self, Came, Next};
use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use std::time::Duration;

/// A place in a registry.
pub struct Registry<'a> {
    client: &'a Client,
    place: Reference,
    mount_from: Option<String>,
}

/// What became of a request for an upload.
enum Begun {
    Mounted,
    /// Here it goes on.
    At(String),
}

impl<'a> Registry<'a> {
    /// A place; blobs that the repository `mount_from` of the same registry has are mounted from there.
    pub fn new(client: &'a Client, place: Reference, mount_from: Option<String>) -> Registry<'a> {
        let mount_from = mount_from.filter(|other| *other != place.name);
        Registry { client, place, mount_from }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.place.name)
    }

    /// Writing here, and reading where blobs are mounted from: docker.io gives a mount only to a token that has both.
    fn scopes(&self) -> Vec<String> {
        let own = format!("repository:{}:pull,push", self.place.name);
        std::iter::once(own).chain(self.mount_from.iter().flat_map(|from| pull(from))).collect()
    }

    fn ask(&self, method: Method, to: String, expected: &'static [u16]) -> Ask {
        self.client.ask(method, to, self.scopes(), expected)
    }

    pub(super) async fn blob(
        &self,
        from: &From<'_>,
        blob: &Descriptor,
        copied: &mut Copied,
    ) -> Result<(), Trouble> {
        let there = self.ask(Method::HEAD, self.path(&format!("blobs/{}", blob.digest)), &[200, 404]);
        if self.client.call(&there, REPLY_BYTES_MAX).await?.status == 200 {
            copied.skipped.add(blob);
            return Ok(());
        }
        let mut attempt = 1;
        loop {
            let to = match self.begin(blob).await? {
                Begun::Mounted => {
                    copied.mounted.add(blob);
                    return Ok(());
                }
                Begun::At(to) => to,
            };
            let (came, end) = match self.send(from, blob, to).await? {
                (_, Ok(_)) => {
                    copied.uploaded.add(blob);
                    return Ok(());
                }
                (came, Err(end)) => (came, end),
            };
            match retry::next(attempt, came) {
                Next::Again(pause) => self.client.pause(pause).await,
                Next::Answer | Next::GiveUp => return Err(end),
            }
            attempt += 1;
        }
    }

    /// Begins an upload, or mounts. A registry that does not mount answers 202 and has begun one: that is used.
    async fn begin(&self, blob: &Descriptor) -> Result<Begun, Trouble> {
        let to = match &self.mount_from {
            Some(other) => self.path(&format!("blobs/uploads/?mount={}&from={other}", blob.digest)),
            None => self.path("blobs/uploads/"),
        };
        let mut ask = self.ask(Method::POST, to, &[201, 202]);
        ask.headers.push((CONTENT_LENGTH, "0".to_owned()));
        let reply = self.client.call(&ask, REPLY_BYTES_MAX).await?;
        if reply.status == 201 && self.mount_from.is_some() {
            return Ok(Begun::Mounted);
        }
        let location = reply.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let location =
            location.ok_or_else(|| self.client.refused("an upload", "it is begun nowhere".to_owned()))?;
        let asked = self.client.address(&ask.to, None)?;
        let mut to = self.client.address(location, Some(&asked))?.to_string();
        to.push(if to.contains('?') { '&' } else { '?' });
        to.push_str(&format!("digest={}", blob.digest.to_string().replace(':', "%3A")));
        Ok(Begun::At(to))
    }

    /// Sends a blob whole. The outer error ends it; the inner one may pass.
    async fn send(
        &self,
        from: &From<'_>,
        blob: &Descriptor,
        to: String,
    ) -> Result<(Came, Result<Reply, Trouble>), Trouble> {
        let pieces = from.open(blob).await?;
        let fault = pieces.fault.clone();
        let mut ask = self.ask(Method::PUT, to, &[200, 201, 202]);
        ask.headers.push((CONTENT_TYPE, "application/octet-stream".to_owned()));
        ask.headers.push((CONTENT_LENGTH, blob.size.to_string()));
        let time = REPLY_TIMEOUT.saturating_add(Duration::from_secs(blob.size / SLOWEST_BYTES_PER_SEC));
        let work = async { Ok(Client::rest(self.client.send_stream(&ask, pieces.body()).await?).await) };
        let sent = tokio::time::timeout(time, work)
            .await
            .unwrap_or_else(|_| Err(self.client.lost(&ask, format!("not within {} s", time.as_secs()))));
        if let Some(fault) = fault.get() {
            return Err(fault.clone());
        }
        match sent {
            Ok(reply) if ask.expected.contains(&reply.status) => match said_digest(&reply.headers) {
                Some(said) if said != blob.digest => {
                    let why = format!("the registry took it for {said}");
                    Err(self.client.refused(&format!("the blob {}", blob.digest), why))
                }
                _ => Ok((Came::Reply(reply.status, None), Ok(reply))),
            },
            Ok(reply) => {
                let came = match reply.status {
                    // The token ended on the way, or the session is gone: once more from the start.
                    401 | 404 | 416 => Came::Nothing,
                    status => came_of(status, &reply.headers),
                };
                Ok((came, Err(self.client.answered(&ask, &reply))))
            }
            Err(lost @ Trouble::Unreachable { .. }) => Ok((Came::Nothing, Err(lost))),
            Err(other) => Err(other),
        }
    }

    pub(super) async fn finish(
        &self,
        root: &Descriptor,
        documents: &[(Descriptor, Bytes)],
        referring: &[Descriptor],
        copied: &mut Copied,
    ) -> Result<(), Trouble> {
        let mut subjects_known = true;
        for (document, bytes) in documents {
            let by = document.digest.to_string();
            if self.head(&by).await?.as_ref() == Some(&document.digest) {
                continue;
            }
            self.put(&by, document, bytes).await?;
            copied.documents_written += 1;
            let (_, back) = self.client.manifest(&self.place.name, &by).await?;
            if back != *bytes {
                return Err(self
                    .client
                    .refused(&format!("the document {by}"), "it is not what was written".to_owned()));
            }
        }
        if !referring.is_empty() {
            let held = self.client.referring(&self.place.name, &root.digest).await?;
            subjects_known = !held.by_fallback;
            if held.by_fallback {
                let (name, scopes) = (&self.place.name, self.scopes());
                self.client.list_in_fallback(name, &root.digest, referring, &scopes).await?;
            } else if let Some(gone) =
                referring.iter().find(|entry| !held.entries.iter().any(|one| one.digest == entry.digest))
            {
                let why = format!("the registry has it and does not list it for {}", root.digest);
                return Err(self.client.refused(&format!("the referrer {}", gone.digest), why));
            }
        }
        copied.fallback_tag = !subjects_known;
        let Some(tag) = &self.place.tag else { return Ok(()) };
        if self.head(tag).await?.as_ref() == Some(&root.digest) {
            return Ok(());
        }
        let bytes =
            documents.iter().find(|(document, _)| document.digest == root.digest).map(|(_, bytes)| bytes);
        self.put(tag, root, bytes.unwrap_or(&Bytes::new())).await?;
        copied.tag_moved = true;
        match self.client.manifest(&self.place.name, tag).await?.0.digest {
            digest if digest == root.digest => Ok(()),
            other => {
                let why = format!("it leads to {other}: somebody else writes it too");
                Err(self.client.refused(&format!("the tag {tag}"), why))
            }
        }
    }

    /// The digest that a tag or a digest leads to.
    async fn head(&self, by: &str) -> Result<Option<Digest>, Trouble> {
        let mut ask = self.ask(Method::HEAD, self.path(&format!("manifests/{by}")), &[200, 404]);
        ask.headers.push((ACCEPT, "*/*".to_owned()));
        let kinds = [crate::oci::manifest::MEDIA_INDEX, crate::oci::manifest::MEDIA_MANIFEST];
        ask.headers.extend(kinds.map(|kind| (ACCEPT, kind.to_owned())));
        let reply = self.client.call(&ask, REPLY_BYTES_MAX).await?;
        Ok(if reply.status == 200 { said_digest(&reply.headers) } else { None })
    }

    async fn put(&self, by: &str, document: &Descriptor, bytes: &Bytes) -> Result<(), Trouble> {
        let mut ask = self.ask(Method::PUT, self.path(&format!("manifests/{by}")), &[200, 201, 202]);
        ask.headers.push((CONTENT_TYPE, document.media_type.clone()));
        ask.content = bytes.clone();
        let reply = self.client.call(&ask, REPLY_BYTES_MAX).await?;
        match said_digest(&reply.headers) {
            Some(said) if said != document.digest => {
                let why = format!("the registry took it for {said}");
                Err(self.client.refused(&format!("the document {}", document.digest), why))
            }
            _ => Ok(()),
        }
    }
}
