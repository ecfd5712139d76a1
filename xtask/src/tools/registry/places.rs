//! The two kinds of places as one: documents, blobs and lists of referrers are read from either, always verified.

use super::challenge::next_page;
use super::client::{Ask, Client, Trouble, came_of, said_digest};
use super::limits::{ATTEMPTS_MAX, PAGES_MAX};
use super::reference::Reference;
use super::retry::{self, Next};
use super::stream::Pieces;
use crate::digest::Digest;
use crate::oci::layout::{self, DOCUMENT_BYTES_MAX, INDEX_FILE};
use crate::oci::manifest::{Descriptor, Index, MEDIA_INDEX, MEDIA_MANIFEST, REF_NAME};
use crate::oci::referrers::{self, ENTRIES_MAX};
use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, LINK};
use serde_json::Value;
use std::fs::File;
use std::path::PathBuf;

/// Documents that we read, ours before Docker's.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// Where an image is read from.
pub enum From<'a> {
    /// A layout, and which of its images.
    Layout(PathBuf, Option<String>),
    /// A registry, and which of its images.
    Registry(&'a Client, Reference),
}

/// What refers to an image: entries of lists, and how a registry told them.
pub(super) struct Referring {
    pub(super) entries: Vec<Descriptor>,
    pub(super) by_fallback: bool,
}

impl From<'_> {
    /// For messages.
    pub(super) fn shown(&self) -> String {
        match self {
            From::Layout(directory, _) => directory.display().to_string(),
            From::Registry(client, _) => client.name().to_owned(),
        }
    }

    /// Which image it is: where a tag is given without a digest, it is resolved here, once.
    pub(super) async fn root(&self) -> Result<(Descriptor, Bytes), Trouble> {
        match self {
            From::Registry(client, reference) => {
                let by = reference.digest.as_ref().map(ToString::to_string).or_else(|| reference.tag.clone());
                let by = by
                    .ok_or_else(|| Trouble::Local(format!("{reference} names neither a tag nor a digest")))?;
                client.manifest(&reference.name, &by).await
            }
            From::Layout(directory, tag) => {
                let bytes = layout::bounded(&directory.join(INDEX_FILE), INDEX_FILE, DOCUMENT_BYTES_MAX);
                let bytes = bytes.map_err(|error| Trouble::Local(error.to_string()))?;
                let index: Index =
                    layout::parse(INDEX_FILE, &bytes).map_err(|error| Trouble::Local(error.to_string()))?;
                let asked = |entry: &&Descriptor| {
                    let named = tag.as_ref().is_none_or(|tag| entry.annotations.get(REF_NAME) == Some(tag));
                    named && !referrers::is_referring(entry)
                };
                let found: Vec<&Descriptor> = index.manifests.iter().filter(asked).collect();
                let [entry] = found[..] else {
                    let what = tag.as_ref().map_or(String::new(), |tag| format!(" tagged {tag}"));
                    let count = found.len();
                    return Err(Trouble::Local(format!(
                        "{} holds {count} images{what}, not one",
                        directory.display()
                    )));
                };
                let mut entry = entry.clone();
                entry.annotations.clear();
                let bytes = self.document(&entry).await?;
                Ok((entry, bytes))
            }
        }
    }

    /// A document by its digest.
    pub(super) async fn document(&self, at: &Descriptor) -> Result<Bytes, Trouble> {
        let refused = |why: String| {
            Err(Trouble::Refused { what: format!("the document {}", at.digest), from: self.shown(), why })
        };
        if at.size > DOCUMENT_BYTES_MAX {
            return refused(format!(
                "it would have more than {DOCUMENT_BYTES_MAX} bytes, the most that is read"
            ));
        }
        let bytes = match self {
            From::Layout(directory, _) => {
                let path = layout::blob_path(directory, &at.digest);
                let bytes = layout::bounded(&path, "a document", DOCUMENT_BYTES_MAX);
                Bytes::from(bytes.map_err(|error| Trouble::Local(error.to_string()))?)
            }
            From::Registry(client, reference) => {
                client.manifest(&reference.name, &at.digest.to_string()).await?.1
            }
        };
        if bytes.len() as u64 != at.size {
            return refused(format!("it has {} bytes and not {}", bytes.len(), at.size));
        }
        match Digest::of(&bytes) {
            found if found == at.digest => Ok(bytes),
            found => refused(format!("its digest is {found}")),
        }
    }

    /// Begins to read a blob.
    pub(super) async fn open(&self, at: &Descriptor) -> Result<Pieces, Trouble> {
        match self {
            From::Layout(directory, _) => {
                let path = layout::blob_path(directory, &at.digest);
                let file = File::open(&path);
                let file = file
                    .map_err(|error| Trouble::Local(format!("failed to open {}: {error}", path.display())))?;
                Ok(Pieces::of_file(file, at, &self.shown()))
            }
            From::Registry(client, reference) => client.blob(&reference.name, at).await,
        }
    }

    /// What refers to an image.
    pub(super) async fn referring(&self, image: &Digest) -> Result<Referring, Trouble> {
        match self {
            From::Layout(directory, _) => {
                let entries = referrers::listed(directory, image).map_err(|error| Trouble::Refused {
                    what: "the list of referrers".to_owned(),
                    from: self.shown(),
                    why: error.to_string(),
                })?;
                Ok(Referring { entries, by_fallback: false })
            }
            From::Registry(client, reference) => client.referring(&reference.name, image).await,
        }
    }
}

