//! What GitHub enforces, and how it is told to: rulesets, environments, the rights of workflows.
//!
//! Replies are kept as GitHub gives them, because what is written back must keep what the policy has no word for.

use super::api::{encoded, read};
use super::client::{Call, Client, Content, Trouble};
use super::retry::Effect;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

/// A ruleset in a list, which has no rules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// `branch`, `tag`, `push`.
    pub target: Option<String>,
    /// `Repository`, `Organization`, `Enterprise`.
    pub source_type: Option<String>,
}

impl Listed {
    /// Whether this is the repository's own ruleset of branches with this name.
    pub fn is(&self, name: &str) -> bool {
        let of_repository = self.source_type.as_deref().is_none_or(|source| source == "Repository");
        self.name == name && of_repository && self.target.as_deref().is_none_or(|target| target == "branch")
    }
}

/// A branch or a tag that may be deployed, as a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeploymentRef {
    /// Its id.
    pub id: u64,
    /// The pattern.
    pub name: String,
    /// `branch` or `tag`; branches alone did not say so once.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

impl DeploymentRef {
    /// What it is of.
    pub fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("branch")
    }
}

/// Somebody whom GitHub knows by a number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// The number.
    pub id: u64,
    /// A person's name, as GitHub writes it.
    pub login: Option<String>,
    /// A team's or an App's.
    pub slug: Option<String>,
}

impl Client {
    /// The default branch.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn default_branch(&self) -> Result<String, Trouble> {
        #[derive(Deserialize)]
        struct About {
            default_branch: String,
        }
        let about: About = self.get(self.at("")).await?;
        Ok(about.default_branch)
    }

    /// Every ruleset that holds for the repository, up to the limit of pages.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn rulesets(&self) -> Result<Vec<Listed>, Trouble> {
        self.pages(&self.at("/rulesets"), None).await
    }

    /// One ruleset with its rules.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn ruleset(&self, id: u64) -> Result<Value, Trouble> {
        self.get(self.at(&format!("/rulesets/{id}"))).await
    }

    /// The rules that hold for a branch, wherever they come from.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn rules_of(&self, branch: &str) -> Result<Vec<Value>, Trouble> {
        self.pages(&self.at(&format!("/rules/branches/{}", encoded(branch))), None).await
    }

    /// Whether a branch has protection of the older kind, besides rulesets.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn has_classic_protection(&self, branch: &str) -> Result<bool, Trouble> {
        let path = self.at(&format!("/branches/{}/protection", encoded(branch)));
        Ok(or_absent(self.get::<Value>(path).await)?.is_some())
    }

    /// An environment; nothing where there is none of that name.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn environment(&self, name: &str) -> Result<Option<Value>, Trouble> {
        or_absent(self.get(self.environment_at(name, "")).await)
    }

    /// The patterns of branches and tags that may be deployed to an environment.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn deployment_refs(&self, environment: &str) -> Result<Vec<DeploymentRef>, Trouble> {
        let path = self.environment_at(environment, "/deployment-branch-policies");
        self.pages(&path, Some("branch_policies")).await
    }

    /// What the token of a workflow may do that asks for nothing.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn workflow_permissions(&self) -> Result<Value, Trouble> {
        self.get(self.at("/actions/permissions/workflow")).await
    }

    /// An App, if there is one of that name.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn app(&self, slug: &str) -> Result<Option<Named>, Trouble> {
        or_absent(self.get(format!("/apps/{}", encoded(slug))).await)
    }

    /// A person, if there is one of that name.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn user(&self, login: &str) -> Result<Option<Named>, Trouble> {
        or_absent(self.get(format!("/users/{}", encoded(login))).await)
    }

    /// A team. That there is none looks as if the token may not see it.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn team(&self, organisation: &str, slug: &str) -> Result<Named, Trouble> {
        self.get(format!("/orgs/{}/teams/{}", encoded(organisation), encoded(slug))).await
    }

    /// Makes a ruleset; where the reply is lost, the one of its name is it.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn create_ruleset(&self, name: &str, body: Value) -> Result<u64, Trouble> {
        let call = self.writing(Method::POST, "/rulesets", body, Effect::Makes);
        let look_up = async || {
            let all = self.rulesets().await?;
            Ok(all.into_iter().find(|one| one.is(name)).map(|one| one.id))
        };
        self.make(&call, |made| made["id"].as_u64(), look_up).await
    }

    /// Sets a ruleset as a whole.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn set_ruleset(&self, id: u64, body: Value) -> Result<(), Trouble> {
        self.set(Method::PUT, self.at(&format!("/rulesets/{id}")), Some(body)).await
    }

    /// Makes or sets an environment.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn set_environment(&self, name: &str, body: Value) -> Result<(), Trouble> {
        self.set(Method::PUT, self.environment_at(name, ""), Some(body)).await
    }

    /// Lets branches or tags be deployed; where the reply is lost, the one of its name is it.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn allow_ref(&self, environment: &str, kind: &str, name: &str) -> Result<(), Trouble> {
        let path = self.environment_at(environment, "/deployment-branch-policies");
        let body = json!({"name": name, "type": kind});
        let call =
            Call { method: Method::POST, path, body: Some(Content::Json(body)), effect: Effect::Makes };
        let look_up = async || {
            let all = self.deployment_refs(environment).await?;
            Ok(all.into_iter().find(|one| one.name == name && one.kind() == kind).map(|_| ()))
        };
        match self.make(&call, |_| Some(()), look_up).await {
            // GitHub's way to say that it is there already.
            Err(Trouble::Answered { status: 303, .. }) => Ok(()),
            other => other,
        }
    }

    /// Takes a pattern away again. That it is gone already is as good.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn forbid_ref(&self, environment: &str, id: u64) -> Result<(), Trouble> {
        let path = self.environment_at(environment, &format!("/deployment-branch-policies/{id}"));
        or_absent(self.set(Method::DELETE, path, None).await).map(|_| ())
    }

    /// Sets what the token of a workflow may do that asks for nothing.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn set_workflow_permissions(&self, body: Value) -> Result<(), Trouble> {
        self.set(Method::PUT, self.at("/actions/permissions/workflow"), Some(body)).await
    }

    fn environment_at(&self, name: &str, rest: &str) -> String {
        self.at(&format!("/environments/{}{rest}", encoded(name)))
    }

    async fn set(&self, method: Method, path: String, body: Option<Value>) -> Result<(), Trouble> {
        let call = Call { method, path, body: body.map(Content::Json), effect: Effect::Sets };
        self.call(&call).await.map(|_| ())
    }
}

fn or_absent<T>(reply: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    match reply {
        Err(Trouble::Answered { status: 404, .. }) => Ok(None),
        other => other.map(Some),
    }
}

/// Somebody in a reply: a reviewer of an environment.
pub fn named(value: &Value) -> Option<Named> {
    read(value)
}
