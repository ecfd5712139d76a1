//! Names of licences that SPDX has given up, and what they are called now. Pure.

use spdx::expression::ExpressionReq;
use spdx::{Expression, LicenseItem};
use std::collections::BTreeMap;

/// Those that are no GNU licence; SPDX names no other for the rest.
const REPLACED: [(&str, &str); 7] = [
    ("BSD-2-Clause-FreeBSD", "BSD-2-Clause-Views"),
    ("BSD-2-Clause-NetBSD", "BSD-2-Clause"),
    ("Nunit", "zlib-acknowledgement"),
    ("StandardML-NJ", "SMLNJ"),
    ("bzip2-1.0.5", "bzip2-1.0.6"),
    ("eCos-2.0", "GPL-2.0-or-later WITH eCos-exception-2.0"),
    ("wxWindows", "LGPL-2.0-or-later WITH WxWindows-exception-3.1"),
];

/// Each of them in an expression, with today's name where there is one.
pub(super) fn old(expression: &Expression) -> BTreeMap<String, Option<String>> {
    expression.requirements().filter_map(|one| of(one, expression.as_ref())).collect()
}

fn of(wanted: &ExpressionReq, text: &str) -> Option<(String, Option<String>)> {
    let LicenseItem::Spdx { id, .. } = &wanted.req.license else { return None };
    // `GPL-3.0+` becomes `GPL-3.0-or-later` while it is read: only the text says how it was written.
    let end = usize::try_from(wanted.span.end).ok()?;
    let plus = text
        .get(end.saturating_sub(1)..)
        .is_some_and(|rest| rest.starts_with('+') || rest.get(1..).is_some_and(|rest| rest.starts_with('+')));
    if id.is_gnu() && plus {
        let base =
            ["-or-later", "-only", "+"].iter().find_map(|end| id.name.strip_suffix(end)).unwrap_or(id.name);
        return Some((format!("{base}+"), Some(format!("{base}-or-later"))));
    }
    if !id.is_deprecated() {
        return None;
    }
    let known = REPLACED.iter().find(|(old, _)| *old == id.name).map(|(_, now)| (*now).to_owned());
    let only = format!("{}-only", id.name);
    let now = known.or_else(|| spdx::license_id(&only).map(|_| only));
    Some((id.name.to_owned(), now))
}

#[cfg(test)]
mod tests {
    use super::{Expression, old};
    use crate::policy::security::LICENCES;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, Option<&str>)>) {
        let expression = Expression::parse_mode(text, LICENCES).unwrap();
        let found = old(&expression).into_iter().next();
        assert_eq!(found.as_ref().map(|(name, now)| (name.as_str(), now.as_deref())), expected, "{text}");
    }

    #[test]
    fn a_name_that_was_given_up_has_its_successor() {
        check("MIT", None);
        check("GPL-3.0-only", None);
        check("LicenseRef-GPL-3.0", None);
        check("GPL-3.0", Some(("GPL-3.0", Some("GPL-3.0-only"))));
        check("GPL-3.0+", Some(("GPL-3.0+", Some("GPL-3.0-or-later"))));
        check("MIT OR (GPL-2.0+ AND ISC)", Some(("GPL-2.0+", Some("GPL-2.0-or-later"))));
        check("Apache-2.0+ OR GPL-2.0-only", None);
        check("AGPL-3.0", Some(("AGPL-3.0", Some("AGPL-3.0-only"))));
        check("wxWindows", Some(("wxWindows", Some("LGPL-2.0-or-later WITH WxWindows-exception-3.1"))));
        check("Net-SNMP", Some(("Net-SNMP", None)));
        check("GPL-2.0-with-GCC-exception", Some(("GPL-2.0-with-GCC-exception", None)));
    }
}
