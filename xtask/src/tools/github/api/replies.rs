//! What is read of GitHub's answers, each with the few values that count. What GitHub adds to them does no harm.

use serde::Deserialize;

/// A pull request as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// `open` or `closed`.
    pub state: String,
    /// Its newest commit.
    pub head: PullHead,
}

/// The newest commit of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullHead {
    /// The commit.
    pub sha: String,
    /// Where it is; none where the fork is gone.
    pub repo: Option<Repository>,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Repository {
    /// `owner/name`.
    pub full_name: String,
}

/// A check that is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckRun {
    /// Its id.
    pub id: u64,
    /// What its maker calls it: our digest.
    pub external_id: Option<String>,
    /// What it shows.
    pub output: CheckOutput,
}

/// What a check shows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckOutput {
    /// How many annotations it has.
    pub annotations_count: usize,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    /// Its id.
    pub id: u64,
    /// Its text.
    pub body: Option<String>,
    /// Who wrote it.
    pub user: Option<User>,
    /// What the writer is to the repository.
    pub author_association: Option<String>,
}

/// Somebody, or an App.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// `User` or `Bot`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// An issue that is open.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// Whose it is, and its text.
    #[serde(flatten)]
    pub text: Comment,
}

/// A review of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Review {
    /// Who; nobody where the account is gone.
    pub user: Option<Reviewer>,
    /// `APPROVED`, `CHANGES_REQUESTED`, `DISMISSED`, `COMMENTED`.
    pub state: String,
    /// The commit that was looked at.
    pub commit_id: Option<String>,
}

/// Who reviews.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reviewer {
    /// The login.
    pub login: String,
}

/// Who approves of this commit: whose last word is an approval, and of it. Remarks in between change nothing.
pub fn approvers<'a>(reviews: &'a [Review], commit: &str) -> Vec<&'a str> {
    let mut last: std::collections::BTreeMap<&str, &Review> = std::collections::BTreeMap::new();
    for review in reviews {
        let is_word = matches!(review.state.as_str(), "APPROVED" | "CHANGES_REQUESTED" | "DISMISSED");
        if let Some(user) = review.user.as_ref().filter(|_| is_word) {
            last.insert(&user.login, review);
        }
    }
    let approves =
        |review: &Review| review.state == "APPROVED" && review.commit_id.as_deref() == Some(commit);
    last.into_iter().filter(|(_, review)| approves(review)).map(|(login, _)| login).collect()
}

impl Comment {
    /// Whether it can be ours: of an App, or of somebody of the house. A stranger who copies our mark into a comment of his own
    /// must not have his text kept up to date by us.
    pub fn is_of_the_house(&self) -> bool {
        let app = self.user.as_ref().is_some_and(|user| user.kind == "Bot");
        let house = ["OWNER", "MEMBER", "COLLABORATOR"];
        app || self.author_association.as_deref().is_some_and(|what| house.contains(&what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_stranger_s_comment_is_never_ours() {
        let comment = |kind: &str, association: &str| {
            let value =
                json!({"id": 1, "body": "x", "user": {"type": kind}, "author_association": association});
            Comment::deserialize(&value).unwrap().is_of_the_house()
        };
        assert!(comment("Bot", "NONE") && comment("User", "MEMBER"));
        assert!(!comment("User", "CONTRIBUTOR") && !comment("User", "NONE"));
    }

    #[test]
    fn the_last_word_of_each_counts_and_only_for_its_commit() {
        let review = |login: &str, state: &str, commit: &str| {
            let value = json!({"user": {"login": login}, "state": state, "commit_id": commit});
            Review::deserialize(&value).unwrap()
        };
        let reviews = [
            review("ada", "APPROVED", "a"),
            review("ada", "COMMENTED", "a"),
            review("bob", "APPROVED", "a"),
            review("bob", "CHANGES_REQUESTED", "a"),
            review("cyd", "APPROVED", "old"),
            review("dan", "DISMISSED", "a"),
            Review { user: None, state: "APPROVED".to_owned(), commit_id: Some("a".to_owned()) },
        ];
        assert_eq!(approvers(&reviews, "a"), ["ada"]);
    }
}
