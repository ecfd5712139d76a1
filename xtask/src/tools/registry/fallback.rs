//! The list of an image's referrers under the tag `sha256-<hex>`, where a registry has no referrers API (distribution-spec 1.1).
//!
//! It is read, changed and written, and no registry of today locks it. So nothing that was ever seen is dropped: after each write the
//! list is read again, at once and after a pause, and where an entry is missing that was there or is ours, the union is written once
//! more. Two writers that both do so end with the same whole list; against one that does not, the end is an error, not silence.
//! `If-Match` goes along for registries that honour it.

use super::client::{Client, Trouble};
use super::limits::{ROUNDS_MAX, SETTLE};
use super::places::pull;
use crate::digest::Digest;
use crate::oci::layout::DOCUMENT_BYTES_MAX;
use crate::oci::manifest::{Descriptor, MEDIA_INDEX};
use crate::oci::referrers::{ENTRIES_MAX, fallback_tag};
use hyper::Method;
use hyper::header::{ACCEPT, CONTENT_TYPE, ETAG, IF_MATCH};
use serde_json::{Value, json};

/// A list as somebody wrote it; what we do not know in it stays.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct List(Value);

impl List {
    fn empty() -> List {
        List(json!({"schemaVersion": 2, "mediaType": MEDIA_INDEX, "manifests": []}))
    }

    pub(super) fn entries(&self) -> Vec<Value> {
        self.0["manifests"].as_array().cloned().unwrap_or_default()
    }

    /// The union with other entries, by digest; what is there first stays as it is. Whether anything was missing.
    fn add(&mut self, others: &[Value]) -> bool {
        let mut all = self.entries();
        let before = all.len();
        for other in others {
            if !all.iter().any(|one| one["digest"] == other["digest"]) {
                all.push(other.clone());
            }
        }
        let grew = all.len() > before;
        self.0["manifests"] = Value::Array(all);
        grew
    }
}

impl Client {
    /// The list under the fallback tag and its `ETag`. `None` where there is none.
    pub(super) async fn fallback(
        &self,
        name: &str,
        image: &Digest,
    ) -> Result<(Option<List>, Option<String>), Trouble> {
        let path = format!("/v2/{name}/manifests/{}", fallback_tag(image));
        let mut ask = self.ask(Method::GET, path, pull(name), &[200, 404]);
        ask.headers.push((ACCEPT, MEDIA_INDEX.to_owned()));
        let reply = self.call(&ask, usize::try_from(DOCUMENT_BYTES_MAX).unwrap_or(usize::MAX)).await?;
        if reply.status == 404 {
            return Ok((None, None));
        }
        let value: Value = serde_json::from_slice(&reply.bytes).unwrap_or_default();
        if !value["manifests"].is_array() {
            return Err(self.refused("the list of referrers", format!("{} is no index", fallback_tag(image))));
        }
        let tag = reply.headers.get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok((Some(List(value)), tag))
    }

    /// Makes sure that these entries are in the list, and that none which was seen goes. Whether it was written.
    pub(super) async fn list_in_fallback(
        &self,
        name: &str,
        image: &Digest,
        entries: &[Descriptor],
        scopes: &[String],
    ) -> Result<bool, Trouble> {
        let mut known: Vec<Value> =
            entries.iter().filter_map(|entry| serde_json::to_value(entry).ok()).collect();
        let mut wrote = false;
        for _ in 0..ROUNDS_MAX {
            let (list, tag) = self.fallback(name, image).await?;
            let mut list = list.unwrap_or_else(List::empty);
            let mut union = List(json!({"manifests": known}));
            union.add(&list.entries());
            known = union.entries();
            if !list.add(&known) {
                if !wrote {
                    return Ok(false);
                }
                // Ours is there. Somebody who read before we wrote may still write: look once more, later.
                self.pause(SETTLE).await;
                let again = self.fallback(name, image).await?.0.unwrap_or_else(List::empty);
                if !again.clone().add(&known) {
                    return Ok(true);
                }
                continue;
            }
            if known.len() > ENTRIES_MAX {
                let why = format!("it would have {} entries, more than {ENTRIES_MAX}", known.len());
                return Err(self.refused("the list of referrers", why));
            }
            let path = format!("/v2/{name}/manifests/{}", fallback_tag(image));
            let mut ask = self.ask(Method::PUT, path, scopes.to_vec(), &[200, 201, 202, 412]);
            ask.headers.push((CONTENT_TYPE, MEDIA_INDEX.to_owned()));
            ask.headers.extend(tag.map(|tag| (IF_MATCH, tag)));
            ask.content = list.0.to_string().into_bytes().into();
            // 412: somebody was quicker, and the registry says so.
            wrote |= self.call(&ask, super::limits::REPLY_BYTES_MAX).await?.status != 412;
        }
        let why = format!(
            "others write {} too: in {ROUNDS_MAX} rounds it never kept every entry",
            fallback_tag(image)
        );
        Err(Trouble::Unreachable {
            registry: self.name().to_owned(),
            call: "for a list of referrers".to_owned(),
            why,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(names: &[u8]) -> List {
        let mut list = List::empty();
        list.add(&names.iter().map(|name| json!({"digest": name, "other": true})).collect::<Vec<_>>());
        list
    }

    proptest! {
        #[test]
        fn a_union_has_everything_once_and_keeps_what_it_does_not_know(a: Vec<u8>, b: Vec<u8>) {
            let (mut union, other) = (list(&a), list(&b));
            let grew = union.add(&other.entries());
            let has = |name: &u8| union.entries().iter().filter(|one| one["digest"] == *name && one["other"] == true).count();
            prop_assert!(a.iter().chain(&b).all(|name| has(name) == 1));
            prop_assert_eq!(grew, b.iter().any(|name| !a.contains(name)));
            prop_assert!(!union.clone().add(&other.entries()));
        }
    }
}
