//! What a report asks of GitHub.

mod replies;

use super::client::{Call, Client, Content, Reply, Trouble};
use super::event::Slug;
use super::limits;
use super::retry::Effect;
use hyper::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use replies::{
    CheckOutput, CheckRun, Comment, Issue, Pull, PullHead, Repository, Review, Reviewer, User, approvers,
};

impl Client {
    /// A pull request.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn pull(&self, number: u64) -> Result<Pull, Trouble> {
        self.get(self.at(&format!("/pulls/{number}"))).await
    }

    /// The open pull requests of a branch.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn pulls_of(&self, repository: &Slug, branch: &str) -> Result<Vec<Pull>, Trouble> {
        let head = encoded(&format!("{}:{branch}", repository.owner()));
        let per_page = limits::PER_PAGE;
        self.get(self.at(&format!("/pulls?state=open&head={head}&per_page={per_page}"))).await
    }

    /// The newest checks of this name at a commit.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn check_runs(&self, commit: &str, name: &str) -> Result<Vec<CheckRun>, Trouble> {
        #[derive(Deserialize)]
        struct Page {
            check_runs: Vec<CheckRun>,
        }
        let (name, per_page) = (encoded(name), limits::PER_PAGE);
        let query = format!("check_name={name}&filter=latest&per_page={per_page}");
        let page: Page = self.get(self.at(&format!("/commits/{commit}/check-runs?{query}"))).await?;
        Ok(page.check_runs)
    }

    /// One check.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn check_run(&self, id: u64) -> Result<CheckRun, Trouble> {
        self.get(self.at(&format!("/check-runs/{id}"))).await
    }

    /// Makes a check; where the reply is lost, the one with the same `external_id` is it.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn create_check_run(&self, body: Value) -> Result<CheckRun, Trouble> {
        let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (commit, name, ours) = (word("head_sha"), word("name"), word("external_id"));
        let call = self.writing(Method::POST, "/check-runs", body, Effect::Makes);
        let look_up = async || {
            let there = self.check_runs(&commit, &name).await?;
            Ok(there.into_iter().find(|one| one.external_id.as_deref() == Some(&ours)))
        };
        self.make(&call, read, look_up).await
    }

    /// Adds annotations to a check. GitHub appends them, so after a lost reply it is asked how many there are.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn annotate(&self, check: &CheckRun, there: usize, body: Value) -> Result<(), Trouble> {
        let call = self.writing(Method::PATCH, &format!("/check-runs/{}", check.id), body, Effect::Makes);
        let look_up = async || {
            let now = self.check_run(check.id).await?;
            Ok((now.output.annotations_count > there).then_some(()))
        };
        self.make(&call, |_| Some(()), look_up).await
    }

    /// Every comment of a pull request that can be ours, oldest first, up to the limit of pages.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn comments(&self, number: u64) -> Result<Vec<Comment>, Trouble> {
        let mut all = self.pages(&self.at(&format!("/issues/{number}/comments")), None).await?;
        all.retain(Comment::is_of_the_house);
        Ok(all)
    }

    /// Every review of a pull request, oldest first, up to the limit of pages.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn reviews(&self, number: u64) -> Result<Vec<Review>, Trouble> {
        self.pages(&self.at(&format!("/pulls/{number}/reviews")), None).await
    }

    /// Makes a comment; where the reply is lost, the one that `is_ours` is it.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn create_comment(
        &self,
        number: u64,
        body: &str,
        is_ours: impl Fn(&Comment) -> bool,
    ) -> Result<Comment, Trouble> {
        let path = format!("/issues/{number}/comments");
        let call = self.writing(Method::POST, &path, json!({"body": body}), Effect::Makes);
        let look_up = async || Ok(self.comments(number).await?.into_iter().find(|one| is_ours(one)));
        self.make(&call, read, look_up).await
    }

    /// The open issue with this label whose text is ours.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn issue(&self, label: &str, is_ours: impl Fn(&str) -> bool) -> Result<Option<Issue>, Trouble> {
        let query = format!("state=open&labels={}&per_page={}", encoded(label), limits::PER_PAGE);
        let all: Vec<Issue> = self.get(self.at(&format!("/issues?{query}"))).await?;
        let ours = |one: &Issue| one.text.is_of_the_house() && one.text.body.as_deref().is_some_and(&is_ours);
        Ok(all.into_iter().find(ours))
    }

    /// Opens an issue; where the reply is lost, the one with the label whose text is ours is it.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn open_issue(
        &self,
        (title, label, body): (&str, &str, &str),
        is_ours: impl Fn(&str) -> bool,
    ) -> Result<Issue, Trouble> {
        let asked = json!({"title": title, "body": body, "labels": [label]});
        let call = self.writing(Method::POST, "/issues", asked, Effect::Makes);
        let look_up = async || self.issue(label, &is_ours).await;
        self.make(&call, read, look_up).await
    }

    /// Sets something of an issue: its text, its state.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn set_issue(&self, number: u64, body: Value) -> Result<(), Trouble> {
        let call = self.writing(Method::PATCH, &format!("/issues/{number}"), body, Effect::Sets);
        self.call(&call).await.map(|_| ())
    }

    /// Sets the text of a comment.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn update_comment(&self, id: u64, body: &str) -> Result<(), Trouble> {
        let path = format!("/issues/comments/{id}");
        let call = self.writing(Method::PATCH, &path, json!({"body": body}), Effect::Sets);
        self.call(&call).await.map(|_| ())
    }

    /// The newest status of a name at a commit: its state and its description.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn status(&self, commit: &str, name: &str) -> Result<Option<(String, String)>, Trouble> {
        #[derive(Deserialize)]
        struct Combined {
            statuses: Vec<Status>,
        }
        #[derive(Deserialize)]
        struct Status {
            context: String,
            state: String,
            description: Option<String>,
        }
        let path = format!("/commits/{commit}/status?per_page={}", limits::PER_PAGE);
        let combined: Combined = self.get(self.at(&path)).await?;
        let found = combined.statuses.into_iter().find(|one| one.context == name);
        Ok(found.map(|one| (one.state, one.description.unwrap_or_default())))
    }

    /// Sets a status. GitHub keeps each, but shows the newest of a name: twice is as good as once.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn set_status(&self, commit: &str, body: Value) -> Result<(), Trouble> {
        let call = self.writing(Method::POST, &format!("/statuses/{commit}"), body, Effect::Sets);
        self.call(&call).await.map(|_| ())
    }

    /// Hands SARIF to code scanning, which replaces what it had of the same commit and tool.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn upload_sarif(&self, body: Value) -> Result<(), Trouble> {
        let call = self.writing(Method::POST, "/code-scanning/sarifs", body, Effect::Sets);
        self.call(&call).await.map(|_| ())
    }

    pub(super) fn writing(&self, method: Method, path: &str, body: Value, effect: Effect) -> Call {
        Call { method, path: self.at(path), body: Some(Content::Json(body)), effect }
    }

    /// A list, page by page, up to the limit of pages: each page as a whole, or a part of it.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        path: &str,
        part: Option<&str>,
    ) -> Result<Vec<T>, Trouble> {
        let mut all: Vec<T> = Vec::new();
        for page in 1..=limits::PAGES_MAX {
            let path = format!("{path}?per_page={}&page={page}", limits::PER_PAGE);
            let mut whole: Value = self.get(path.clone()).await?;
            let list = match part {
                None => whole,
                Some(part) => whole[part].take(),
            };
            let some: Vec<T> = serde_json::from_value(list).map_err(|error| unreadable(&path, &error))?;
            let last = some.len() < limits::PER_PAGE;
            all.extend(some);
            if last {
                break;
            }
        }
        Ok(all)
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: String) -> Result<T, Trouble> {
        let call = Call { method: Method::GET, path, body: None, effect: Effect::Reads };
        let Reply { body, .. } = self.call(&call).await?;
        serde_json::from_value(body).map_err(|error| unreadable(&call.path, &error))
    }
}

fn unreadable(path: &str, error: &serde_json::Error) -> Trouble {
    Trouble::Unreachable {
        call: format!("GET {}", path.split('?').next().unwrap_or_default()),
        why: format!("the reply is not what was asked for: {error}"),
    }
}

pub(super) fn read<T: DeserializeOwned>(body: &Value) -> Option<T> {
    T::deserialize(body).ok()
}

/// A value of a query, or one part of a path: all but letters, digits and `-._~` in per cent.
pub(super) fn encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    value.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_stays_one_value_of_the_query() {
        assert_eq!(encoded("o:a&b=#c/ä"), "o%3Aa%26b%3D%23c%2F%C3%A4");
    }
}
