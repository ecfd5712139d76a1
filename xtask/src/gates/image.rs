//! The gate `image`: an image that is too big is refused, with the files that make it so.

use crate::evidence::image::{ImageEvidence, LargeFile};
use crate::policy::ImagePolicy;
use crate::verdict::{Finding, Gate, GateVerdict, Severity};

/// Files that the finding names.
const NAMED_MAX: usize = 3;

/// Judges an image.
pub fn judge(policy: &ImagePolicy, evidence: &ImageEvidence, duration_ms: u64) -> GateVerdict {
    let (size, most) = (evidence.size_bytes, policy.size_bytes_max);
    let facts = serde_json::json!({
        "digest": evidence.digest, "size_bytes": size, "size_bytes_max": most, "largest": evidence.largest,
    });
    let findings = if size > most { vec![too_big(size, most, &evidence.largest)] } else { vec![] };
    GateVerdict::of(Gate::Image, duration_ms, facts, findings)
}

fn too_big(size: u64, most: u64, largest: &[LargeFile]) -> Finding {
    let name = |file: &LargeFile| format!("{} ({} bytes)", file.path, file.size_bytes);
    let named: Vec<String> = largest.iter().take(NAMED_MAX).map(name).collect();
    Finding::new(
        Gate::Image,
        "too-big",
        Severity::Error,
        format!("the image has {size} bytes, {most} are allowed; its largest files: {}", named.join(", ")),
        "make it smaller, or raise `size_bytes_max` in policies/image.yaml",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::verdict::Outcome;

    fn judged(size_bytes: u64) -> GateVerdict {
        let largest = vec![LargeFile { path: "/app/svc".to_owned(), size_bytes: 900 }];
        let evidence = ImageEvidence { digest: Digest::of(b""), size_bytes, largest };
        judge(&ImagePolicy { size_bytes_max: 1000, ..ImagePolicy::default() }, &evidence, 5)
    }

    #[test]
    fn the_limit_itself_is_allowed_and_one_more_is_not() {
        assert_eq!(judged(1000).outcome, Outcome::Passed);
        let refused = judged(1001);
        assert_eq!(refused.outcome, Outcome::Refused);
        assert_eq!(refused.findings[0].code, "image/too-big");
        assert!(refused.findings[0].message.contains("/app/svc (900 bytes)"), "{:?}", refused.findings);
    }
}
