//! Releases on GitHub: what is asked of them and what is done to them. What is to be done is decided by
//! [`crate::release::publication`].

use super::api::{encoded, read};
use super::client::{Call, Client, Content, Trouble};
use super::context::Address;
use super::retry::Effect;
use crate::release::publication::{Asset, There, Wanted};
use hyper::Method;
use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::json;

impl Client {
    /// The commit of a tag, wherever it was put.
    ///
    /// # Errors
    /// [`Trouble`]: GitHub answers 404 or 422 where it has no such tag.
    pub async fn commit_of_tag(&self, tag: &str) -> Result<String, Trouble> {
        #[derive(Deserialize)]
        struct Commit {
            sha: String,
        }
        // Its files are not wanted; one page of them has one.
        let commit: Commit = self.get(self.at(&format!("/commits/tags/{}?per_page=1", encoded(tag)))).await?;
        Ok(commit.sha)
    }

    /// Every release, drafts too, newest first, up to the limit of pages.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn releases(&self) -> Result<Vec<There>, Trouble> {
        self.pages(&self.at("/releases"), None).await
    }

    /// One release.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn release(&self, id: u64) -> Result<There, Trouble> {
        self.get(self.at(&format!("/releases/{id}"))).await
    }

    /// The files of a release, with the digests of what GitHub has.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn release_assets(&self, id: u64) -> Result<Vec<Asset>, Trouble> {
        self.pages(&self.at(&format!("/releases/{id}/assets")), None).await
    }

    /// Makes the draft; where the reply is lost, the one of the same tag is it.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn create_draft(&self, wanted: &Wanted) -> Result<There, Trouble> {
        let body = json!({"tag_name": wanted.tag, "name": wanted.title, "body": wanted.notes, "draft": true,
            "prerelease": wanted.prerelease});
        let call = self.writing(Method::POST, "/releases", body, Effect::Makes);
        let look_up = async || {
            Ok(self.releases().await?.into_iter().find(|one| one.tag_name == wanted.tag && one.draft))
        };
        self.make(&call, read, look_up).await
    }

    /// Sets title, notes and mark of a draft.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn describe_release(&self, id: u64, wanted: &Wanted) -> Result<(), Trouble> {
        let body = json!({"name": wanted.title, "body": wanted.notes, "prerelease": wanted.prerelease});
        let call = self.writing(Method::PATCH, &format!("/releases/{id}"), body, Effect::Sets);
        self.call(&call).await.map(|_| ())
    }

    /// Publishes a draft.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn publish_release(&self, id: u64) -> Result<(), Trouble> {
        let body = json!({"draft": false});
        let call = self.writing(Method::PATCH, &format!("/releases/{id}"), body, Effect::Sets);
        self.call(&call).await.map(|_| ())
    }

    /// Removes a file of a draft. One that is gone already is as good.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn remove_asset(&self, id: u64) -> Result<(), Trouble> {
        let path = self.at(&format!("/releases/assets/{id}"));
        let call = Call { method: Method::DELETE, path, body: None, effect: Effect::Sets };
        match self.call(&call).await {
            Err(trouble) if !trouble.is_gone() => Err(trouble),
            _ => Ok(()),
        }
    }

    /// Sends a file; where the reply is lost, the one of the same name is looked for. What is left of it half is removed first:
    /// GitHub keeps its name taken.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn upload_asset(&self, release: &There, name: &str, bytes: Bytes) -> Result<Asset, Trouble> {
        let wrong = |why: String| Trouble::Unreachable { call: format!("the upload of {name}"), why };
        let (to, path) = files(self.base(), &release.upload_url).map_err(wrong)?;
        let path = format!("{path}?name={}", encoded(name));
        let call = Call {
            method: Method::POST,
            path,
            body: Some(Content::File { to, bytes }),
            effect: Effect::Makes,
        };
        let look_up = async || {
            let there = self.release_assets(release.id).await?.into_iter().find(|one| one.name == name);
            match there {
                Some(asset) if !asset.is_whole() => self.remove_asset(asset.id).await.map(|()| None),
                other => Ok(other),
            }
        };
        self.make(&call, read, look_up).await
    }
}

/// Where files of a release are sent: base and path. A token goes nowhere but to GitHub: to the host of the API (GitHub Enterprise), or
/// to its neighbour (`api.` and `uploads.` of the same domain).
fn files(api: &str, upload_url: &str) -> Result<(String, String), String> {
    let address = upload_url.split('{').next().unwrap_or_default();
    let address = address.parse::<Address>()?.to_string();
    let split = |address: &str| {
        let (scheme, rest) = address.split_once("://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        Some((scheme.to_owned(), host.to_owned(), path.to_owned()))
    };
    let (Some((scheme, host, path)), Some((api_scheme, api_host, _))) = (split(&address), split(api)) else {
        return Err(format!("`{address}` is no address"));
    };
    let neighbour = api_host.strip_prefix("api.").map(|domain| format!("uploads.{domain}"));
    match scheme == api_scheme && (host == api_host || neighbour.as_deref() == Some(&host)) {
        true => Ok((format!("{scheme}://{host}"), format!("/{path}"))),
        false => Err(format!("{host} is not where {api_host} keeps files, so nothing is sent there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_github_and_its_neighbour_only() {
        let check = |api: &str, upload: &str, expected: Option<(&str, &str)>| {
            let expected = expected.map(|(base, path)| (base.to_owned(), path.to_owned()));
            assert_eq!(files(api, upload).ok(), expected, "{api} {upload}");
        };
        let path = "/repos/o/r/releases/1/assets";
        let public = format!("https://uploads.github.com{path}{{?name,label}}");
        check("https://api.github.com", &public, Some(("https://uploads.github.com", path)));
        let enterprise = format!("https://ghe.example/api/uploads{path}{{?name,label}}");
        let there = format!("/api/uploads{path}");
        check("https://ghe.example/api/v3", &enterprise, Some(("https://ghe.example", &there)));
        let resident = format!("https://uploads.octo.ghe.com{path}");
        check("https://api.octo.ghe.com", &resident, Some(("https://uploads.octo.ghe.com", path)));
        for evil in [
            "https://evil.example/x",
            "http://uploads.github.com/x",
            "https://uploads.github.com.evil/x",
            "",
            "x",
        ] {
            check("https://api.github.com", evil, None);
        }
        check("https://ghe.example/api/v3", "https://uploads.ghe.example/x", None);
    }
}
