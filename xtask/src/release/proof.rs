//! Whether evidence lets a commit out as a version: it is read from a file, so it is judged again here.

use crate::digest::{Digest, short_commit};
use crate::evidence::{Evidence, SCHEMA};
use crate::policy::Policy;
use crate::verdict::{Gate, Outcome};

/// What is about to be published.
#[derive(Debug, Clone)]
pub struct Published<'a> {
    /// The commit.
    pub commit: &'a str,
    /// The digest of its tree.
    pub tree: &'a Digest,
    /// The policy in force.
    pub policy: &'a Policy,
}

/// Nothing, where every gate of a workspace passed for this commit under this policy, and the image's where it was measured.
///
/// # Errors
/// Why it does not let it out.
pub fn lets_out(evidence: &Evidence, published: &Published<'_>) -> Result<(), String> {
    let subject = &evidence.subject;
    if evidence.schema != SCHEMA {
        return Err(format!("its schema is `{}`, this version reads `{SCHEMA}`", evidence.schema));
    }
    if subject.commit != published.commit || subject.tree != *published.tree {
        let [theirs, ours] = [&subject.commit, published.commit].map(short_commit);
        return Err(format!("it speaks of commit {theirs}, and {ours} is released"));
    }
    if subject.dirty {
        return Err("it speaks of files that were not committed".to_owned());
    }
    if subject.policy != published.policy.hash() {
        return Err("it was gathered under other policies".to_owned());
    }
    let gates: &[Gate] =
        if evidence.gates.image.is_some() { &Gate::FOR_RELEASE } else { &Gate::OF_WORKSPACE };
    let verdict = crate::gates::verdict(published.policy, evidence, gates);
    match verdict.outcome {
        Outcome::Passed => Ok(()),
        _ => {
            let failed = verdict.gates.iter().filter(|gate| gate.outcome != Outcome::Passed);
            let failed: Vec<&str> = failed.map(|gate| gate.gate.name()).collect();
            Err(format!("it does not pass: {}", failed.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::passing;
    use super::*;

    #[test]
    fn only_what_passed_for_this_very_commit_lets_it_out() {
        let policy = Policy::default();
        let check = |tamper: fn(&mut Evidence), expected: Result<(), &str>| {
            let mut evidence = passing(&policy);
            let tree = evidence.subject.tree.clone();
            tamper(&mut evidence);
            let said = lets_out(&evidence, &Published { commit: "c", tree: &tree, policy: &policy });
            match expected {
                Ok(()) => assert_eq!(said, Ok(())),
                Err(words) => assert!(said.clone().is_err_and(|why| why.contains(words)), "{said:?}"),
            }
        };
        check(|_| {}, Ok(()));
        check(|evidence| evidence.gates.image = None, Ok(()));
        check(|evidence| evidence.schema = "x".into(), Err("schema"));
        check(|evidence| evidence.subject.commit = "d".into(), Err("speaks of commit d"));
        check(|evidence| evidence.subject.tree = Digest::of(b"other"), Err("speaks of commit"));
        check(|evidence| evidence.subject.dirty = true, Err("not committed"));
        check(|evidence| evidence.subject.policy = Digest::of(b"other"), Err("other policies"));
        check(|evidence| evidence.gates.tests = None, Err("does not pass: tests"));
    }
}
