//! A file that is proposed as a pull request: the branch, the commit, the request. Each is looked for after a lost reply, and made once.

use super::api::{encoded, read};
use super::client::{Client, Trouble};
use super::limits;
use super::retry::Effect;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct File {
    /// Its name for git.
    pub sha: String,
    content: String,
}

/// A pull request that is open.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Open {
    /// Its page.
    pub html_url: String,
}

/// What is written.
pub struct Written<'a> {
    /// The file.
    pub path: &'a str,
    /// The branch that gets the commit.
    pub branch: &'a str,
    /// What the commit says.
    pub message: &'a str,
    /// What the file holds from then on.
    pub text: &'a str,
}

impl File {
    /// What it holds, where that is text. GitHub breaks base64 into lines.
    pub fn text(&self) -> Option<String> {
        let compact: String = self.content.split_ascii_whitespace().collect();
        String::from_utf8(STANDARD.decode(compact).ok()?).ok()
    }
}

impl Client {
    /// The newest commit of a branch.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn head_of(&self, branch: &str) -> Result<Option<String>, Trouble> {
        #[derive(Deserialize)]
        struct Reference {
            object: Object,
        }
        #[derive(Deserialize)]
        struct Object {
            sha: String,
        }
        match self.get::<Reference>(self.at(&format!("/git/ref/heads/{branch}"))).await {
            Ok(reference) => Ok(Some(reference.object.sha)),
            Err(trouble) if trouble.is_gone() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Makes a branch.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn create_branch(&self, branch: &str, commit: &str) -> Result<(), Trouble> {
        let body = json!({"ref": format!("refs/heads/{branch}"), "sha": commit});
        let call = self.writing(Method::POST, "/git/refs", body, Effect::Makes);
        let look_up = async || Ok(self.head_of(branch).await?.map(|_| ()));
        self.make(&call, |_| Some(()), look_up).await
    }

    /// A file of a branch.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn file(&self, path: &str, branch: &str) -> Result<Option<File>, Trouble> {
        let asked = self.at(&format!("/contents/{path}?ref={}", encoded(branch)));
        match self.get::<File>(asked).await {
            Ok(file) => Ok(Some(file)),
            Err(trouble) if trouble.is_gone() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Writes a file in a commit of its own; `there` is the name of what it replaces.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn write_file(&self, written: &Written<'_>, there: Option<String>) -> Result<(), Trouble> {
        let mut body = json!({"message": written.message, "content": STANDARD.encode(written.text), "branch": written.branch});
        if let Some(sha) = there {
            body["sha"] = Value::String(sha);
        }
        let call = self.writing(Method::PUT, &format!("/contents/{}", written.path), body, Effect::Makes);
        let look_up = async || {
            let now = self.file(written.path, written.branch).await?;
            Ok(now.filter(|file| file.text().as_deref() == Some(written.text)).map(|_| ()))
        };
        self.make(&call, |_| Some(()), look_up).await
    }

    /// The open pull request of a branch of this repository.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn request_of(&self, branch: &str, base: &str) -> Result<Option<Open>, Trouble> {
        let head = encoded(&format!("{}:{branch}", self.owner()));
        let (base, per_page) = (encoded(base), limits::PER_PAGE);
        let path = self.at(&format!("/pulls?state=open&head={head}&base={base}&per_page={per_page}"));
        let all: Vec<Open> = self.get(path).await?;
        Ok(all.into_iter().next())
    }

    /// Opens a pull request; where the reply is lost, the one of the same branch is it.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn open_request(
        &self,
        branch: &str,
        base: &str,
        title: &str,
        text: &str,
    ) -> Result<Open, Trouble> {
        let body = json!({"title": title, "body": text, "head": branch, "base": base});
        let call = self.writing(Method::POST, "/pulls", body, Effect::Makes);
        let look_up = async || self.request_of(branch, base).await;
        self.make(&call, read, look_up).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_in_lines_is_text() {
        let file = |content: &str| File { sha: String::new(), content: content.to_owned() };
        assert_eq!(file("aGVs\nbG8=\n").text().as_deref(), Some("hello"));
        assert_eq!(file("//8=").text(), None);
        assert_eq!(file("?").text(), None);
    }
}
