//! The audits: each looks at one document and says what it found. What a finding does is the policy's business.

mod checks;
mod credentials;
mod injection;
mod permissions;
mod pins;
mod release;
mod strangers;

use super::model::{Document, Job, Step};
use crate::evidence::lint::Edit;
use crate::evidence::workflows::{Audit, WorkflowFound};

pub(super) use pins::Used;

/// Findings of one file; whoever has more has the same fault again and again.
pub(super) const FOUND_PER_FILE_MAX: usize = 500;

/// Looks at one document. `required` names the jobs that a ruleset requires, where the policy says so.
pub(super) fn look(document: &Document, required: &[String]) -> (Vec<WorkflowFound>, Used) {
    let mut found = Found { document, found: Vec::new() };
    let used = pins::look(document, &mut found);
    injection::look(document, &mut found);
    credentials::look(document, &mut found);
    if let Some(workflow) = document.workflow() {
        permissions::look(document, workflow, &mut found);
        strangers::look(document, workflow, &mut found);
        release::look(document, workflow, &mut found);
        checks::look(workflow, required, &mut found);
    }
    let mut found = found.found;
    found.sort();
    found.dedup();
    (found, used)
}

/// What was found so far.
struct Found<'a> {
    document: &'a Document,
    found: Vec<WorkflowFound>,
}

/// Where in a document something is.
#[derive(Clone, Copy)]
struct At<'a> {
    line: u32,
    job: Option<&'a Job>,
    step: Option<&'a Step>,
}

impl<'a> At<'a> {
    /// A line of the whole file.
    fn line(line: u32) -> At<'static> {
        At { line, job: None, step: None }
    }

    /// A job.
    fn job(job: &'a Job) -> At<'a> {
        At { line: job.at.line, job: Some(job), step: None }
    }

    /// A step of a job, or of an action.
    fn step(job: Option<&'a Job>, step: &'a Step) -> At<'a> {
        At { line: step.line(), job, step: Some(step) }
    }

    /// The same at another line.
    fn on(self, line: u32) -> At<'a> {
        At { line, ..self }
    }
}

impl Found<'_> {
    fn add(&mut self, audit: Audit, at: At<'_>, message: impl Into<String>) {
        self.add_named(audit, at, message, None);
    }

    fn add_named(&mut self, audit: Audit, at: At<'_>, message: impl Into<String>, name: Option<String>) {
        if self.found.len() >= FOUND_PER_FILE_MAX {
            return;
        }
        self.found.push(WorkflowFound {
            file: self.document.path.clone(),
            line: at.line,
            audit,
            job: at.job.map(|job| job.name.clone()),
            step: at.step.map(|step| step.index),
            message: message.into(),
            name,
            fix: Vec::new(),
        });
    }

    /// What would be written instead of the last finding.
    fn fixed_by(&mut self, edits: Vec<Edit>) {
        if let Some(last) = self.found.last_mut() {
            last.fix = edits;
        }
    }
}

#[cfg(test)]
mod tests;