impl Client {
    pub(super) fn ask(
        &self,
        method: Method,
        to: String,
        scopes: Vec<String>,
        expected: &'static [u16],
    ) -> Ask {
        Ask { method, to, headers: Vec::new(), content: Bytes::new(), scopes, expected }
    }

    /// A document by tag or digest: what it is, and its bytes. What says that it has a digest must have it.
    pub(super) async fn manifest(&self, name: &str, by: &str) -> Result<(Descriptor, Bytes), Trouble> {
        let path = format!("/v2/{name}/manifests/{by}");
        let mut ask = self.ask(Method::GET, path, pull(name), &[200]);
        ask.headers.push((ACCEPT, ACCEPTED.to_owned()));
        let reply = self.call(&ask, usize::try_from(DOCUMENT_BYTES_MAX).unwrap_or(usize::MAX)).await?;
        let found = Digest::of(&reply.bytes);
        let promised = by
            .parse::<Digest>()
            .ok()
            .into_iter()
            .chain(said_digest(&reply.headers))
            .find(|one| *one != found);
        if let Some(promised) = promised {
            let why = format!("{promised} is promised, and the bytes are {found}");
            return Err(self.refused(&format!("the document {name}:{by}"), why));
        }
        let kind = reply.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or(MEDIA_MANIFEST).split(';').next().unwrap_or_default().trim();
        Ok((Descriptor::new(kind, found, reply.bytes.len() as u64), reply.bytes))
    }

    /// Begins to read a blob; what breaks off later is the reader's to ask again.
    async fn blob(&self, name: &str, at: &Descriptor) -> Result<Pieces, Trouble> {
        let ask = self.ask(Method::GET, format!("/v2/{name}/blobs/{}", at.digest), pull(name), &[200]);
        let mut attempt = 1;
        loop {
            let (came, end) = match self.send(&ask).await {
                Ok(reply) if reply.status().as_u16() == 200 => {
                    return Ok(Pieces::of_reply(reply.into_body(), at, self.name()));
                }
                Ok(reply) => {
                    let reply = Client::rest(reply).await;
                    (came_of(reply.status, &reply.headers), self.answered(&ask, &reply))
                }
                Err(lost @ Trouble::Unreachable { .. }) => (retry::Came::Nothing, lost),
                Err(other) => return Err(other),
            };
            match retry::next(attempt, came) {
                Next::Again(pause) if attempt < ATTEMPTS_MAX => self.pause(pause).await,
                _ => return Err(end),
            }
            attempt += 1;
        }
    }

    /// What refers to an image: by the referrers API, and where there is none (404) by the fallback tag.
    pub(super) async fn referring(&self, name: &str, image: &Digest) -> Result<Referring, Trouble> {
        let mut to = format!("/v2/{name}/referrers/{image}");
        let mut entries = Vec::new();
        for page in 0..PAGES_MAX {
            let mut ask = self.ask(Method::GET, to, pull(name), &[200, 404]);
            ask.headers.push((ACCEPT, MEDIA_INDEX.to_owned()));
            let reply = self.call(&ask, usize::try_from(DOCUMENT_BYTES_MAX).unwrap_or(usize::MAX)).await?;
            if reply.status == 404 && page == 0 {
                let (list, _) = self.fallback(name, image).await?;
                let list = list.map(|list| list.entries()).unwrap_or_default();
                let entries = self.entries(list)?;
                return Ok(Referring { entries, by_fallback: true });
            }
            let list: Value = serde_json::from_slice(&reply.bytes).unwrap_or_default();
            let Some(Value::Array(more)) = list.get("manifests").cloned() else {
                return Err(self.refused("the list of referrers", "it is none".to_owned()));
            };
            entries.extend(more);
            let next = reply.headers.get(LINK).and_then(|value| next_page(value.to_str().ok()?));
            match next {
                // A list goes on at the same registry or nowhere.
                Some(next) if next.starts_with('/') && !next.starts_with("//") => to = next.to_owned(),
                Some(_) => {
                    return Err(self.refused("the list of referrers", "it goes on elsewhere".to_owned()));
                }
                None => return Ok(Referring { entries: self.entries(entries)?, by_fallback: false }),
            }
        }
        Err(self.refused("the list of referrers", format!("it has more than {PAGES_MAX} pages")))
    }

    fn entries(&self, list: Vec<Value>) -> Result<Vec<Descriptor>, Trouble> {
        let no = |why: String| self.refused("the list of referrers", why);
        if list.len() > ENTRIES_MAX {
            return Err(no(format!("it has {} entries, more than {ENTRIES_MAX}", list.len())));
        }
        let read = |entry| serde_json::from_value(entry).map_err(|error| no(error.to_string()));
        list.into_iter().map(read).collect()
    }
}

/// The right to read a repository.
pub(super) fn pull(name: &str) -> Vec<String> {
    vec![format!("repository:{name}:pull")]
}
